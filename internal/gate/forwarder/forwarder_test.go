package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/forwarder"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// bubble is the clock of a synctest bubble, which starts at a fixed time.
type bubble struct{ start time.Time }

func (b bubble) Boot() time.Duration { return time.Since(b.start) }

var forwarding = standin.Forwarding{
	Timeout: 2 * time.Second, Pause: 2 * time.Second, LongestPause: 8 * time.Second, Attempts: 3, Expiry: time.Hour, Retention: 10 * time.Minute, Inquiries: 2,
}

// queue is one shard in memory. Its calls are durable at once.
type queue struct {
	mu sync.Mutex
	s  *standin.State
	// down makes claims fail.
	down error
	// takes is how long it takes until something is durable, calls how often something was.
	takes time.Duration
	calls int
	terms standin.Forwarding
}

// newQueue stands in for n payments of as many payers, but for those of one.
func newQueue(t *testing.T, identities ...string) *queue {
	t.Helper()
	q := &queue{s: standin.NewState(), terms: forwarding}
	q.apply(t, &standin.TakenOver{Gate: "g", Boot: "b", At: standin.At(time.Now())})
	q.apply(t, &standin.Opened{Directive: "d", Profile: "p", At: standin.At(time.Now())})
	for _, id := range identities {
		payer := standin.Blind([]byte("k"), payment.Sensitive(id[:1]))
		if id[0] >= '0' && id[0] <= '9' { // a payer of its own
			payer = standin.Blind([]byte("k"), payment.Sensitive(id))
		}
		q.apply(t, &standin.Decision{
			Identity: id, Kind: standin.Payment, Amount: 100, Currency: "CNY", Payer: payer, Route: "pay", Verdict: standin.Approved, Cause: standin.Directed,
			Directive: "d", At: standin.At(time.Now()), Sealed: standin.Sealed{Key: "k", Data: []byte(id)},
		})
	}
	return q
}

func (q *queue) apply(t *testing.T, records ...standin.Record) {
	t.Helper()
	if err := q.s.Apply(records...); err != nil {
		t.Fatal(err)
	}
}

// sync takes as long as the disk does.
func (q *queue) sync() {
	q.mu.Lock()
	q.calls++
	takes := q.takes
	q.mu.Unlock()
	time.Sleep(takes)
}

func (q *queue) Next(_ context.Context, most int, may func(*standin.Item) bool) ([]standin.Work, error) {
	q.sync()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down != nil {
		return nil, q.down
	}
	work, records := standin.Next(q.s, q.terms, time.Now(), most, func(i *standin.Item, ask bool) bool { return ask || may(i) })
	for i, w := range work {
		records = append(records, w.Attempt)
		item := *w.Item
		work[i].Item = &item
	}
	return work, q.s.Apply(records...)
}

func (q *queue) Settle(_ context.Context, came ...standin.Came) error {
	q.sync()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range came {
		if err := q.s.Apply(standin.Settle(q.s, c, time.Now())...); err != nil {
			return err
		}
	}
	return nil
}

func (q *queue) class(identity string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := q.s.Item(identity)
	if i.Exception != nil {
		return fmt.Sprint(i.Class, " ", i.Exception.Why)
	}
	return i.Class.String()
}

// primary answers as it is told to, and knows what it was sent.
type primary struct {
	mu     sync.Mutex
	begun  []time.Duration
	seen   []string
	under  int
	most   int
	held   bool
	start  time.Time
	answer func(ctx context.Context, w standin.Work) (standin.Result, error)
}

// errNobody is of what reaches no primary.
var errNobody = errors.New("nobody is there")

func did(context.Context, standin.Work) (standin.Result, error) { return standin.Did, nil }

func (p *primary) May(*standin.Item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.held
}

func (p *primary) Deliver(ctx context.Context, w standin.Work) (standin.Came, error) {
	p.mu.Lock()
	p.begun = append(p.begun, time.Since(p.start))
	what := w.Item.Identity
	if w.Attempt.Inquiry {
		what += "?"
	} else if w.Repeat {
		what += "+"
	}
	p.seen = append(p.seen, what)
	p.under++
	p.most = max(p.most, p.under)
	answer := p.answer
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.under--
	}()
	of, err := answer(ctx, w)
	came := standin.Came{Identity: w.Item.Identity, Of: of}
	switch {
	case errors.Is(err, errNobody):
		came.Reply.Said = standin.Unreached
	case of == standin.NoAnswer:
		came.Reply.Said = standin.Silent
	}
	return came, err
}

