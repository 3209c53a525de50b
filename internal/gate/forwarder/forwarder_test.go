package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
}

// newQueue stands in for n payments of as many payers, but for those of one.
func newQueue(t *testing.T, identities ...string) *queue {
	t.Helper()
	q := &queue{s: standin.NewState()}
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

func (q *queue) Next(_ context.Context, most int, may func(*standin.Item) bool) ([]standin.Work, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.down != nil {
		return nil, q.down
	}
	work, records := standin.Next(q.s, forwarding, time.Now(), most, func(i *standin.Item, ask bool) bool { return ask || may(i) })
	for i, w := range work {
		records = append(records, w.Attempt)
		item := *w.Item
		work[i].Item = &item
	}
	return work, q.s.Apply(records...)
}

func (q *queue) Settle(_ context.Context, identity string, r standin.Result) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.s.Apply(standin.Settle(q.s, identity, r, time.Now())...)
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

func did(context.Context, standin.Work) (standin.Result, error) { return standin.Did, nil }

func (p *primary) May(*standin.Item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.held
}

func (p *primary) Deliver(ctx context.Context, w standin.Work) (standin.Result, error) {
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
	return answer(ctx, w)
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
	}{
		{"done", func(standin.Work) (standin.Result, error) { return standin.Did, nil }, time.Second, []string{"a"}, "delivered"},
		{"refused", func(standin.Work) (standin.Result, error) { return standin.Refuses, nil }, time.Second, []string{"a"}, "exception primary-refused"},
		{"cannot be opened", func(standin.Work) (standin.Result, error) { return standin.Unsendable, nil }, time.Second, []string{"a"}, "exception not-sendable"},
		{"answer lost once", func(w standin.Work) (standin.Result, error) {
			if !w.Repeat {
				return standin.NoAnswer, broken
			}
			return standin.Did, nil
		}, 5 * time.Second, []string{"a", "a+"}, "delivered"},
		{"never an answer", func(standin.Work) (standin.Result, error) { return standin.NoAnswer, broken }, time.Minute, []string{"a", "a+", "a+"}, "exception exhausted"},
		{"a fault of the gate", func(standin.Work) (standin.Result, error) { panic("boom") }, time.Minute, []string{"a", "a+", "a+"}, "exception exhausted"},
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

// The budget is used, and no second exceeds it.
func TestBudget(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 7, 200} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, rate, 64, did, numbered(12*rate)...)
				pass(10 * time.Second)
				r.end(t)
				begun := r.begun
				if n := len(begun); float64(n) < 0.95*10*float64(rate)-1 {
					t.Errorf("%d were sent in 10 s at %d a second", n, rate)
				}
				for i := range begun {
					if j := i + rate; j < len(begun) && begun[j]-begun[i] < time.Second-time.Microsecond {
						t.Fatalf("%d began between %v and %v", rate+1, begun[i], begun[j])
					}
				}
				if perSecond, budget := r.f.Rate(); budget != rate || perSecond < 0.85*float64(rate) || perSecond > float64(rate) {
					t.Errorf("it says %v a second of %d", perSecond, budget)
				}
			})
		})
	}
}

// What has no answer is not counted as forwarded, however often it is sent; what the
// primary refuses is, as it waits no longer. After a minute it is over.
func TestRateIsOfWhatWasSettled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result standin.Result
		err    error
		rate   float64
	}{{standin.NoAnswer, errors.New("nobody is there"), 0}, {standin.Refuses, nil, 2.0 / 5}, {standin.Did, nil, 2.0 / 5}} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 10, 4, func(context.Context, standin.Work) (standin.Result, error) { return c.result, c.err }, "1", "2")
			pass(4*time.Second + 500*time.Millisecond)
			if rate, _ := r.f.Rate(); rate != c.rate {
				t.Errorf("%v: %v a second, want %v", c.result, rate, c.rate)
			}
			if counts := r.f.Counts(); counts[forwarder.Results[c.result]] < 2 || counts[forwarder.Held] != 0 || len(counts) != len(forwarder.Results)+1 {
				t.Errorf("%v: counted %v", c.result, counts)
			}
			pass(time.Minute)
			if rate, _ := r.f.Rate(); rate != 0 {
				t.Errorf("%v: a minute later %v a second", c.result, rate)
			}
			r.end(t)
		})
	}
}

// Lanes bound what is under way, and a slow primary is not flooded.
func TestLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1000, 4, func(context.Context, standin.Work) (standin.Result, error) {
			time.Sleep(100 * time.Millisecond)
			return standin.Did, nil
		}, numbered(200)...)
		pass(time.Second)
		if n := len(r.got()); r.most != 4 || n < 36 || n > 44 {
			t.Errorf("%d were sent, %d at once", n, r.most)
		}
		r.end(t)
	})
}

// A primary that does not answer is left alone, and given more as it recovers.
func TestSurplus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := func(context.Context, standin.Work) (standin.Result, error) {
			return standin.NoAnswer, errors.New("lost")
		}
		r := start(t, 200, 64, lost, numbered(8_000)...)
		pass(15 * time.Second)
		before := len(r.got())
		pass(5 * time.Second)
		if n := len(r.got()) - before; n > 5*5 || n == 0 {
			t.Errorf("%d a second are sent to a primary that answers nothing", n/5)
		}
		r.says(did)
		pass(30 * time.Second)
		before = len(r.got())
		pass(5 * time.Second)
		if n := len(r.got()) - before; n < 5*190 {
			t.Errorf("%d a second are sent to a primary that is well again", n/5)
		}
		r.end(t)
	})
}

// Advices give way to customers, and take again what these leave.
func TestCustomersComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var spare atomic.Int64
		spare.Store(40)
		r := startWith(t, forwarder.Options{Rate: 200, Lanes: 64, Spare: func() int { return int(spare.Load()) }}, did, numbered(8_000)...)
		in := func(least, most int) {
			t.Helper()
			before := len(r.got())
			pass(10 * time.Second)
			if n := len(r.got()) - before; n < 10*least || n > 10*most {
				t.Errorf("%d in 10 s, with %d a second to spare", n, spare.Load())
			}
			if _, budget := r.f.Rate(); budget > max(1, int(spare.Load())) {
				t.Errorf("the budget is %d, with %d a second to spare", budget, spare.Load())
			}
		}
		pass(time.Second)
		in(38, 40)
		spare.Store(-10) // customers send more than the primary was said to take
		pass(time.Second)
		in(1, 1)
		spare.Store(120)
		pass(20 * time.Second)
		in(114, 120)
		r.end(t)
	})
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
