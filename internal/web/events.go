package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/journal"
)

const (
	// heartbeat is how often a stream on which nothing happens says that it lives.
	heartbeat = 15 * time.Second
	// eventGap is the least time between two events; what happens within it is one.
	eventGap = 100 * time.Millisecond
	// streamLife is how long a stream lasts. The browser then connects again, and
	// whether it may is judged anew.
	streamLife = 15 * time.Minute
	// writeWait is how long a client may leave what was sent unread.
	writeWait = 30 * time.Second
	// retryMillis is when a browser connects again.
	retryMillis = 2000
)

// Events streams the advance of the state as server-sent events until the client
// goes, the server stops, or a quarter of an hour has passed:
//
//	retry: 2000
//	id: 41
//	event: head
//	data: {"position":41}
//
//	id: 44
//	event: change
//	data: {"position":44}
//
//	: alive
//
// The first event is "head", how far the state is; it is "change" if the client
// says with Last-Event-ID that it saw another position. Several advances may
// come as one event: it says where the state is, not what happened. An account
// may have 32 streams at once; one more is code TooMany.
func Events(w http.ResponseWriter, r *http.Request, state *journal.State) error {
	if rw := responseOf(w); rw != nil {
		end, err := rw.server.streams.begin(rw.streamer())
		if err != nil {
			return err
		}
		defer end()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // or nginx would hold events back
	if r.Method == http.MethodHead {
		return nil
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	// The server's limit on reading a request would end the stream.
	_ = s.control.SetReadDeadline(time.Time{})
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }()
	// Who cannot be written to has gone: that is how streams end, and no error.
	_ = s.run(r.Context(), state, r.Header.Get("Last-Event-ID"))
	return nil
}

type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *stream) run(ctx context.Context, state *journal.State, last string) error {
	watch, end := state.Watch()
	defer end()
	life, beat := time.NewTimer(streamLife), time.NewTicker(heartbeat)
	defer life.Stop()
	defer beat.Stop()

	head, first := state.Head().Position, "head"
	if last != "" && last != strconv.FormatUint(uint64(head), 10) {
		first = "change"
	}
	if err := s.write("retry: %d\n%s", retryMillis, event(first, head)); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-life.C:
			return nil
		case <-beat.C:
			if err := s.write(": alive\n\n"); err != nil {
				return err
			}
		case <-watch:
			if err := s.write("%s", event("change", state.Head().Position)); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(eventGap):
			}
		}
	}
}

func event(name string, p holdfast.Position) string {
	return fmt.Sprintf("id: %d\nevent: %s\ndata: {\"position\":%d}\n\n", p, name, p)
}

func (s *stream) write(format string, args ...any) error {
	// Not every writer has deadlines; those of real connections do.
	_ = s.control.SetWriteDeadline(time.Now().Add(writeWait))
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.control.Flush()
}

const (
	streamsEach = 32
	streamsAll  = 2000
	// streamWait is when one who has too many may try again.
	streamWait = 30 * time.Second
)

// streams counts the open streams of each account.
type streams struct {
	mu    sync.Mutex
	open  map[string]int
	total int
}

func newStreams() *streams { return &streams{open: map[string]int{}} }

// begin counts a stream in and returns what counts it out.
func (s *streams) begin(who string) (end func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open[who] >= streamsEach:
		return nil, holdfast.Errorf(holdfast.TooMany, "there are %d open streams of yours; close one", streamsEach).Because(access.Wait(streamWait))
	case s.total >= streamsAll:
		return nil, holdfast.Errorf(holdfast.Unavailable, "there are %d open streams, the most there can be", streamsAll).Because(access.Wait(streamWait))
	}
	s.open[who]++
	s.total++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.open[who]--; s.open[who] == 0 {
			delete(s.open, who)
		}
	}, nil
}

// streamer names whom a stream is counted for.
func (rw *response) streamer() string {
	if rw.account != "" {
		return "account " + rw.account
	}
	return "client " + access.ClientKey(rw.client)
}

// responseOf finds the response under w, if it is there.
func responseOf(w http.ResponseWriter) *response {
	for {
		switch inner := w.(type) {
		case *response:
			return inner
		case interface{ Unwrap() http.ResponseWriter }:
			w = inner.Unwrap()
		default:
			return nil
		}
	}
}
