// Package customers is the traffic of the simulated payment world: customers who
// arrive whether or not anybody answers, behave sensibly, and remember what they
// were told.
//
// The load is open: arrivals follow a seeded Poisson process whose rate can be
// set at any time, and never wait for answers. Latency is counted from the moment
// a request was due, not from when it was sent, so a stalled server cannot hide
// behind a generator that waits for it. An arrival that finds no free worker or
// too many open intentions is dropped and counted; offered = sent + dropped.
//
// A customer writes down what he means to do before the first byte is sent, and
// uses one identity as idempotency key and reference for good:
//
//	answer                                       the customer
//	2xx with status succeeded or approved        is told done, stops
//	4xx, or a problem with outcome not-done      is told declined, stops
//	a gate's "attempt": "not-forwarded"          if no earlier attempt can have been done: is told
//	                                             declined, stops; otherwise waits, then inquires by key
//	202, 408, 409, 425, 429, status processing   waits, then inquires by key
//	5xx, no answer, an answer nobody can read    is in doubt: waits, then inquires by key
//
// An inquiry that says "never seen" (404) allows a retry with the same key.
// Waiting doubles from try to try, with jitter, and is at least what Retry-After
// asks for, up to the longest. When the patience is used up without a clear
// answer he gives up and the intention stays unknown.
//
// So a customer whose first attempt a gate declines under a stop is told declined
// and is done with this intention; one who asks again after an attempt in doubt
// goes on inquiring until the primary says that it never saw one; one whom it tells "pending,
// inquire" (409, "unknown") goes on inquiring, which passes a stop, until the
// primary's word or a gate that knows better settles it.
//
// A share of arrivals are refunds of payments that were told done, and plain
// inquiries about such payments; those are counted as requests but are nobody's
// intention.
package customers

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/world"
)

const (
	// MaxRate is the highest rate, in arrivals per second.
	MaxRate = 20_000

	// maxLate is how far the generator itself may be behind: an arrival that is
	// overdue by more is dropped, not sent.
	maxLate = 5 * time.Second

	// postpone is how long a follow-up waits when there is no free worker.
	postpone = time.Second
)

// Options set the traffic up. Zero values take the defaults.
type Options struct {
	World *world.World
	Log   *told.Log
	// Seed decides everything that is random.
	Seed uint64
	// Run begins every identity; two runs against one primary need different ones.
	// Letters, digits, '-', '_' and '.'; default "c1".
	Run string
	// Target is the base URL payments go to, normally a gate's. It can be set later.
	Target string
	// Rate is the mean number of arrivals per second at the start, 0 to MaxRate.
	Rate float64
	// Curve multiplies the rate by the time of day; default Flat.
	Curve func(time.Time) float64
	Mix   Mix
	// Workers bounds the requests under way; default 1,000.
	Workers int
	// MaxOpen bounds the intentions that are under way or in doubt; default 20,000.
	MaxOpen  int
	Patience Patience
	// Transport carries the requests; default one that keeps connections open and
	// retries nothing that moves money.
	Transport http.RoundTripper
}

// Mix is what part of the arrivals is not a payment.
type Mix struct {
	// Refunds and Inquiries are shares, 0 to 1, together at most 1.
	Refunds   float64
	Inquiries float64
}

// Patience is how a customer waits.
type Patience struct {
	// Timeout is how long he waits for one answer; default 5 s.
	Timeout time.Duration
	// First is the wait before the first inquiry, Longest the longest between two;
	// default 1 s and 30 s.
	First, Longest time.Duration
	// Budget is how long he goes on after the first doubt; default 2 minutes.
	Budget time.Duration
	// Retries is how often he sends the same request again after "never seen";
	// default 10, more than the other defaults leave time for; negative for never.
	Retries int
}

