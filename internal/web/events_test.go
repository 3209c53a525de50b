package web

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/journal"
)

// sink takes a stream.
type sink struct {
	header http.Header
	mu     sync.Mutex
	text   strings.Builder
	broken bool
	flushd int
	// The deadlines that were set last; the zero time lifts one.
	read, write []time.Time
}

func newSink() *sink { return &sink{header: http.Header{}} }

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}

func (s *sink) SetReadDeadline(t time.Time) error  { s.read = append(s.read, t); return nil }
func (s *sink) SetWriteDeadline(t time.Time) error { s.write = append(s.write, t); return nil }

func (s *sink) Flush() { s.mu.Lock(); defer s.mu.Unlock(); s.flushd = s.text.Len() }
func (s *sink) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return 0, errors.New("the client has gone")
	}
	return s.text.Write(b)
}

// take returns what was sent since, as far as it was flushed.
func (s *sink) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.text.String()[:s.flushd]
	s.text.Reset()
	s.flushd = 0
	return text
}

type streamed struct {
	*sink
	store *journal.Memory
	state *journal.State
	ended chan error
	leave context.CancelFunc
	n     int
}

// stream opens a stream in a bubble of synthetic time.
func openStream(t *testing.T, last string) *streamed {
	t.Helper()
	store := journal.NewMemory("test")
	s := &streamed{sink: newSink(), store: store, state: journal.NewState(store, store.Genesis()), ended: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	folded := make(chan error, 1)
	go func() { folded <- s.state.Run(ctx) }()
	asking, leave := context.WithCancel(ctx)
	s.leave = leave
	t.Cleanup(func() { stop(); <-folded })
	r := httptest.NewRequestWithContext(asking, "GET", "/live", nil)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	go func() { s.ended <- Events(s.sink, r, s.state) }()
	synctest.Wait()
	return s
}

func (s *streamed) append(t *testing.T) {
	t.Helper()
	s.n++
	_, err := s.store.Append(t.Context(), journal.Append{
		ID: holdfast.NewID(), Actor: holdfast.Self("test"), Time: now,
		Facts: []journal.Draft{journal.NewDraft("thing/1", holdfast.Revision(s.n-1), "thing.changed", struct{}{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openStream(t, "")
		if got := s.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("type %q", got)
		}
		if got, want := s.take(), "retry: 2000\nid: 0\nevent: head\ndata: {\"position\":0}\n\n"; got != want {
			t.Errorf("first %q, want %q", got, want)
		}
		s.append(t)
		if got, want := s.take(), "id: 1\nevent: change\ndata: {\"position\":1}\n\n"; got != want {
			t.Errorf("after a fact %q, want %q", got, want)
		}
		// Several facts in a short time are one event, with the last position.
		for range 5 {
			s.append(t)
		}
		if got := s.take(); got != "" {
			t.Errorf("at once: %q", got)
		}
		time.Sleep(eventGap)
		synctest.Wait()
		if got := s.take(); strings.Count(got, "event:") != 1 || !strings.Contains(got, "id: 6\n") {
			t.Errorf("after five facts %q", got)
		}
		time.Sleep(heartbeat)
		synctest.Wait()
		if got := s.take(); got != ": alive\n\n" {
			t.Errorf("while nothing happens %q", got)
		}
		s.leave()
		if err := <-s.ended; err != nil {
			t.Errorf("ended with %v", err)
		}
		// The server's limit on reading a request must not end a stream, nor ours on
		// writing outlast it.
		if len(s.read) != 1 || !s.read[0].IsZero() {
			t.Errorf("deadlines of reading %v", s.read)
		}
		for i, at := range s.write {
			if last := i == len(s.write)-1; at.IsZero() != last {
				t.Errorf("deadlines of writing %v", s.write)
			}
		}
	})
}

func TestEventsAfterABreak(t *testing.T) {
	for last, want := range map[string]string{"0": "event: head", "7": "event: change", "x": "event: change"} {
		synctest.Test(t, func(t *testing.T) {
			s := openStream(t, last)
			if got := s.take(); !strings.Contains(got, want) {
				t.Errorf("Last-Event-ID %s: %q", last, got)
			}
			s.leave()
			<-s.ended
		})
	}
}

func TestStreamEnds(t *testing.T) {
	for name, end := range map[string]func(*streamed){
		"after a quarter of an hour": func(*streamed) {},
		"when the client has gone":   func(s *streamed) { s.mu.Lock(); defer s.mu.Unlock(); s.broken = true },
	} {
		synctest.Test(t, func(t *testing.T) {
			s := openStream(t, "")
			begun := time.Now()
			end(s)
			if err := <-s.ended; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			want := streamLife
			if s.broken {
				want = heartbeat
			}
			if got := time.Since(begun); got != want {
				t.Errorf("%s: ended after %s", name, got)
			}
		})
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	s := newStreams()
	var ends []func()
	for range streamsEach {
		end, err := s.begin("mei")
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	_, err := s.begin("mei")
	var wait access.Wait
	if holdfast.CodeOf(err) != holdfast.TooMany || !errors.As(err, &wait) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := s.begin("lin"); err != nil {
		t.Errorf("another account: %v", err)
	}
	ends[0]()
	if _, err := s.begin("mei"); err != nil {
		t.Errorf("after one was closed: %v", err)
	}
	s.total = streamsAll
	if _, err := s.begin("ann"); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("over all: %v", err)
	}
}

// Over a real connection: events arrive as they happen, and the place is free
// again afterwards.
func TestEventsOverHTTP(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	store := journal.NewMemory("test")
	state := journal.NewState(store, store.Genesis())
	ctx, stop := context.WithCancel(t.Context())
	folded := make(chan error, 1)
	go func() { folded <- state.Run(ctx) }()
	defer func() { stop(); <-folded }()
	ended := make(chan struct{})
	node := httptest.NewServer(b.Wrap(b.Handle(func(w http.ResponseWriter, r *http.Request, _ Request) error {
		defer close(ended)
		return Events(w, r, state)
	})))
	defer node.Close()
	asking, leave := context.WithCancel(ctx)
	r, err := http.NewRequestWithContext(asking, "GET", node.URL+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	await := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	await("event: head")
	if _, err := store.Append(ctx, journal.Append{ID: "a", Actor: holdfast.Self("test"), Time: now, Facts: []journal.Draft{journal.NewDraft("thing/1", 0, "thing.made", struct{}{})}}); err != nil {
		t.Fatal(err)
	}
	await("id: 1")
	await("event: change")
	leave()
	<-ended
	b.streams.mu.Lock()
	defer b.streams.mu.Unlock()
	if b.streams.total != 0 || len(b.streams.open) != 0 {
		t.Errorf("%d streams are still counted", b.streams.total)
	}
}
