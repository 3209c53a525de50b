package gate_test

import (
	"cmp"
	"container/heap"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The simulation runs the code of gates, control nodes and the confirmer, as it
// is, over a simulated network, journal and clocks. One goroutine at a time has
// the word: every blocking step of the real code ends in a part of the
// simulation, which hands the word back until an event of virtual time returns
// it. So a seed gives the same history each time.
//
// Virtual time is the time of a synctest bubble: timers of the real code, such
// as a drain's deadline, fire in it.

// world is one history.
type world struct {
	t     testing.TB
	rng   *rand.Rand
	start time.Time
	queue events
	count int // of events, to break ties
	// task has the word now; nil while an event runs. Timers of the real code look
	// at it from goroutines of their own.
	task  atomic.Pointer[task]
	procs []*proc
	log   []string
	fails []string

	db      *database
	nodes   []*simNode
	gates   []*simGate
	truth   *truth
	lease   time.Duration
	net     network
	lingers func() time.Duration // how long a machine takes before it reads a clock
	healing bool                 // the end of a random history: nothing goes wrong any more
}

// event is something that happens at an instant of virtual time.
type event struct {
	at time.Duration
	n  int
	f  func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].at, q[j].at), cmp.Compare(q[i].n, q[j].n)) < 0
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(x any)   { *q = append(*q, x.(event)) }
func (q *events) Pop() any {
	old := *q
	e := old[len(old)-1]
	*q = old[:len(old)-1]
	return e
}

// simulate runs f in a world of its own, and its end.
func simulate(t *testing.T, seed uint64, f func(w *world)) (w *world) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w = &world{
			t: t, rng: rand.New(rand.NewPCG(seed, 0x686f6c64)), start: time.Now(), lease: 3 * time.Second,
		}
		w.truth = newTruth(w)
		w.db = newDatabase(w)
		w.net = network{w: w, min: 200 * time.Microsecond, max: 3 * time.Millisecond}
		defer w.end()
		f(w)
	})
	return w
}

func (w *world) now() time.Duration { return time.Since(w.start) }

// logf keeps a line of the history.
func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%12s  ", w.now().Round(time.Microsecond))+fmt.Sprintf(format, args...))
}

// failf notes that a promise was broken.
func (w *world) failf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.logf("BROKEN: %s", text)
	w.fails = append(w.fails, text)
}

// tail is the end of the history, for a report.
func (w *world) tail(n int) string {
	return strings.Join(w.log[max(0, len(w.log)-n):], "\n")
}

// after runs f when a time has passed.
func (w *world) after(d time.Duration, f func()) {
	w.count++
	heap.Push(&w.queue, event{w.now() + max(d, 0), w.count, f})
}

// run lets what is due happen for a time.
func (w *world) run(d time.Duration) {
	until := w.now() + d
	for len(w.queue) > 0 && w.queue[0].at <= until {
		e := heap.Pop(&w.queue).(event)
		w.rest(e.at)
		e.f()
	}
	w.rest(until)
}

// until lets things happen until a condition holds, for a minute at most.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	for limit := w.now() + time.Minute; !ok(); {
		if len(w.queue) == 0 || w.now() > limit {
			w.failf("it did not happen: %s", what)
			return
		}
		e := heap.Pop(&w.queue).(event)
		w.rest(e.at)
		e.f()
	}
}

// rest moves virtual time, with the timers of the real code.
func (w *world) rest(until time.Duration) {
	if d := until - w.now(); d > 0 {
		time.Sleep(d)
		synctest.Wait()
	}
}

func (w *world) end() {
	for _, p := range w.procs {
		p.kill()
	}
	for _, g := range w.gates {
		g.remove()
	}
}

// between draws a time.
func (w *world) between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(w.rng.Int64N(int64(most-least)))
}

// chance is true in a share of all cases.
func (w *world) chance(share float64) bool { return w.rng.Float64() < share }

// proc is a process of the operating system: it is killed and paused as a whole.
type proc struct {
	w      *world
	name   string
	tasks  map[*task]bool
	order  []*task
	paused time.Duration // until when
	dead   bool
}

func (w *world) process(name string) *proc {
	p := &proc{w: w, name: name, tasks: map[*task]bool{}}
	w.procs = append(w.procs, p)
	return p
}

// kill ends a process: nothing of it runs any more.
func (p *proc) kill() {
	p.dead = true
	for _, t := range p.order {
		if p.tasks[t] && t != p.w.task.Load() {
			t.end()
		}
	}
}

// pause stops a process for a time.
func (p *proc) pause(d time.Duration) { p.paused = max(p.paused, p.w.now()+d) }

// task is a thread of a process.
type task struct {
	p     *proc
	next  func() bool // gives it the word until it waits; reports whether it does
	stop  func()      // ends it where it waits
	yield func() bool // hands the word back; reports whether to go on
	turn  uint64      // counts the times it waited: a late wake-up is told apart
	admit bool        // it is between being judged and being written
	ended bool
}

// killed unwinds a task of a process that was killed.
type killed struct{}

