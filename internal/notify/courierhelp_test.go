package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
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
