package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// world is one journal with any number of control nodes on it.
type world struct {
	t     *testing.T
	store *journal.Memory

	mu     sync.Mutex
	log    bytes.Buffer
	sends  []string // what the senders were given, as "person#attempt"
	keys   []string // and under which id
	starts map[string]time.Time
}

func newWorld(t *testing.T) *world {
	return &world{t: t, store: journal.NewMemory("test"), starts: map[string]time.Time{}}
}

func (w *world) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.log.Write(p)
}

func (w *world) saw(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sends, w.keys = append(w.sends, fmt.Sprintf("%s#%d", m.Person, m.Attempt)), append(w.keys, m.ID)
	if _, again := w.starts[m.ID]; !again {
		w.starts[m.ID] = time.Now()
	}
}

func (w *world) sent() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.sends, " ")
}

// started says how long after the notice was asked for its first attempt began.
func (w *world) started(d *Delivery) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.starts[d.ID]
	if !ok {
		w.t.Errorf("the notice to %s was never sent", d.Person)
	}
	return at.Sub(d.Asked)
}

// facts lists the kinds of all facts about notices, in order.
func (w *world) facts() string {
	facts, err := w.store.Read(w.t.Context(), 0, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, f := range facts {
		kinds = append(kinds, strings.TrimPrefix(f.Kind, "notice."))
	}
	return strings.Join(kinds, " ")
}

// node is one control node: state, service and courier.
type node struct {
	*Service
	w    *world
	link *link
	stop func() // ends the courier and waits for it
	kill func() // takes the node away at once: its courier writes nothing more
}

type sendFunc func(context.Context, Message) Outcome

func (f sendFunc) Send(ctx context.Context, m Message) Outcome { return f(ctx, m) }

// link is a node's way to the journal, which tests break.
type link struct {
	journal.Journal
	mu sync.Mutex
	// fault is asked about every append; nil means there is none.
	fault func(kind string) error
}

func (l *link) Append(ctx context.Context, a journal.Append) (journal.Receipt, error) {
	l.mu.Lock()
	fault := l.fault
	l.mu.Unlock()
	if fault != nil {
		if err := fault(a.Facts[0].Kind); err != nil {
			return journal.Receipt{}, err
		}
	}
	return l.Journal.Append(ctx, a)
}

func (l *link) breaks(fault func(kind string) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = fault
}

var errAway = holdfast.Errorf(holdfast.Unavailable, "the journal is away")

// times is a fault of the first n appends that begin with a fact of a kind.
func times(n int, kind string) func(string) error {
	var mu sync.Mutex
	return func(k string) error {
		mu.Lock()
		defer mu.Unlock()
		if k != kind || n == 0 {
			return nil
		}
		n--
		return errAway
	}
}

func (w *world) node(senders map[string]sendFunc, edit ...func(*CourierOptions)) *node {
	w.t.Helper()
	book := NewBook()
	j := &link{Journal: w.store}
	state := journal.NewState(j, w.store.Genesis(), book)
	if err := state.Load(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	desk := &journal.Desk{Journal: j, State: state, Now: time.Now}
	o := CourierOptions{Desk: desk, Book: book, Senders: map[string]Sender{}, Log: slog.New(slog.NewTextHandler(w, nil))}
	for channel, send := range senders {
		o.Senders[channel] = sendFunc(func(ctx context.Context, m Message) Outcome { w.saw(m); return send(ctx, m) })
	}
	for _, e := range edit {
		e(&o)
	}
	courier, err := NewCourier(o)
	if err != nil {
		w.t.Fatal(err)
	}
	folding, endFold := context.WithCancel(context.Background())
	running, endRun := context.WithCancel(context.Background())
	folded, ran := make(chan error, 1), make(chan error, 1)
	go func() { folded <- state.Run(folding) }()
	go func() { ran <- courier.Run(running) }()
	stop := sync.OnceFunc(func() {
		endRun()
		if err := <-ran; err != nil {
			w.t.Errorf("the courier ended: %v", err)
		}
		endFold()
		if err := <-folded; err != nil {
			w.t.Errorf("the fold ended: %v", err)
		}
	})
	w.t.Cleanup(stop)
	return &node{Service: &Service{Desk: desk, Book: book}, w: w, link: j, stop: stop, kill: func() {
		j.breaks(func(string) error { return errAway })
		stop()
	}}
}

func (n *node) ask(notices ...Notice) {
	n.w.t.Helper()
	if err := n.Ask(n.w.t.Context(), holdfast.Self("callout"), notices...); err != nil {
		n.w.t.Fatal(err)
	}
}

// delivery returns a copy of a notice as the node sees it.
func (n *node) delivery(notice Notice) (d Delivery) {
	n.Desk.State.View(func() { d = *n.Book.Notice(notice.ID) })
	return d
}

func always(o Outcome) sendFunc {
	return func(context.Context, Message) Outcome { return o }
}

// hang waits for the end of the attempt, as a receiver does that never answers.
func hang(ctx context.Context, _ Message) Outcome {
	<-ctx.Done()
	return Outcome{Result: Unsure, Detail: "no answer"}
}

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