func (p *primary) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.seen)
}

// rig is a forwarder at work in a bubble.
type rig struct {
	*queue
	*primary
	f    *forwarder.Forwarder
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, rate, lanes int, answer func(context.Context, standin.Work) (standin.Result, error), identities ...string) *rig {
	t.Helper()
	return startWith(t, forwarder.Options{Rate: rate, Lanes: lanes}, answer, identities...)
}

// startWith starts one with further options.
func startWith(t *testing.T, opt forwarder.Options, answer func(context.Context, standin.Work) (standin.Result, error), identities ...string) *rig {
	t.Helper()
	now := time.Now()
	r := &rig{queue: newQueue(t, identities...), primary: &primary{start: now, answer: answer}, done: make(chan error, 1)}
	var err error
	opt.Queue, opt.Primary, opt.Grace, opt.Clock = r.queue, r.primary, 5*time.Second, bubble{now}
	r.f, err = forwarder.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() { r.done <- r.f.Run(ctx) }()
	return r
}

// end stops the forwarder and returns how long that took.
func (r *rig) end(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	r.stop()
	if err := <-r.done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	return time.Since(began)
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// numbered are identities of n payers.
func numbered(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%04d", i))
	}
	return list
}

// S15: of one payer one after the other, in order; others do not wait for it.
func TestOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1000, 8, func(_ context.Context, w standin.Work) (standin.Result, error) {
			time.Sleep(100 * time.Millisecond)
			return standin.Did, nil
		}, "a1", "a2", "b1", "a3")
		pass(time.Second)
		got := r.got()
		if slices.Sort(got[:2]); !slices.Equal(got, []string{"a1", "b1", "a2", "a3"}) {
			t.Errorf("sent %v", got)
		}
		r.end(t)
	})
}

// What comes of an advice for each thing that can come of an attempt.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	broken := errors.New("the connection broke")
	tests := []struct {
		name   string
		answer func(w standin.Work) (standin.Result, error)
		after  time.Duration
		seen   []string
		class  string
		said   standin.Said
	}{
		{"done", func(standin.Work) (standin.Result, error) { return standin.Did, nil }, time.Second, []string{"a"}, "delivered", 0},
		{"refused", func(standin.Work) (standin.Result, error) { return standin.Refuses, nil }, time.Second, []string{"a"}, "exception primary-refused", 0},
		{"cannot be opened", func(standin.Work) (standin.Result, error) { return standin.Unsendable, nil }, time.Second, []string{"a"}, "exception not-sendable", 0},
		{"answer lost once", func(w standin.Work) (standin.Result, error) {
			if !w.Repeat {
				return standin.NoAnswer, broken
			}
			return standin.Did, nil
		}, 5 * time.Second, []string{"a", "a+"}, "delivered", standin.Silent},
		{"never an answer", func(standin.Work) (standin.Result, error) { return standin.NoAnswer, broken }, time.Minute, []string{"a", "a+", "a+"}, "exception exhausted", standin.Silent},
		{"a fault of the gate", func(standin.Work) (standin.Result, error) { panic("boom") }, time.Minute, []string{"a", "a+", "a+"}, "exception exhausted", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, 100, 4, func(_ context.Context, w standin.Work) (standin.Result, error) { return test.answer(w) }, "a")
				pass(test.after)
				if got := r.got(); !slices.Equal(got, test.seen) || r.class("a") != test.class {
					t.Errorf("sent %v, then %s; want %v, then %s", got, r.class("a"), test.seen, test.class)
				}
				if said := r.s.Item("a").Reply.Said; test.said != said {
					t.Errorf("the primary said %v, want %v", said, test.said)
				}
				r.end(t)
			})
		})
	}
}

