package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// A gate that beats at one node is known at all; one that stops is silent at all, and
// so are those of a node that dies, though its document is still there. The nodes'
// clocks need not agree.
func TestHeartbeatsAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := journal.NewMemory("j")
		var loops sync.WaitGroup
		var nodes []*Node
		var stops []context.CancelFunc
		for i := range 2 {
			ctx, stop := context.WithCancel(t.Context())
			late := time.Duration(i) * 3 * time.Second
			desk := &journal.Desk{Journal: store, State: journal.NewState(store, store.Genesis()), Now: func() time.Time { return time.Now().Add(-late) }}
			n := NewNode(desk, nil, enrolment.NewBook(), traffic.NewSeries(), slog.New(slog.DiscardHandler))
			loops.Go(func() {
				if err := n.Share(ctx, store); err != nil {
					t.Error(err)
				}
			})
			nodes, stops = append(nodes, n), append(stops, stop)
		}
		age := func(n *Node, name string) time.Duration {
			l, ok := n.Live(name)
			if !ok {
				return -1
			}
			return n.Desk.Now().Sub(l.Seen)
		}
		if got := age(nodes[1], "east"); got != -1 {
			t.Errorf("heard before it spoke: %v", got)
		}
		for i := range uint64(10) {
			nodes[0].seen(gate.Heartbeat{Gate: "east", Boot: "one", Nonce: i, InFlight: int(i), Alarm: "full"})
			time.Sleep(2 * time.Second)
			synctest.Wait() // both nodes act each second, this one too
			if got := age(nodes[1], "east"); got < 0 || got > 4*time.Second {
				t.Fatalf("after %d beats it was last heard %v ago", i+1, got)
			}
		}
		l, _ := nodes[1].Live("east")
		if l.Heartbeat.InFlight != 9 || l.Heartbeat.Alarm != "full" || l.Following {
			t.Errorf("the other node has %+v", l)
		}
		// It goes to the other node, which is then heard first.
		nodes[1].seen(gate.Heartbeat{Gate: "east", Boot: "one", Nonce: 20, InFlight: 20})
		if l, _ := nodes[1].Live("east"); l.Heartbeat.InFlight != 20 {
			t.Errorf("its own word counts less: %+v", l)
		}
		nodes[0].seen(gate.Heartbeat{Gate: "west", Boot: "w"})
		time.Sleep(2500 * time.Millisecond) // within a second one hands on, within the next the other takes over
		if got := age(nodes[1], "west"); got < 0 || got > 3*time.Second {
			t.Errorf("west: %v", got)
		}
		stops[0]()
		time.Sleep(10 * time.Second)
		if got := age(nodes[1], "west"); got < 9*time.Second {
			t.Errorf("a gate of a node that is gone was heard %v ago", got)
		}
		stops[1]()
		loops.Wait()
	})
}

// What a node cannot have written is refused, and what does not fit is left out.
func TestHeartbeatsThatAreHandedOn(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{", `[{"age_ms":-1,"heartbeat":{"gate":"east"}}]`, `[{"age_ms":10001,"heartbeat":{"gate":"east"}}]`, `[{"age_ms":1,"heartbeat":{"gate":"E A"}}]`} {
		if list, err := unpackLive([]byte(text)); err == nil {
			t.Errorf("%s was read as %+v", text, list)
		}
	}
	var list []saidLast
	for range 40 {
		list = append(list, saidLast{1, gate.Heartbeat{Gate: "east", Local: []posture.Directive{{Scope: strings.Repeat("x", 60_000)}}}})
	}
	b, err := packLive(list)
	if err != nil || len(b) > journal.MaxDocument {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if got, err := unpackLive(b); err != nil || len(got) != 10 {
		t.Errorf("%d of 40, %v", len(got), err)
	}
}

func FuzzUnpackLive(f *testing.F) {
	f.Add([]byte(`[{"age_ms":5,"heartbeat":{"gate":"east","boot":"one","nonce":7,"in_flight":3}}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpackLive(b)
		if err != nil {
			return
		}
		packed, err := packLive(list)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unpackLive(packed)
		x, _ := json.Marshal(list)
		y, _ := json.Marshal(again)
		if err != nil || len(again) == len(list) && !reflect.DeepEqual(x, y) {
			t.Fatalf("%s became %s, %v", x, y, err)
		}
	})
}
