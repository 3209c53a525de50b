package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/traffic"
)

func counted(boot string, second int64, n int64) traffic.Snapshot {
	return traffic.Snapshot{Boot: boot, Sequence: uint64(second), Second: second, Rows: []traffic.Row{
		{Key: traffic.Key{Route: "pay", Verdict: "forward"}, Cell: traffic.Cell{Count: n, Named: n}},
	}}
}

// What a gate reports to one node, every node has once.
func TestShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var loops sync.WaitGroup
		store := journal.NewMemory("j")
		var nodes []*Node
		for range 2 {
			state := journal.NewState(store, store.Genesis())
			n := NewNode(&journal.Desk{Journal: store, State: state, Now: time.Now}, nil, enrolment.NewBook(), traffic.NewSeries(), slog.New(slog.DiscardHandler))
			loops.Go(func() {
				if err := n.Share(ctx, store); err != nil {
					t.Error(err)
				}
			})
			nodes = append(nodes, n)
		}
		synctest.Wait()
		first := time.Now().Unix()
		for i := range int64(30) {
			now := time.Now()
			for k, n := range nodes {
				s := counted(fmt.Sprint("boot", k), now.Unix(), i+1)
				if err := n.Series.Add(now.Unix(), fmt.Sprint("gate-", k), s); err != nil {
					t.Error(err)
				}
				n.hand(fmt.Sprint("gate-", k), s, now)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(3 * time.Second)
		for k, n := range nodes {
			for i := range int64(30) {
				got := n.Series.Second(first + i)
				if len(got.Heard) != 2 || got.Rows[0].Count != 2*(i+1) || got.Rows[0].Named != 2*(i+1) {
					t.Errorf("node %d, second %d: %+v", k, i, got)
				}
			}
		}
		stop()
		loops.Wait()
	})
}

// A report is handed on where there are several nodes, and kept nowhere else.
func TestReportIsHandedOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	r.enrol("east", "one", gate.Static)
	for _, name := range []string{"", "traffic/me"} {
		r.node.sharing.name = name
		s := counted("one", time.Now().Unix(), 3)
		if _, err := r.node.Report(t.Context(), gate.Report{Gate: "east", Boot: "one", Account: "a-east", Counts: []traffic.Snapshot{s}}); err != nil {
			t.Fatal(err)
		}
		if got := r.node.lately(time.Now()); (len(got) == 1) != (name != "") {
			t.Errorf("as %q: %+v", name, got)
		}
	}
	if got := r.node.lately(time.Now().Add(time.Minute)); len(got) > 0 {
		t.Errorf("kept for a minute: %+v", got)
	}
}

// What does not fit is left out, the oldest first.
func TestHandedFits(t *testing.T) {
	t.Parallel()
	draw := rand.New(rand.NewPCG(1, 1))
	var list []handed
	for i := range 60 {
		s := counted("boot", int64(100-i), 5)
		for range 1000 {
			s.Rows = append(s.Rows, traffic.Row{Key: traffic.Key{Route: fmt.Sprint(draw.Uint64(), draw.Uint64())}, Cell: traffic.Cell{Count: 1}})
		}
		list = append(list, handed{Gate: "east", Counts: s})
	}
	b, err := packHanded(list)
	if err != nil || len(b) > journal.MaxDocument {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	got, err := unpackHanded(b)
	if err != nil || len(got) < 10 || len(got) == 60 || got[0].Counts.Second != 100 {
		t.Errorf("%d snapshots, %v", len(got), err)
	}
}

func FuzzUnpackHanded(f *testing.F) {
	good, err := packHanded([]handed{{Gate: "east", Counts: counted("boot", 5, 3)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := unpackHanded(b)
		if err != nil {
			return
		}
		packed, err := packHanded(list)
		if err != nil {
			t.Fatal(err)
		}
		again, err := unpackHanded(packed)
		if err != nil || len(again) != len(list) {
			t.Fatalf("%+v became %+v, %v", list, again, err)
		}
		x, _ := json.Marshal(list)
		y, _ := json.Marshal(again)
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("%s became %s", x, y)
		}
	})
}
