package notify

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

var errAway = holdfast.Errorf(holdfast.Unavailable, "the journal is away")

func TestAPageLeavesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": func(_ context.Context, m Message) Outcome {
			facts := w.facts()
			if !strings.HasSuffix(facts, "sending") {
				t.Errorf("sent before the claim was written: %s", facts)
			}
			if m.Subject != "一級事件" || m.Attempt != 1 || m.Asked.IsZero() {
				t.Errorf("%+v", m)
			}
			return Outcome{Result: Sent, Detail: "250 queued"}
		}})
		time.Sleep(time.Hour) // nothing to do all the while
		notice := note("mei", "smtp")
		n.ask(notice)
		synctest.Wait() // without the clock moving
		d := n.delivery(notice)
		if d.State != Delivered || d.Detail != "250 queued" || w.started(&d) != 0 {
			t.Errorf("%+v", d)
		}
		if got := w.facts(); got != "asked sending delivered" {
			t.Errorf("facts: %s", got)
		}
		n.ask(notice)
		time.Sleep(time.Hour)
		if got := w.sent(); got != "mei#1" {
			t.Errorf("asked for twice, sent: %s", got)
		}
	})
}

func TestRetriesMoveApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		urgent bool
		waits  []time.Duration // between the first attempts
		atMost time.Duration
		total  time.Duration
	}{
		{false, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}, 15 * time.Minute, 2 * time.Hour},
		{true, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}, 2 * time.Minute, 12 * time.Hour},
	} {
		t.Run(fmt.Sprintf("urgent %t", tt.urgent), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var at []time.Time
				n := w.node(map[string]sendFunc{"smtp": func(context.Context, Message) Outcome {
					at = append(at, time.Now()) // one attempt at a time
					return Outcome{Result: Retry, Detail: "451 try again"}
				}})
				notice := note("mei", "smtp")
				notice.Urgent = tt.urgent
				n.ask(notice)
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				for i, wait := range tt.waits {
					if got := at[i+1].Sub(at[i]); got != wait {
						t.Errorf("attempt %d came after %s, want %s", i+2, got, wait)
					}
				}
				last := at[len(at)-1].Sub(at[0])
				if last > tt.total || last < tt.total-tt.atMost {
					t.Errorf("the last attempt was after %s, want shortly before %s", last, tt.total)
				}
				for i := range at[1:] {
					if got := at[i+1].Sub(at[i]); got > tt.atMost {
						t.Errorf("attempt %d came after %s", i+2, got)
					}
				}
				if d := n.delivery(notice); d.State != GaveUp || d.Attempts != len(at) || d.Detail != "451 try again" {
					t.Errorf("%+v", d)
				}
				if !strings.Contains(w.log.String(), "given up") {
					t.Error("the log does not say that it was given up")
				}
			})
		})
	}
}

func TestARefusalIsFinal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Refused, Detail: "550 no such mailbox"})})
		notice := urgent(note("mei", "smtp"))
		n.ask(notice)
		time.Sleep(24 * time.Hour)
		if d := n.delivery(notice); d.State != GaveUp || d.Detail != "550 no such mailbox" {
			t.Errorf("%+v", d)
		}
		if got := w.facts(); got != "asked sending gave-up" {
			t.Errorf("facts: %s", got)
		}
	})
}

func TestNoSender(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})})
		pager := note("mei", "pager")
		n.ask(pager, note("mei", "smtp"))
		time.Sleep(24 * time.Hour)
		if d := n.delivery(pager); d.State != GaveUp || d.Attempts != 0 || !strings.Contains(d.Detail, "no sender") {
			t.Errorf("%+v", d)
		}
		if got := w.sent(); got != "mei#1" {
			t.Errorf("sent: %s", got)
		}
		if got := strings.Count(w.facts(), "gave-up"); got != 1 {
			t.Errorf("given up %d times", got)
		}
	})
}

// A node dies after the message left and before the result is written.
func TestCrashBetweenAttemptAndResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		first := w.node(map[string]sendFunc{"smtp": func(ctx context.Context, _ Message) Outcome {
			<-ctx.Done()
			return Outcome{Result: Sent}
		}})
		notice := urgent(note("mei", "smtp"))
		first.ask(notice)
		synctest.Wait()
		first.kill()
		if got := w.facts(); got != "asked sending" {
			t.Fatalf("facts: %s", got)
		}
		second := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})})
		d := second.delivery(notice)
		time.Sleep(time.Until(d.Due) - 1)
		synctest.Wait()
		if got := w.sent(); got != "mei#1" {
			t.Errorf("resent although the claim still held: %s", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := w.facts(); got != "asked sending doubtful sending delivered" {
			t.Errorf("facts: %s", got)
		}
		if w.sent() != "mei#1 mei#2" || w.keys[0] != w.keys[1] {
			t.Errorf("sent %s under the ids %q", w.sent(), w.keys)
		}
		if d := second.delivery(notice); d.State != Delivered || d.Attempts != 2 || time.Since(d.Asked) > time.Minute {
			t.Errorf("%+v", d)
		}
	})
}

