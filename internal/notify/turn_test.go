package notify

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

// What is not urgent waits for the end of the quiet hours, and starts at that very
// instant; what is urgent does not wait.
func TestQuietHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		begin := time.Now()
		end := begin.Add(9*time.Hour + 17*time.Second)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})}, func(o *CourierOptions) {
			o.Quiet = func(person string, now time.Time) time.Time {
				if person == "mei" && now.Before(end) {
					return end
				}
				return time.Time{}
			}
		})
		calm, page := note("mei", "smtp"), urgent(note("mei", "webhook"))
		page.Channel = "smtp"
		n.ask(calm, page, note("lin", "smtp"))
		synctest.Wait()
		if got := w.sent(); got != "mei#1 lin#1" && got != "lin#1 mei#1" {
			t.Fatalf("sent at once: %s", got)
		}
		time.Sleep(9 * time.Hour)
		synctest.Wait()
		if d := n.delivery(calm); d.State != Asked || len(d.Log) != 0 {
			t.Fatalf("before the end: %+v", d)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		d := n.delivery(calm)
		if d.State != Delivered || !d.Begun.Equal(end) {
			t.Errorf("%s, begun %s after the quiet hours", d.State, d.Begun.Sub(end))
		}
	})
}

// A failure before the quiet hours does not count against the time after them.
func TestQuietHoursCostNoPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		end := time.Now().Add(9 * time.Hour)
		n := w.node(map[string]sendFunc{"smtp": func(_ context.Context, m Message) Outcome {
			return Outcome{Result: map[bool]Result{true: Sent, false: Retry}[m.Attempt == 2]}
		}}, func(o *CourierOptions) {
			o.Quiet = func(_ string, now time.Time) time.Time {
				if now.Before(end) {
					return end
				}
				return time.Time{}
			}
		})
		n.ask(note("mei", "smtp"))
		time.Sleep(9*time.Hour + time.Minute)
		synctest.Wait()
		if d := n.delivery(note("mei", "smtp")); d.State != Delivered || d.Attempts != 2 {
			t.Errorf("%s after %d attempts", d.State, d.Attempts)
		}
	})
}

// One person gets at most so many notices in ten minutes, all in the end, and
// urgent ones at once whatever went before.
func TestPerPerson(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})}, func(o *CourierOptions) { o.PerPerson = 3 })
		var calm []Notice
		for i := range 8 {
			x := note("mei", "smtp")
			x.ID, x.Task = fmt.Sprintf("calm%d", i), fmt.Sprintf("task%d", i)
			calm = append(calm, x)
		}
		n.ask(append(calm, note("lin", "smtp"))...)
		synctest.Wait()
		if got := w.sent(); strings.Count(got, "mei") != 3 || strings.Count(got, "lin") != 1 {
			t.Fatalf("at once: %s", got)
		}
		page := urgent(note("mei", "smtp"))
		n.ask(page)
		synctest.Wait()
		if d := n.delivery(page); d.State != Delivered || !d.Begun.Equal(d.Asked) {
			t.Errorf("the urgent one: %s, %s late", d.State, d.Begun.Sub(d.Asked))
		}
		for i, want := range []int{6, 8} {
			time.Sleep(10*time.Minute + time.Second)
			synctest.Wait()
			if got := strings.Count(w.sent(), "mei") - 1; got != want {
				t.Errorf("after %d spans %d were sent, not %d", i+1, got, want)
			}
		}
	})
}