// Traffic is the generator. Its methods may be called concurrently.
type Traffic struct {
	o      Options
	client *http.Client
	wake   chan struct{} // a signal to the loop: something changed
	slots  chan struct{}
	failed chan error // an error of the log, at most one
	count  *collector

	mu      sync.Mutex
	rate    float64
	target  string
	number  uint64        // of the next arrival
	open    int           // intentions under way or waiting, and inquiries under way
	applied float64       // the rate the loop uses
	changed chan struct{} // closed and replaced when open comes to 0 or applied changes
	waiting room
	paid    []told.Intention // payments told done that nobody refunded; Payment holds their id
}

// New checks the options and reads from the log where an earlier run ended. It
// starts nothing.
func New(o Options) (*Traffic, error) {
	if o.World == nil || o.Log == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: traffic needs a world and a customer log")
	}
	o = withDefaults(o)
	if !holdfast.ValidName(o.Run) || len(o.Run) > 40 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: run %q: write 1 to 40 lower-case letters, digits, '-', '_' or '.'", o.Run)
	}
	if o.Mix.Refunds < 0 || o.Mix.Inquiries < 0 || o.Mix.Refunds+o.Mix.Inquiries > 1 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: %v refunds and %v inquiries: write shares of 0 to 1, together at most 1", o.Mix.Refunds, o.Mix.Inquiries)
	}
	p := o.Patience
	if o.Workers < 1 || o.MaxOpen < 1 || p.Timeout < 0 || p.First < 0 || p.Longest < p.First || p.Budget < 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: workers %d, open %d, patience %+v: none may be below zero, and the longest wait not below the first", o.Workers, o.MaxOpen, p)
	}
	t := &Traffic{
		o: o, wake: make(chan struct{}, 1), slots: make(chan struct{}, o.Workers), failed: make(chan error, 1),
		count: newCollector(), changed: make(chan struct{}),
	}
	t.client = &http.Client{
		Transport: o.Transport,
		// A redirect is no answer to a payment.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if err := t.SetRate(o.Rate); err != nil {
		return nil, err
	}
	if o.Target != "" {
		if err := t.SetTarget(o.Target); err != nil {
			return nil, err
		}
	}
	t.number = after(o.Log, o.Run)
	t.resume(time.Now())
	return t, nil
}

func withDefaults(o Options) Options {
	if o.Run == "" {
		o.Run = "c1"
	}
	if o.Curve == nil {
		o.Curve = Flat
	}
	if o.Workers == 0 {
		o.Workers = 1000
	}
	if o.MaxOpen == 0 {
		o.MaxOpen = 20_000
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{MaxIdleConns: o.Workers, MaxIdleConnsPerHost: o.Workers, IdleConnTimeout: time.Minute}
	}
	p := &o.Patience
	for _, d := range []struct {
		value *time.Duration
		means time.Duration
	}{{&p.Timeout, 5 * time.Second}, {&p.First, time.Second}, {&p.Longest, 30 * time.Second}, {&p.Budget, 2 * time.Minute}} {
		if *d.value == 0 {
			*d.value = d.means
		}
	}
	if p.Retries == 0 {
		p.Retries = 10
	}
	return o
}

// SetRate sets the mean number of arrivals per second, 0 to MaxRate. It acts at
// once.
func (t *Traffic) SetRate(perSecond float64) error {
	if !(perSecond >= 0 && perSecond <= MaxRate) {
		return holdfast.Errorf(holdfast.Invalid, "rate %v: write 0 to %d arrivals per second", perSecond, MaxRate).At("rate")
	}
	t.mu.Lock()
	t.rate = perSecond
	t.mu.Unlock()
	t.signal()
	return nil
}

// Rate returns the mean number of arrivals per second that is set.
func (t *Traffic) Rate() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rate
}

// SetTarget sets the base URL that requests go to from now on.
func (t *Traffic) SetTarget(base string) error {
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return holdfast.Errorf(holdfast.Invalid, "target %q: write a base URL such as http://127.0.0.1:8080", base).At("target")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.target = strings.TrimSuffix(base, "/")
	return nil
}

func (t *Traffic) signal() {
	select {
	case t.wake <- struct{}{}:
	default: // the loop has a signal waiting; one is enough
	}
}