// The result is known but the journal is away: it is written as soon as the
// journal is back, and the message is not sent again.
func TestTheJournalIsAwayWithAResult(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault func(w *world, n *node)
		facts string
	}{
		"for a while":         {func(_ *world, n *node) { n.link.breaks(times(20, kindDelivered)) }, "asked sending delivered"},
		"in doubt, written":   {func(w *world, _ *node) { w.store.Doubt(true) }, "asked sending delivered"},
		"in doubt, unwritten": {func(w *world, _ *node) { w.store.Doubt(false) }, "asked sending delivered"},
		"until the claim ran out": {
			func(_ *world, n *node) { n.link.breaks(times(150, kindDelivered)) }, "asked sending doubtful sending delivered",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var n *node
				n = w.node(map[string]sendFunc{"smtp": func(_ context.Context, m Message) Outcome {
					if m.Attempt == 1 {
						tt.fault(w, n)
					}
					return Outcome{Result: Sent}
				}})
				n.ask(note("mei", "smtp"))
				time.Sleep(time.Hour)
				if got := w.facts(); got != tt.facts {
					t.Errorf("facts: %s", got)
				}
				if got, want := len(strings.Fields(w.sent())), strings.Count(tt.facts, "sending"); got != want {
					t.Errorf("sent: %s", w.sent())
				}
			})
		})
	}
}

func TestNothingIsSentWithoutAClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})})
		n.link.breaks(times(3, kindSending))
		n.ask(note("mei", "smtp"))
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		if got := w.sent(); got != "" {
			t.Errorf("sent without a claim: %s", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := w.sent(); got != "mei#1" {
			t.Errorf("sent once the journal was back: %q", got)
		}
		if got := strings.Count(w.log.String(), "cannot be claimed"); got != 3 {
			t.Errorf("%d lines in the log", got)
		}
	})
}

func TestASenderThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": func(_ context.Context, m Message) Outcome {
			if m.Attempt == 1 {
				panic("index out of range")
			}
			return Outcome{Result: Sent}
		}})
		notice := note("mei", "smtp")
		n.ask(notice)
		time.Sleep(time.Minute)
		if got := w.facts(); got != "asked sending doubtful sending delivered" {
			t.Errorf("facts: %s", got)
		}
		if !strings.Contains(w.log.String(), "index out of range") {
			t.Errorf("log: %s", w.log.String())
		}
	})
}

func TestAnAttemptHasALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": hang})
		notice := note("mei", "smtp")
		n.ask(notice)
		time.Sleep(20*time.Second - 1)
		synctest.Wait()
		if d := n.delivery(notice); d.State != Sending {
			t.Errorf("%s before the limit", d.State)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if d := n.delivery(notice); d.State != Doubtful || d.Detail != "no answer" {
			t.Errorf("%+v", d)
		}
	})
}

// What is under way when a node is told to stop is finished and recorded.
func TestAnOrderlyStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{
			"smtp":    func(context.Context, Message) Outcome { time.Sleep(2 * time.Second); return Outcome{Result: Sent} },
			"webhook": hang,
		})
		mail, hook := note("mei", "smtp"), note("mei", "webhook")
		n.ask(mail, hook)
		synctest.Wait()
		began := time.Now()
		n.stop()
		if took := time.Since(began); took != grace {
			t.Errorf("stopping took %s, want %s", took, grace)
		}
		if d := n.delivery(mail); d.State != Delivered {
			t.Errorf("the mail is %s", d.State)
		}
		if d := n.delivery(hook); d.State != Doubtful {
			t.Errorf("the webhook is %s", d.State)
		}
	})
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"mei@example.com": "c", "https://im.example.com/hook/7": "c im.example.com", "http://10.0.0.7:8080?x=/": "c 10.0.0.7:8080",
		"https://h": "c h", "": "c",
	} {
		if got := place("c", address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	good := CourierOptions{Desk: &journal.Desk{}, Book: NewBook(), Log: slog.New(slog.DiscardHandler), Senders: map[string]Sender{}}
	for name, edit := range map[string]func(*CourierOptions){
		"no desk": func(o *CourierOptions) { o.Desk = nil }, "no book": func(o *CourierOptions) { o.Book = nil },
		"no log": func(o *CourierOptions) { o.Log = nil }, "negative": func(o *CourierOptions) { o.Limit = -1 },
	} {
		o := good
		edit(&o)
		if _, err := NewCourier(o); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	c, err := NewCourier(good)
	if err != nil || c.AtOnce != 64 || c.ToOne != 8 || c.claim != 30*time.Second {
		t.Errorf("%+v, %v", c, err)
	}
}
