package journal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
)

// bench runs a test at a desk over a memory journal that is being followed.
func bench(t *testing.T, test func(t *testing.T, m *Memory, d *Desk, p *tally)) {
	synctest.Test(t, func(t *testing.T) {
		m, p := NewMemory("m"), newTally()
		s := NewState(m, m.Genesis(), p)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		test(t, m, &Desk{Journal: m, State: s, Now: time.Now}, p)
		stop()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
}

func next(p *tally) []Draft {
	return []Draft{NewDraft("a/1", holdfast.Revision(p.counts["a/1"]), "k", 1)}
}

func TestDeskReadsWhatItWrote(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		receipt, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), nil })
		if err != nil || receipt != (Receipt{First: 1, Last: 1}) || p.counts["a/1"] != 1 {
			t.Fatalf("receipt %v, error %v, counts %v", receipt, err, p.counts)
		}
		if f := m.facts[0]; f.Actor != lin || !f.Time.Equal(time.Now().Truncate(time.Microsecond)) {
			t.Errorf("fact %+v", f)
		}
	})
}

func TestDeskDecidesNothing(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		if receipt, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return nil, nil }); err != nil || receipt != (Receipt{}) {
			t.Errorf("receipt %v, error %v", receipt, err)
		}
		no := errors.New("no")
		if _, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), no }); err != no {
			t.Errorf("error %v", err)
		}
		if m.Head().Position != 0 {
			t.Error("something was written")
		}
	})
}

// TestDeskDecidesAnew lets another writer in between the decision and the
// append.
func TestDeskDecidesAnew(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		decisions := 0
		receipt, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) {
			drafts := next(p)
			if decisions++; decisions <= 2 {
				write(t, m, fmt.Sprint("other-", decisions), drafts...)
			}
			return drafts, nil
		})
		if err != nil || decisions != 3 || receipt.First != 3 {
			t.Fatalf("receipt %v after %d decisions, error %v", receipt, decisions, err)
		}
	})
}

func TestDeskGivesUpUnderContention(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		for range attempts {
			m.Refuse(Conflict(Mismatch{Subject: "a/1"}))
		}
		_, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), nil })
		if holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Fatalf("error %v", err)
		}
	})
}

// TestDeskKeepsDoubtOverUnavailable shows that a repetition which was not carried
// out does not turn "unknown" into "nothing was done".
func TestDeskKeepsDoubtOverUnavailable(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		m.Doubt(true)
		m.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
		receipt, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), nil })
		if err != nil || receipt != (Receipt{First: 1, Last: 1}) {
			t.Fatalf("receipt %v, error %v", receipt, err)
		}
	})
}

// TestDeskSettlesDoubt repeats a doubtful append until it is answered, and
// writes once whichever way the doubt turns out.
func TestDeskSettlesDoubt(t *testing.T) {
	for _, written := range []bool{false, true} {
		t.Run(fmt.Sprint("written=", written), func(t *testing.T) {
			bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
				m.Doubt(written)
				m.Doubt(written)
				receipt, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), nil })
				if err != nil || receipt != (Receipt{First: 1, Last: 1}) || m.Head().Position != 1 {
					t.Fatalf("receipt %v, error %v, head %v", receipt, err, m.Head())
				}
			})
		})
	}
}

func TestDeskLeavesDoubtWhenItsContextEnds(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range 100 {
			m.Doubt(false)
		}
		_, err := d.Do(ctx, lin, func(time.Time) ([]Draft, error) { return next(p), nil })
		if holdfast.CodeOf(err) != holdfast.Doubtful {
			t.Fatalf("error %v", err)
		}
	})
}

func TestDeskPassesOnOtherErrors(t *testing.T) {
	bench(t, func(t *testing.T, m *Memory, d *Desk, p *tally) {
		m.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
		_, err := d.Do(t.Context(), lin, func(time.Time) ([]Draft, error) { return next(p), nil })
		if holdfast.CodeOf(err) != holdfast.Unavailable || m.Head().Position != 0 {
			t.Fatalf("error %v", err)
		}
	})
}
