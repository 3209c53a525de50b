package fleet

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

const lease = 30 * time.Second

var officer = holdfast.Actor{Kind: holdfast.Account, ID: "wang"}

// store is a journal whose barriers a test can watch and refuse.
type store struct {
	*journal.Memory

	mu sync.Mutex
	// barrier runs in each Barrier, before the head is taken.
	barrier  func() error
	barriers int
}

func (s *store) Barrier(ctx context.Context) (holdfast.Head, error) {
	s.mu.Lock()
	s.barriers++
	f := s.barrier
	s.mu.Unlock()
	if f != nil {
		if err := f(); err != nil {
			return holdfast.Head{}, err
		}
	}
	return s.Memory.Barrier(ctx)
}

func (s *store) at(f func() error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.barrier = f
}

// rig is a control node without a network.
type rig struct {
	t          testing.TB
	store      *store
	state      *journal.State
	desk       *journal.Desk
	node       *Node
	directives *directive.Service
	gates      *enrolment.Book
	series     *traffic.Series
	folding    func() // begins the fold, once
}

// newRig makes a node over an empty journal with a lease of 30 s, its fold
// running until the test ends.
func newRig(t testing.TB, id string) *rig {
	t.Helper()
	r := over(t, &store{Memory: journal.NewMemory(id)}, id)
	r.folding()
	key, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.directives.Prepare(t.Context(), lease, key); err != nil {
		t.Fatal(err)
	}
	return r
}

// over makes a node over a journal, with nothing folded.
func over(t testing.TB, s *store, id string) *rig {
	genesis := holdfast.Head{Journal: id, Epoch: 1, Hash: journal.Genesis(id)}
	r := &rig{t: t, store: s, gates: enrolment.NewBook(), series: traffic.NewSeries()}
	book := directive.NewBook(genesis)
	r.state = journal.NewState(s, genesis, book, r.gates)
	r.desk = &journal.Desk{Journal: s, State: r.state, Now: time.Now}
	r.directives = &directive.Service{Desk: r.desk, Book: book, Gates: r.gates}
	r.node = NewNode(r.desk, r.directives, r.gates, r.series, slog.New(slog.DiscardHandler))
	r.folding = sync.OnceFunc(func() {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- r.state.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	})
	return r
}

func route(mode gate.Mode) gate.Route { return gate.Route{Name: "pay", Kind: "payment", Mode: mode} }

// enrol makes a process of a gate known.
func (r *rig) enrol(name, boot string, mode gate.Mode) {
	r.t.Helper()
	e := gate.Enrolment{Gate: name, Boot: boot, Account: "a-" + name, Routes: []gate.Route{route(mode)}}
	if _, err := r.node.Enrol(context.Background(), e); err != nil {
		r.t.Fatal(err)
	}
}

// stop issues a stop of everything and returns its id.
func (r *rig) stop() string {
	r.t.Helper()
	p := directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "test"}
	id, err := r.directives.Propose(context.Background(), officer, p, true)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// acknowledge reports that a process enforces the present posture.
func (r *rig) acknowledge(name, boot string) {
	r.t.Helper()
	r.report(name, boot, gate.Acknowledgement{Posture: r.head(), Listed: true, At: time.Now()})
}

func (r *rig) report(name, boot string, acks ...gate.Acknowledgement) {
	r.t.Helper()
	if _, err := r.node.Report(context.Background(), gate.Report{Gate: name, Boot: boot, Account: "a-" + name, Acks: acks}); err != nil {
		r.t.Fatal(err)
	}
}

// head identifies the present posture.
func (r *rig) head() (h holdfast.Head) {
	r.state.View(func() { h = r.directives.Book.Head() })
	return h
}

func (r *rig) confirmation(id string) (c *directive.Confirmation) {
	r.state.View(func() { c = r.directives.Book.Directive(id).Confirmation })
	return c
}

// until waits for facts until a condition holds.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	watch, end := r.state.Watch()
	defer end()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for {
		var holds bool
		r.state.View(func() { holds = ok() })
		if holds {
			return
		}
		select {
		case <-watch:
		case <-limit.C:
			r.t.Fatalf("it did not happen: %s", what)
		}
	}
}

// served is a node that gates reach over the network.
type served struct {
	url   string
	http  *http.Server
	close func()
}

func (r *rig) serve(conf *tls.Config) *served {
	r.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	conf = conf.Clone() // a server writes into its own
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	s := &http.Server{
		Handler: Server(r.node), TLSConfig: conf, Protocols: &protocols,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	go s.Serve(tls.NewListener(l, conf))
	stop := sync.OnceFunc(func() { s.Close() })
	r.t.Cleanup(stop)
	return &served{url: "https://" + l.Addr().String(), http: s, close: stop}
}

// fleetOf makes an authority and the configuration of a node on this machine.
func fleetOf(t testing.TB) (*Authority, *tls.Config) {
	t.Helper()
	a, err := OpenAuthority(filepath.Join(t.TempDir(), "fleet"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conf, err := a.Node([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return a, conf
}

func gateTLS(t testing.TB, a *Authority, name string) *tls.Config {
	t.Helper()
	cert, key, ca, err := a.Gate(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conf, err := GateTLS(cert, key, ca)
	if err != nil {
		t.Fatal(err)
	}
	return conf
}

// bootClock is a gate's clock.
type bootClock struct{ start time.Time }

func (c bootClock) Boot() time.Duration { return time.Since(c.start) }
func (bootClock) Now() time.Time        { return time.Now() }