// spawn begins a thread of a process, now.
func (p *proc) spawn(f func()) *task {
	t := &task{p: p}
	if p.dead {
		return t
	}
	t.next, t.stop = coroutine(func(yield func() bool) {
		defer func() {
			if fault := recover(); fault != nil {
				if _, ok := fault.(killed); !ok {
					panic(fault)
				}
			}
		}()
		t.yield = yield
		f()
	})
	p.tasks[t] = true
	p.order = append(p.order, t)
	p.w.after(0, func() { t.resume(0) })
	return t
}

// coroutine is iter.Pull without values and with a goroutine that ends: those of
// iter.Pull keep what the race detector knows of them, gigabytes in a thousand
// histories.
func coroutine(f func(yield func() bool)) (next func() bool, stop func()) {
	word, back := make(chan bool), make(chan struct{})
	begun, ended := false, false
	next = func() bool {
		if ended {
			return false
		}
		if begun {
			word <- true
		} else {
			begun = true
			go func() {
				defer close(back)
				f(func() bool {
					if ended {
						return false
					}
					back <- struct{}{}
					return <-word
				})
			}()
		}
		_, waits := <-back
		ended = !waits
		return waits
	}
	stop = func() {
		waits := begun && !ended
		if ended = true; waits {
			word <- false
			<-back
		}
	}
	return next, stop
}

func (t *task) end() {
	if t.ended {
		return
	}
	t.ended = true
	delete(t.p.tasks, t)
	old := t.p.w.task.Swap(t)
	t.stop()
	t.p.w.task.Store(old)
}

// resume gives a task the word, unless it was woken before.
func (t *task) resume(turn uint64) {
	w := t.p.w
	switch {
	case t.ended || t.turn != turn:
		return
	case t.p.dead:
		t.end()
		return
	case t.p.paused > w.now():
		w.after(t.p.paused-w.now(), func() { t.resume(turn) })
		return
	}
	t.turn++
	old := w.task.Swap(t)
	more := t.next()
	w.task.Store(old)
	if !more {
		t.ended = true
		delete(t.p.tasks, t)
	}
	if t.p.dead {
		t.end()
	}
}

// park hands the word back until resume is called with the turn that waiting
// returns.
func (w *world) park() {
	t := w.task.Load()
	if t.p.dead || !t.yield() {
		panic(killed{})
	}
}

// sleep lets a time pass for the present task.
func (w *world) sleep(d time.Duration) {
	t := w.task.Load()
	turn := t.turn
	w.after(d, func() { t.resume(turn) })
	w.park()
}

// await parks the present task until wake is called or a time has passed, and
// reports whether it was woken.
func (w *world) await(limit time.Duration, begin func(wake func())) (woken bool) {
	t := w.task.Load()
	turn := t.turn
	if limit > 0 {
		w.after(limit, func() { t.resume(turn) })
	}
	begin(func() {
		if !t.ended && t.turn == turn {
			woken = true
			w.after(0, func() { t.resume(turn) })
		}
	})
	w.park()
	return woken
}

// clock is a machine's: it drifts, and its wall time is set.
type clock struct {
	w  *world
	mu sync.Mutex
	// at is when the rate was last changed, and value what the clock said then.
	at    time.Duration
	value time.Duration
	rate  float64
	ahead time.Duration // wall time over virtual time
}

// Clocks run at these rates, so the fastest is to the slowest below 1.2 : 1.
const slowest, fastest = 0.92, 1.10

func (w *world) clock() *clock {
	return &clock{w: w, value: w.between(time.Hour, 1000*time.Hour), rate: slowest + w.rng.Float64()*(fastest-slowest)}
}

func (c *clock) read() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value + time.Duration(c.rate*float64(c.w.now()-c.at))
}

// slew changes the rate.
func (c *clock) slew(rate float64) {
	v := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.value, c.rate = c.w.now(), v, rate
}

// back moves the reading back: the clock stood still for a time.
func (c *clock) back(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value -= time.Duration(c.rate * float64(d))
}

func (c *clock) set(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead = ahead
}

// Boot implements gate.Clock. While a payment is being admitted, the machine may
// take its time before each reading.
func (c *clock) Boot() time.Duration {
	c.linger()
	return c.read()
}

// Now implements gate.Clock.
func (c *clock) Now() time.Time {
	c.linger()
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead).Round(0)
}

func (c *clock) linger() {
	if t := c.w.task.Load(); t != nil && t.admit {
		if c.w.lingers != nil {
			c.w.sleep(c.w.lingers())
			return
		}
		c.w.sleep(c.w.between(0, 2*time.Millisecond))
	}
}

// network delivers messages.
type network struct {
	w        *world
	min, max time.Duration
	// cut says that nothing passes between a gate and a node now.
	cut func(g *simGate, n *simNode) bool
	// lost is the share of messages that are lost, twice of those that come twice.
	lost, twice float64
	// stale is the share of heartbeats that get the answer to an older one.
	stale float64
	// delay, if set, says how long a message takes, by its kind: "beat", "beat answer".
	delay func(kind string) (time.Duration, bool)
}

func (n *network) takes(kind string) time.Duration {
	if n.delay != nil {
		if d, ok := n.delay(kind); ok {
			return d
		}
	}
	return n.w.between(n.min, n.max)
}

func (n *network) passes(g *simGate, node *simNode) bool {
	return (n.cut == nil || !n.cut(g, node)) && !n.w.chance(n.lost)
}
