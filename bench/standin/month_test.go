package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal/advices"
	"holdfast/internal/standin"
)

// monthShards are those of a source that is watched for a month.
const monthShards = 2

// calendar is a clock that is moved on.
type calendar struct{ ahead atomic.Int64 }

func (c *calendar) Boot() time.Duration { return time.Hour + time.Duration(c.ahead.Load()) }
func (c *calendar) Now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }

// At and Find make it a payer snapshot that is always fresh.
func (c *calendar) At() time.Time { return c.Now() }
func (c *calendar) Find(standin.Digest) standin.Payer {
	return standin.Payer{At: c.Now(), Class: "a", Seen: c.Now().AddDate(0, 0, -3)}
}

// month is a gate with an outage each day.
type month struct {
	t        *testing.T
	clock    calendar
	source   *advices.Source
	gate     *decider.Decider
	position holdfast.Position
}

func (m *month) install(directives ...posture.Directive) {
	m.position++
	m.gate.Install(posture.Set{Head: holdfast.Head{Journal: "j", Position: m.position}, Directives: directives})
	synctest.Wait()
}

// day is one outage, from the first payment to the close-out, and the night after it.
func (m *month) day(n, payments int) {
	id := fmt.Sprint("day-", n)
	p := profile()
	p.Unplanned.Limits = append(p.Unplanned.Limits, standin.Limit{Over: standin.EachPayee, Count: 100, Window: 24 * time.Hour})
	terms, err := json.Marshal(p)
	if err != nil {
		m.t.Fatal(err)
	}
	m.install(posture.Directive{ID: id, Kind: posture.StandIn, Scope: "all", Open: true, Profile: terms, Source: m.gate.Source()})
	from := newPayers(50, 0, 1)
	for range payments {
		p := from.pay()
		p.Payee = "merchant of " + p.Payer
		answer, err := m.gate.Decide(context.Background(), decider.Ask{
			Payment: *p, Kind: standin.Payment, Cause: standin.Directed, Directive: id, Seal: func() standin.Sealed { return sealed },
		})
		if err != nil || answer.Verdict != standin.Approved {
			m.t.Fatalf("day %d: %v %v, %v", n, answer.Verdict, answer.Reason, err)
		}
	}
	m.install()
	for {
		work, err := m.gate.Next(context.Background(), 100, func(*standin.Item) bool { return true })
		if err != nil {
			m.t.Fatal(err)
		}
		if len(work) == 0 {
			break
		}
		for _, w := range work {
			if err := m.gate.Settle(context.Background(), standin.Came{Identity: w.Item.Identity, Of: standin.Did}); err != nil {
				m.t.Fatal(err)
			}
		}
	}
	var orders []standin.Order
	for shard := range monthShards {
		orders = append(orders, standin.Order{ID: fmt.Sprint(id, "-", shard), Directive: id, By: "carla", Shard: shard})
	}
	m.gate.Carry(orders)
	for range 2 {
		synctest.Wait()
		m.clock.ahead.Add(int64(12 * time.Hour))
		if err := m.gate.Tidy(context.Background()); err != nil {
			m.t.Fatal(err)
		}
	}
	synctest.Wait()
}

// TestMonth has an outage each day: what the disk holds, packs, snapshots and ledgers,
// stays what it was once the first days have been forgotten. HOLDFAST_SOAK=1 plays 31
// days with more payments.
func TestMonth(t *testing.T) {
	t.Parallel()
	days, payments := 13, 16
	if os.Getenv("HOLDFAST_SOAK") != "" {
		days, payments = 31, 2000
	}
	synctest.Test(t, func(t *testing.T) {
		m := &month{t: t}
		var err error
		if m.source, err = advices.Open(t.Context(), advices.Options{Dir: t.TempDir(), Shards: monthShards}); err != nil {
			t.Fatal(err)
		}
		m.gate, err = decider.New(t.Context(), decider.Options{Gate: "east", Boot: "b1", Source: m.source, Key: key, Payers: &m.clock, Clock: &m.clock})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- m.gate.Run(ctx) }()
		var full int64
		for n := range days {
			m.day(n, payments)
			info, err := m.source.Info(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if n == 10 {
				full = info.Bytes
			}
			t.Logf("day %2d: %d bytes", n, info.Bytes)
			if n > 10 && info.Bytes > full+full/50 {
				t.Fatalf("on day %d the source has %d bytes; on day 10 it had %d", n, info.Bytes, full)
			}
		}
		for _, key := range []string{"all/CNY/0/day-0", "profile/day-0"} {
			if revision, _, err := m.source.Ledger(t.Context(), key); err != nil || revision != 0 {
				t.Errorf("the ledger %s is there still: %v", key, err)
			}
		}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := m.source.Close(); err != nil {
			t.Error(err)
		}
	})
}