// S12: what the primary may have forgotten is asked about before it is sent again.
func TestAskedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 100, 4, func(_ context.Context, w standin.Work) (standin.Result, error) {
			if w.Attempt.Inquiry {
				return standin.DoesNotKnow, nil
			}
			return standin.NoAnswer, errors.New("lost")
		}, "a")
		pass(time.Second)
		r.hold(true)
		pass(forwarding.Retention)
		if got := r.got(); !slices.Equal(got, []string{"a", "a?"}) {
			t.Fatalf("sent %v while it is held", got)
		}
		r.hold(false)
		r.says(did)
		pass(10 * time.Second)
		if got := r.got(); !slices.Equal(got, []string{"a", "a?", "a+"}) || r.class("a") != "delivered" {
			t.Errorf("sent %v, then %s", got, r.class("a"))
		}
		r.end(t)
	})
}

func (p *primary) hold(held bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held = held
}

func (p *primary) says(answer func(context.Context, standin.Work) (standin.Result, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// Hazard t: under a stop nothing goes out, and no attempt is spent.
func TestHeldByThePosture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 100, 4, did, "a")
		pass(time.Second) // it is delivered before the stop
		r.hold(true)
		r.mu().Lock()
		r.apply(t, &standin.Decision{Identity: "b", Kind: standin.Payment, Amount: 1, Currency: "CNY", Route: "pay", Verdict: standin.Approved, Cause: standin.Directed, Directive: "d", At: standin.At(time.Now())})
		r.mu().Unlock()
		pass(30 * time.Minute)
		if got := r.got(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("sent %v", got)
		}
		r.hold(false)
		pass(2 * time.Second)
		if got := r.got(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("after the stop: sent %v", got)
		}
		r.end(t)
	})
}

func (r *rig) mu() *sync.Mutex { return &r.queue.mu }

func (q *queue) synced() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.calls
}

// What is under way may end within the grace, and what is not over then is given up.
func TestEnd(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]string{3 * time.Second: "delivered", time.Hour: "pending"} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 100, 4, func(ctx context.Context, w standin.Work) (standin.Result, error) {
				select {
				case <-time.After(took):
					return standin.Did, nil
				case <-ctx.Done():
					return standin.NoAnswer, ctx.Err()
				}
			}, "a1", "a2")
			pass(time.Second)
			if d := r.end(t).Round(100 * time.Millisecond); d != min(took-time.Second, 5*time.Second) {
				t.Errorf("it ended after %v", d)
			}
			if got := r.got(); len(got) != 1 || r.class("a1") != want {
				t.Errorf("sent %v, a1 is %s", got, r.class("a1"))
			}
		})
	}
}

// What was claimed when the gate ends is sent: no attempt was for nothing.
func TestEndSendsWhatIsClaimed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 400, 4, did, numbered(4000)...)
		pass(3 * time.Second)
		if d := r.end(t); d > time.Second {
			t.Errorf("it ended after %v", d)
		}
		for _, id := range numbered(4000) {
			if i := r.s.Item(id); i.Attempts > 0 && i.Class != standin.Sent {
				t.Fatalf("%s was claimed and is %v", id, i.Class)
			}
		}
	})
}

// Claims that fail are made again, not at once.
func TestNoQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 100, 4, did, "a")
		r.mu().Lock()
		r.down = holdfast.Errorf(holdfast.Unavailable, "the source is gone")
		r.mu().Unlock()
		pass(10 * time.Second)
		r.mu().Lock()
		r.down = nil
		r.mu().Unlock()
		pass(2 * time.Second)
		if r.class("a") != "delivered" {
			t.Errorf("a is %s", r.class("a"))
		}
		r.end(t)
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	good := forwarder.Options{Queue: &queue{}, Primary: &primary{}, Rate: 1, Lanes: 1, Clock: bubble{}}
	for name, spoil := range map[string]func(*forwarder.Options){
		"queue": func(o *forwarder.Options) { o.Queue = nil }, "primary": func(o *forwarder.Options) { o.Primary = nil },
		"clock": func(o *forwarder.Options) { o.Clock = nil }, "rate": func(o *forwarder.Options) { o.Rate = 0 }, "lanes": func(o *forwarder.Options) { o.Lanes = 0 },
	} {
		o := good
		spoil(&o)
		if _, err := forwarder.New(o); err == nil {
			t.Errorf("without %s there is no error", name)
		}
	}
}
