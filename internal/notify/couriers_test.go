package notify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
)

func TestManyCouriersSendOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		slow := func(context.Context, Message) Outcome { time.Sleep(time.Second); return Outcome{Result: Sent} }
		var nodes []*node
		for range 3 {
			nodes = append(nodes, w.node(map[string]sendFunc{"smtp": slow}))
		}
		var notices []Notice
		for i := range 20 {
			notices = append(notices, note(fmt.Sprintf("p%02d", i), "smtp"))
		}
		for _, n := range nodes { // each asks for the same
			n.ask(notices...)
		}
		time.Sleep(time.Hour)
		got := strings.Fields(w.sent())
		slices.Sort(got)
		if len(got) != 20 || len(slices.Compact(got)) != 20 {
			t.Errorf("sent: %v", got)
		}
		for _, notice := range notices {
			if d := nodes[1].delivery(notice); d.State != Delivered {
				t.Errorf("%s is %s", d.Person, d.State)
			}
		}
	})
}

func TestASlowReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{
			"smtp": always(Outcome{Result: Sent}),
			"webhook": func(ctx context.Context, m Message) Outcome {
				if strings.Contains(m.Address, "slow") {
					return hang(ctx, m)
				}
				return Outcome{Result: Sent}
			},
		})
		var quick, slow []Notice
		for i := range 100 {
			s := note(fmt.Sprintf("s%d", i), "webhook")
			s.Address = "https://slow.example.com/hook/" + s.Person
			slow = append(slow, urgent(s))
		}
		for i := range 10 {
			quick = append(quick, note(fmt.Sprintf("q%d", i), "webhook"), note(fmt.Sprintf("q%d", i), "smtp"))
		}
		n.ask(slow...)
		n.ask(quick...)
		synctest.Wait() // without the clock moving
		for _, notice := range quick {
			if d := n.delivery(notice); d.State != Delivered {
				t.Errorf("%s over %s is %s", d.Person, d.Channel, d.State)
			}
		}
		running := 0
		for _, notice := range slow {
			if n.delivery(notice).State == Sending {
				running++
			}
		}
		if running != 8 {
			t.Errorf("%d attempts at the slow receiver at once, want 8", running)
		}
	})
}

func TestAttemptsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		now, most := 0, 0
		n := w.node(map[string]sendFunc{"webhook": func(context.Context, Message) Outcome {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return Outcome{Result: Sent}
		}}, func(o *CourierOptions) { o.AtOnce = 5 })
		var notices []Notice
		for i := range 23 {
			x := note(fmt.Sprintf("p%d", i), "webhook")
			x.Address = fmt.Sprintf("https://h%d.example.com/", i)
			notices = append(notices, x)
		}
		n.ask(notices...)
		time.Sleep(4500 * time.Millisecond)
		synctest.Wait()
		if got := len(strings.Fields(w.sent())); most != 5 || got != 23 {
			t.Errorf("%d at once, %d sent; want 5 and 23", most, got)
		}
	})
}

// A page to hundreds claims those it has room for together, and each is still
// claimed before its first byte and recorded by itself.
func TestAPageToManyIsClaimedTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": func(context.Context, Message) Outcome { time.Sleep(time.Second); return Outcome{Result: Sent} }},
			func(o *CourierOptions) { o.AtOnce, o.ToOne = 50, 50 })
		claims := 0
		n.link.breaks(func(kind string) error {
			if kind == kindSending {
				claims++
			}
			return nil
		})
		var notices []Notice
		for i := range 200 {
			notices = append(notices, urgent(note(fmt.Sprintf("p%03d", i), "smtp")))
		}
		n.ask(notices...)
		time.Sleep(time.Hour)
		if got := strings.Fields(w.facts()); len(got) != 600 || claims > 200/2 {
			t.Errorf("%d facts, %d appends with claims", len(got), claims)
		}
		for _, notice := range notices {
			if d := n.delivery(notice); d.State != Delivered || d.Attempts != 1 {
				t.Errorf("%s is %s after %d attempts", d.Person, d.State, d.Attempts)
			}
		}
	})
}

func TestUrgentNoticesGoFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		send := func(context.Context, Message) Outcome { time.Sleep(time.Second); return Outcome{Result: Sent} }
		n := w.node(map[string]sendFunc{"smtp": send}, func(o *CourierOptions) { o.ToOne = 1 })
		n.ask(note("first", "smtp"))
		synctest.Wait()
		n.ask(note("calm", "smtp"))
		n.ask(urgent(note("chief", "smtp")))
		time.Sleep(10 * time.Second)
		if got := w.sent(); got != "first#1 chief#1 calm#1" {
			t.Errorf("sent: %s", got)
		}
	})
}

func TestAcknowledgementEndsRetries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Retry}), "webhook": always(Outcome{Result: Sent})})
		n.ask(urgent(note("mei", "smtp")), urgent(note("mei", "webhook")))
		time.Sleep(3 * time.Second)
		by := holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
		for range 2 {
			if err := n.Acknowledge(t.Context(), by, "2026-1", "tell", "mei", "console", "on my way"); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(24 * time.Hour)
		if got := strings.Count(w.sent(), "mei#"); got != 3 {
			t.Errorf("sent: %s", w.sent())
		}
		if got := strings.Count(w.facts(), "acknowledged"); got != 1 {
			t.Errorf("%d acknowledgements", got)
		}
		n.Desk.State.View(func() {
			p := n.Book.ByTask("2026-1", "tell")[0]
			if p.Ack == nil || p.Ack.By != by || p.Ack.Note != "on my way" {
				t.Errorf("%+v", p.Ack)
			}
		})
		err := n.Acknowledge(t.Context(), by, "2026-1", "tell", "lin", "phone", "")
		if holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("somebody who is not told: %v", err)
		}
	})
}