// A clock that is set back holds up nothing: what waited for a moment before it, what
// was asked for after it, and what waits for its turn leave at once; and what was set
// forward is noticed within a minute.
func TestAClockIsSet(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]time.Duration{"back a day": -24 * time.Hour, "back two minutes": -2 * time.Minute, "forward an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var offset atomic.Int64
				clock := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
				fails := func(_ context.Context, m Message) Outcome {
					return Outcome{Result: map[bool]Result{true: Retry, false: Sent}[m.Attempt < 8]}
				}
				n := w.node(map[string]sendFunc{"smtp": fails, "sms": always(Outcome{Result: Sent}), "slack": hang}, func(o *CourierOptions) {
					o.Desk.Now, o.PerPerson = clock, 1
				})
				page, calm, hung := urgent(note("mei", "smtp")), note("lin", "sms"), urgent(note("wu", "slack"))
				second := calm
				second.ID, second.Task = "second", "another"
				n.ask(page, calm, second, hung)
				time.Sleep(100 * time.Second) // in the middle of a wait of two minutes
				synctest.Wait()
				before := n.delivery(page).Attempts
				offset.Store(int64(by))
				time.Sleep(longestWait + claimMargin)
				synctest.Wait()
				if d := n.delivery(page); d.Attempts <= before {
					t.Errorf("the page is %s after %d attempts, next %s", d.State, d.Attempts, d.Due)
				}
				if d := n.delivery(hung); d.Attempts < 3 {
					t.Errorf("the page that hangs had %d attempts", d.Attempts)
				}
				time.Sleep(11 * time.Minute)
				synctest.Wait()
				if d := n.delivery(second); d.State != Delivered {
					t.Errorf("what waited for its turn is %s", d.State)
				}
				if d := n.delivery(page); d.State != Delivered {
					t.Errorf("the page is %s", d.State)
				}
			})
		})
	}
}

// Whatever is asked for when: no ten minutes have more than the limit, and nothing
// waits longer than the queue before it must.
func TestTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, most := NewBook(), rapid.IntRange(1, 4).Draw(t, "most")
		now := t0
		var began []time.Time
		for i := range rapid.IntRange(1, 30).Draw(t, "n") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "s")) * time.Second)
			if at := b.turn("mei", most, now); at.After(now) {
				if at.Sub(now) > span {
					t.Fatalf("waits %s", at.Sub(now))
				}
				now = at
			}
			began = append(began, now)
			if i >= most && now.Sub(began[i-most]) < span {
				t.Fatalf("%d within %s", most+1, now.Sub(began[i-most]))
			}
			b.begun["mei"] = append(within(b.begun["mei"], now), now)
			if b.turn("lin", most, now).After(now) {
				t.Fatal("lin waits for mei")
			}
		}
	})
}

// A drill is marked whatever the channel shows, once, in the person's language; and
// it never leaves for an address of an outside party.
func TestDrills(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Sent})}, func(o *CourierOptions) {
			o.Outside = func(channel, address string) bool { return channel == "smtp" && address == "bank@example.com" }
		})
		drill, outside, real := note("mei", "smtp"), note("lin", "smtp"), note("wu", "smtp")
		drill.Drill, drill.Lang = true, holdfast.ZhHant
		outside.Drill, outside.Address = true, "bank@example.com"
		real.Address = "bank@example.com"
		n.ask(drill, outside, real)
		synctest.Wait()
		if d := n.delivery(drill); !strings.HasPrefix(d.Subject, "【演練】 ") || !strings.HasPrefix(d.Body, "【演練】 ") || strings.Count(d.Text(1000), "【演練】") != 2 {
			t.Errorf("%q %q", d.Subject, d.Body)
		}
		if d := n.delivery(outside); d.State != GaveUp || d.Attempts != 0 || d.Detail != noParty || len(d.Log) != 1 || d.Log[0].State != GaveUp {
			t.Errorf("to an outside party: %+v", d)
		}
		if d := n.delivery(real); d.State != Delivered || strings.Contains(d.Subject, "DRILL") {
			t.Errorf("no drill: %+v", d)
		}
		if strings.Contains(w.sent(), "lin") {
			t.Errorf("sent: %s", w.sent())
		}
	})
}

