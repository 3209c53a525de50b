package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"holdfast"
	"holdfast/internal/sqljournal/commit"
)

const (
	// maxWaiting bounds the calls that wait to be taken; more wait outside, until
	// their contexts end.
	maxWaiting = 1024
	// maxBatch and maxBatchBytes bound one commit.
	maxBatch      = 1024
	maxBatchBytes = 8 << 20
)

// writer is what the writing goroutine uses. Others may only break its
// connection off.
type writer struct {
	requests chan *request

	mu       sync.Mutex
	conn     *pgx.Conn // nil while there is no session
	timeline string    // of the session's server
	closed   bool      // no new session is wanted
}

// current returns the session.
func (w *writer) current() *pgx.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn
}

// take makes conn the session, unless none is wanted any more.
func (w *writer) take(conn *pgx.Conn, timeline string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.conn, w.timeline = conn, timeline
	return true
}

// drop ends the session. It sends no cancellation: what the server has begun it
// carries out.
func (w *writer) drop() {
	w.mu.Lock()
	conn := w.conn
	w.conn = nil
	w.mu.Unlock()
	if conn != nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // do not wait for a server that may be gone
		_ = conn.Close(ctx)
	}
}

// breakOff cuts the connection under a commit that is being waited for, if it is
// with a server of an older timeline.
func (w *writer) breakOff(newer string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn != nil && w.timeline < newer {
		_ = w.conn.PgConn().Conn().Close()
	}
}

// giveUp cuts the connection for good.
func (w *writer) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.conn != nil {
		_ = w.conn.PgConn().Conn().Close()
	}
}

// write is the writing goroutine. It ends when the store closes, after the
// commit it is in.
func (s *Store) write() {
	defer close(s.stopped)
	for {
		select {
		case <-s.closing:
			return
		default:
		}
		select {
		case r := <-s.writer.requests:
			s.serve(commit.Collect(s.writer.requests, r, maxBatch, maxBatchBytes))
		case <-s.closing:
			return
		}
	}
}

// serve carries out a batch in one commit and answers each request.
func (s *Store) serve(waiting []*request) {
	unreachable := s.reach()
	live := make([]*request, 0, len(waiting))
	for _, r := range waiting {
		if r.Begin() {
			live = append(live, r)
		}
	}
	if len(live) == 0 {
		return
	}
	err := unreachable
	if err == nil {
		err = s.commit(live)
	}
	if err == nil {
		return
	}
	for _, r := range live {
		if r.append == nil && holdfast.CodeOf(err) == holdfast.Doubtful {
			// A barrier changes nothing that a caller could be in doubt about.
			r.Answer(holdfast.Errorf(holdfast.Unavailable, "the database did not answer, so it is not proven that this node can write").Because(err))
			continue
		}
		r.Answer(err)
	}
}

// reach makes sure that there is a session, trying for as long as patience says.
func (s *Store) reach() error {
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	for {
		if broken := s.broken.Load(); broken != nil {
			return broken
		}
		if conn := s.writer.current(); conn != nil && !conn.IsClosed() {
			return nil
		}
		err := s.connectWriter(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.closing:
			return commit.Closed()
		default:
		}
		if holdfast.CodeOf(err) == holdfast.Damaged || !pause(ctx, again) {
			return failure(context.Background(), "reach the database", err)
		}
	}
}

// connectWriter opens the writer's session. A warning of its server is noted:
// none is expected but that of a commit that did not wait.
func (s *Store) connectWriter(ctx context.Context) error {
	config := s.config.Copy()
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			s.warned.Store(true)
		}
	}
	conn, err := s.session(ctx, config)
	if err != nil {
		return err
	}
	if _, err := conn.Prepare(ctx, "commit", sqlCommit); err != nil {
		conn.Close(context.Background())
		return err
	}
	s.mu.Lock()
	timeline := s.timeline
	s.mu.Unlock()
	if !s.writer.take(conn, timeline) {
		conn.Close(context.Background())
		return commit.Closed()
	}
	return nil
}

// commit writes the requests and answers them, or returns the error that answers
// all of them.
func (s *Store) commit(requests []*request) error {
	b, err := newBatch(requests)
	if err != nil {
		return err
	}
	s.warned.Store(false)
	watched := s.suspect()
	var r result
	// A commit that has begun is never cancelled: see the contract of Append.
	err = r.scan(s.writer.current().QueryRow(context.Background(), "commit", b.args()...))
	watched()
	if err != nil {
		return s.settle(err)
	}
	if len(r.standing) > 0 && err == nil {
		_, err = s.note(r.standing)
	}
	if err != nil || s.warned.Load() {
		s.writer.drop()
		return holdfast.Errorf(holdfast.Doubtful, "the database made the commit but did not wait until its standbys have it, so a fail-over may lose it; repeating the request settles it").Because(err)
	}
	s.witness.note(r.head, r.beat)
	s.Publish(r.head, r.beat)
	b.answer(requests, &r)
	return nil
}

// settle says what an error means for the commit it answered. An error that the
// server states about the statement leaves nothing behind; after any other the
// commit may have been made.
func (s *Store) settle(cause error) error {
	var stated *pgconn.PgError
	if errors.As(cause, &stated) && stated.SeverityUnlocalized == "ERROR" {
		if stated.Code == "25006" { // read-only: this server was demoted
			s.writer.drop()
		}
		return failure(context.Background(), "write", cause)
	}
	s.writer.drop()
	if pgconn.SafeToRetry(cause) {
		return failure(context.Background(), "write", cause)
	}
	return holdfast.Errorf(holdfast.Doubtful, "the connection to the database was lost and it is not known whether the commit was made; repeating the request settles it").Because(cause)
}

// suspect watches a commit until the function it returns is called. A commit
// that takes long may wait for a standby, which is right, or for a server that
// was failed over and hangs. It is the latter if another server takes writes on a
// newer timeline.
func (s *Store) suspect() (stop func()) {
	if s.hosts < 2 {
		return func() {}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	go func() {
		for wait := stalled; pause(ctx, wait); wait = time.Second {
			conn, err := s.session(ctx, s.config.Copy())
			if err != nil {
				continue
			}
			conn.Close(context.Background())
			s.mu.Lock()
			newest := s.timeline
			s.mu.Unlock()
			s.writer.breakOff(newest)
		}
	}()
	return cancel
}

// failure gives an error of the database its code. An error that has one keeps it.
func failure(ctx context.Context, act string, err error) error {
	var coded *holdfast.Error
	var stated *pgconn.PgError
	switch {
	case errors.As(err, &coded):
		return fmt.Errorf("%s: %w", act, err)
	case ctx.Err() != nil:
		return commit.Ended(ctx.Err())
	case !errors.As(err, &stated):
		return holdfast.Errorf(holdfast.Unavailable, "%s: the journal's database cannot be reached", act).Because(err)
	}
	switch stated.Code {
	case "55P03":
		return holdfast.Errorf(holdfast.Unavailable, "%s: another node is writing and did not come to an end; nothing was written", act).Because(err)
	case "53100":
		return holdfast.Errorf(holdfast.Unavailable, "%s: the disk of the database is full; nothing was written", act).Because(err)
	case "XX001", "XX002", "23505":
		return holdfast.Errorf(holdfast.Damaged, "%s: the journal's database is damaged; run holdfast archive verify", act).Because(err)
	}
	return holdfast.Errorf(holdfast.Unavailable, "%s: the journal's database cannot be used now", act).Because(err)
}
