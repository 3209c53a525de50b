package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// grouped has one goroutine make durable what waits, all of it at once, while more
// comes to wait. It is how peers commit in groups.
func grouped[T any](clients int, item func(p *payment.Payment) T, write func([]T) error) (approve approver, end func()) {
	type waiter struct {
		item     T
		answered chan error
	}
	waiting, ended := make(chan waiter, clients), make(chan struct{})
	go func() {
		defer close(ended)
		for first := range waiting {
			batch := []waiter{first}
			for len(waiting) > 0 {
				batch = append(batch, <-waiting)
			}
			items := make([]T, len(batch))
			for i, w := range batch {
				items[i] = w.item
			}
			err := write(items)
			for _, w := range batch {
				w.answered <- err
			}
		}
	}()
	approve = func(_ int, p *payment.Payment) error {
		w := waiter{item(p), make(chan error, 1)}
		waiting <- w
		return <-w.answered
	}
	return approve, func() {
		close(waiting)
		<-ended
	}
}

// record is what anybody keeps of an approval: as many bytes as a decider.
func record(p *payment.Payment) []byte {
	return standin.Encode([]standin.Record{&standin.Decision{
		Identity: p.Identity, Kind: standin.Payment, Amount: p.Amount, Currency: p.Currency,
		Channel: p.Channel, Route: p.Route, Verdict: standin.Approved, Cause: standin.Directed, Directive: directive, At: standin.At(time.Now()), Sealed: sealed,
	}})
}

// raw writes what waits to the end of a file and syncs it.
func (b *bench) raw(_ context.Context, clients int) (approver, func() error, error) {
	f, err := os.Create(filepath.Join(b.tmp, fmt.Sprint("raw-", b.runs)))
	if err != nil {
		return nil, nil, err
	}
	approve, end := grouped(clients, record, func(records [][]byte) error {
		var content []byte
		for _, r := range records {
			content = append(content, r...)
		}
		if _, err := f.Write(content); err != nil {
			return err
		}
		return unix.Fdatasync(int(f.Fd()))
	})
	return approve, func() error {
		end()
		return f.Close()
	}, nil
}

const table = `DROP TABLE IF EXISTS approval; CREATE TABLE approval (identity text PRIMARY KEY, record bytea NOT NULL)`

type row struct {
	identity string
	record   []byte
}

func newRow(p *payment.Payment) row { return row{p.Identity, record(p)} }

// plain inserts each approval by itself, each client over a connection of its own.
func (b *bench) plain(ctx context.Context, clients int) (approver, func() error, error) {
	if err := b.server.Exec(ctx, table); err != nil {
		return nil, nil, err
	}
	connections, end, err := b.connect(ctx, clients)
	return func(client int, p *payment.Payment) error {
		row := newRow(p)
		_, err := connections[client].Exec(ctx, "INSERT INTO approval VALUES ($1, $2)", row.identity, row.record)
		return err
	}, end, err
}

// batched inserts what waits with one statement.
func (b *bench) batched(ctx context.Context, clients int) (approver, func() error, error) {
	if err := b.server.Exec(ctx, table); err != nil {
		return nil, nil, err
	}
	connections, end, err := b.connect(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	approve, stop := grouped(clients, newRow, func(rows []row) error {
		identities, records := make([]string, len(rows)), make([][]byte, len(rows))
		for i, r := range rows {
			identities[i], records[i] = r.identity, r.record
		}
		_, err := connections[0].Exec(ctx, "INSERT INTO approval SELECT * FROM unnest($1::text[], $2::bytea[])", identities, records)
		return err
	})
	return approve, func() error {
		stop()
		return end()
	}, nil
}

func (b *bench) connect(ctx context.Context, n int) (connections []*pgx.Conn, end func() error, err error) {
	end = func() error {
		var errs []error
		for _, c := range connections {
			errs = append(errs, c.Close(ctx))
		}
		return errors.Join(errs...)
	}
	for range n {
		c, err := b.server.Connect(ctx)
		if err != nil {
			return nil, nil, errors.Join(err, end())
		}
		connections = append(connections, c)
	}
	return connections, end, nil
}
