package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/sqljournal/source"
)

// bench holds what the measurements share.
type bench struct {
	facts, rounds int
	time          time.Duration
	dir, tmp      string

	server     *cluster.Server
	contenders []contender
	last       atomic.Int64 // number of the newest append
	runs       int
}

// contender is one way of making appends durable. Its writer carries out one
// append by one of n writers; end releases what all used.
type contender struct {
	what  string
	begin func(ctx context.Context, n int) (writer func(i int) error, end func() error, err error)
}

const (
	raw        = "one file, fdatasync for all"
	onSQLite   = "journal on SQLite"
	onPostgres = "journal on PostgreSQL"
	plain      = "plain inserts into PostgreSQL"
)

func (b *bench) open(ctx context.Context) (err error) {
	if b.tmp, err = os.MkdirTemp(b.dir, "holdfast-bench"); err != nil {
		return err
	}
	if b.server, err = cluster.Start(ctx, map[string]string{"max_connections": "400", "shared_buffers": "256MB"}); err != nil {
		return errors.Join(err, os.RemoveAll(b.tmp))
	}
	b.contenders = []contender{{raw, b.beginRaw}, {onSQLite, b.beginSQLite}, {onPostgres, b.beginPostgres}, {plain, b.beginPlain}}
	return b.server.Exec(ctx, "CREATE SCHEMA start", "CREATE TABLE plain (n bigserial PRIMARY KEY, body bytea NOT NULL)")
}

func (b *bench) close() {
	if err := errors.Join(b.server.Close(), os.RemoveAll(b.tmp)); err != nil {
		fmt.Fprintln(os.Stderr, "bench/journal:", err)
	}
}

// measureRates measures each contender with each number of writers in turn.
func (b *bench) measureRates(ctx context.Context) (medians map[string][]float64, err error) {
	all := map[string][][]float64{}
	for _, c := range b.contenders {
		all[c.what] = make([][]float64, len(writers))
	}
	for range b.rounds {
		for w, n := range writers {
			for _, c := range b.contenders {
				rate, err := b.rate(ctx, c, n)
				if err != nil {
					return nil, fmt.Errorf("%s, %d writers: %w", c.what, n, err)
				}
				all[c.what][w] = append(all[c.what][w], rate)
			}
		}
	}
	medians = map[string][]float64{}
	for what, byWriters := range all {
		for _, rates := range byWriters {
			slices.Sort(rates)
			medians[what] = append(medians[what], rates[len(rates)/2])
		}
	}
	return medians, nil
}

// rate is how many appends a second n writers make.
func (b *bench) rate(ctx context.Context, c contender, n int) (rate float64, err error) {
	b.runs++
	write, end, err := c.begin(ctx, n)
	if err != nil {
		return 0, err
	}
	var done atomic.Int64
	failed := make(chan error, n)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			for time.Since(begun) < b.time {
				if err := write(i); err != nil {
					failed <- err
					return
				}
				done.Add(1)
			}
		})
	}
	wg.Wait()
	rate = float64(done.Load()) / time.Since(begun).Seconds()
	select {
	case err = <-failed:
	default:
	}
	return rate, errors.Join(err, end())
}

func (b *bench) beginSQLite(ctx context.Context, _ int) (func(int) error, func() error, error) {
	return b.beginJournal(ctx, filepath.Join(b.tmp, fmt.Sprint("run-", b.runs)))
}

func (b *bench) beginPostgres(ctx context.Context, _ int) (func(int) error, func() error, error) {
	schema := fmt.Sprint("run_", b.runs)
	if err := b.server.Exec(ctx, "CREATE SCHEMA "+schema); err != nil {
		return nil, nil, err
	}
	return b.beginJournal(ctx, b.server.Source()+" search_path="+schema)
}

func (b *bench) beginJournal(ctx context.Context, name string) (func(int) error, func() error, error) {
	o, err := source.Named(name)
	if err != nil {
		return nil, nil, err
	}
	s, err := source.Open(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	return func(int) error {
		n := b.last.Add(1)
		_, err := s.Append(ctx, journal.Append{
			ID: holdfast.NewID(), Actor: holdfast.Self("bench"), Time: time.Unix(n, 0),
			Facts: []journal.Draft{{Subject: holdfast.NewSubject("payment", fmt.Sprint(n)), Kind: "payment.approved", Body: body}},
		})
		return err
	}, s.Close, nil
}

// beginPlain gives each writer a connection.
func (b *bench) beginPlain(ctx context.Context, n int) (func(int) error, func() error, error) {
	connections := make([]*pgx.Conn, n)
	end := func() error {
		var errs []error
		for _, c := range connections {
			if c != nil {
				errs = append(errs, c.Close(ctx))
			}
		}
		return errors.Join(errs...)
	}
	for i := range connections {
		var err error
		if connections[i], err = b.server.Connect(ctx); err != nil {
			return nil, nil, errors.Join(err, end())
		}
	}
	return func(i int) error {
		_, err := connections[i].Exec(ctx, "INSERT INTO plain (body) VALUES ($1)", []byte(body))
		return err
	}, end, nil
}

// beginRaw has one goroutine write what waits to the end of a file and sync it.
func (b *bench) beginRaw(_ context.Context, n int) (func(int) error, func() error, error) {
	f, err := os.Create(filepath.Join(b.tmp, fmt.Sprint("raw-", b.runs)))
	if err != nil {
		return nil, nil, err
	}
	waiting := make(chan chan error, n)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for first := range waiting {
			batch := []chan error{first}
			for len(waiting) > 0 {
				batch = append(batch, <-waiting)
			}
			content := make([]byte, 0, len(batch)*len(body))
			for range batch {
				content = append(content, body...)
			}
			_, err := f.Write(content)
			if err == nil {
				err = unix.Fdatasync(int(f.Fd()))
			}
			for _, answer := range batch {
				answer <- err
			}
		}
	}()
	write := func(int) error {
		answer := make(chan error, 1)
		waiting <- answer
		return <-answer
	}
	end := func() error {
		close(waiting)
		<-ended
		return f.Close()
	}
	return write, end, nil
}