func TestTest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{
			"sms": always(Outcome{Result: Sent, Detail: "200 OK"}), "slack": always(Outcome{Result: Retry, Detail: "500 rollup_error"}), "smtp": hang,
		})
		by := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "梅"}
		for channel, want := range map[string]string{"sms": "delivered 200 OK", "slack": "gave-up 500 rollup_error", "smtp": "gave-up no answer", "voice": "gave-up " + noSender} {
			d, err := n.Test(t.Context(), by, channel, "a", "Acme", holdfast.En)
			if got := string(d.State) + " " + d.Detail; err != nil || got != want {
				t.Errorf("%s: %s, %v", channel, got, err)
			}
			if !strings.HasPrefix(d.Subject, "[TEST] Acme") || d.Urgent {
				t.Errorf("%s: %+v", channel, d.Notice)
			}
		}
		time.Sleep(time.Hour) // nothing is tried again
		synctest.Wait()
		if got := strings.Count(w.sent(), "#"); got != 3 || strings.Contains(w.sent(), "#2") {
			t.Errorf("sent: %s", w.sent())
		}
		n.Desk.State.View(func() {
			if d := n.Book.Tested("slack", "a"); d == nil || d.State != GaveUp || n.Book.Tested("slack", "b") != nil {
				t.Errorf("%+v", d)
			}
		})
	})
}

// Each attempt is kept with what the receiver answered.
func TestLog(t *testing.T) {
	t.Parallel()
	l, n := newLedger(t), urgent(note("mei", "smtp"))
	l.ask(t0, n)
	d := l.book.Notice(n.ID)
	at := t0
	for i := 1; i <= 25; i++ {
		l.write(at, begin(d, at, claim))
		at = at.Add(time.Second)
		l.write(at, finish(d, i, Outcome{Result: Unsure, Detail: fmt.Sprintf("answer %d", i)}, at))
		at = d.Due
	}
	if len(d.Log) != maxLog || d.Log[0].Number != 25-maxLog+1 {
		t.Fatalf("%d attempts from %d", len(d.Log), d.Log[0].Number)
	}
	for i, a := range d.Log[:maxLog-1] {
		if a.State != Doubtful || a.Detail != fmt.Sprintf("answer %d", a.Number) || a.Ended.Sub(a.Began) != time.Second || !a.Next.Equal(d.Log[i+1].Began) {
			t.Errorf("%+v", a)
		}
	}
}

func TestTextAndTemplates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := Notice{Subject: rapid.StringN(0, 40, -1).Draw(t, "subject"), Body: rapid.String().Draw(t, "body")}
		limit := rapid.IntRange(10, 200).Draw(t, "limit")
		if text := n.Text(limit); len(text) > limit {
			t.Fatalf("%d bytes of %d: %q", len(text), limit, text)
		}
	})
	n := Notice{Subject: "Level 1", Body: strings.Repeat("words ", 30) + "\nhttps://h/1"}
	if got := n.Text(60); !strings.HasPrefix(got, "Level 1\nwords") || !strings.HasSuffix(got, "…\nhttps://h/1") {
		t.Errorf("%q", got)
	}
	m := Message{Notice: Notice{ID: "n1", Address: "+886 9-1", Subject: `a "b"`, Drill: true}, Attempt: 2}
	for template, want := range map[string]string{
		"{to}|{digits}|{id}|{attempt}|{drill}|{urgent}": "+886 9-1|88691|n1|2|true|false", "{": "{", "{}{x}{id": "{}{x}{id", "{{id}}": "{n1}", `{"t":"{id}"}`: `{"t":"n1"}`,
	} {
		if got := m.Fill(template, Plain); got != want {
			t.Errorf("%s: %s, want %s", template, got, want)
		}
	}
}

// What is not for staff waits for a page that leaves, and not for one that waits itself
// for its next attempt at somebody who cannot be reached.
func TestUrgentIsWhatLeavesNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		n := w.node(map[string]sendFunc{"smtp": always(Outcome{Result: Retry}), "sms": hang})
		busy := func() (busy bool) {
			synctest.Wait()
			n.Desk.State.View(func() { busy = n.Book.Urgent(time.Now()) })
			return busy
		}
		n.ask(note("lin", "smtp"))
		if busy() {
			t.Error("what is not urgent counts")
		}
		n.ask(urgent(note("mei", "smtp")))
		time.Sleep(100 * time.Second) // in the middle of a wait
		if busy() {
			t.Error("a page that waits for its next attempt counts")
		}
		n.ask(urgent(note("wu", "sms")))
		if !busy() {
			t.Error("a page that is being sent does not count")
		}
	})
}
