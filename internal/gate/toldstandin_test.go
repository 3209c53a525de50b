package gate

import (
	"context"
	"sync"
	"testing"
	"time"

	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// shards is a stand-in that knows its orders.
type shards struct {
	mu      sync.Mutex
	carried []standin.Order
	// takenBack is that an answer held none of the orders any more.
	takenBack bool
	tried     []standin.Trial
}

func (*shards) Source() string { return "src1" }

func (*shards) Summary(now time.Time) *standin.Summary {
	return &standin.Summary{Source: "src1", At: now, Shards: 1}
}

func (s *shards) Carry(orders []standin.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carried = append(s.carried, orders...)
	s.takenBack = s.takenBack || len(s.carried) > 0 && len(orders) == 0
}

func (*shards) Figures() []standin.TrialFigures {
	return []standin.TrialFigures{{Profile: "small"}}
}

func (s *shards) Try(trials []standin.Trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = trials
}

func TestStandInIsReportedAndOrdersCome(t *testing.T) {
	var in shards
	prepare := func(p *plane, o *Options) {
		o.StandIn, o.Shadow = &in, &in
		p.orders = []standin.Order{{ID: "x1", Identity: "k1"}}
		p.trials = []standin.Trial{{Scope: "all", Share: 0.5}}
	}
	connected(t, prepare, func(t *testing.T, _ *Gate, p *plane) {
		after(10*time.Second + 500*time.Millisecond)
		p.look(func() {
			told := 0
			for _, r := range p.reports {
				if r.StandIn != nil {
					told++
					if len(r.StandIn.Trials) != 1 {
						t.Errorf("told of trials %+v", r.StandIn.Trials)
					}
				}
			}
			if told < 5 || told > 6 {
				t.Errorf("told %d times in ten seconds", told)
			}
			if got := p.beats[len(p.beats)-1].StandIn.Source; got != "src1" {
				t.Errorf("the heartbeat names the source %q", got)
			}
		})
		in.mu.Lock()
		defer in.mu.Unlock()
		if len(in.carried) == 0 || in.carried[0].ID != "x1" {
			t.Errorf("carried %+v", in.carried)
		}
		if in.takenBack {
			t.Error("an answer to a report that says nothing of stand-in must not take an order back")
		}
		if len(in.tried) != 1 || in.tried[0].Share != 0.5 {
			t.Errorf("tried %+v: an answer to a report that says nothing of stand-in must not end it", in.tried)
		}
	})
}

func (*shards) Install(posture.Set) {}
func (*shards) Learn(string, bool)  {}

// CompareFile knows the payment k1 as delivered.
func (*shards) CompareFile(_ context.Context, p *standin.FilePage) (*standin.FileWord, error) {
	w := &standin.FileWord{File: p.File, Carry: p.Carry, Page: p.Page}
	for _, r := range p.Rows {
		if r.Identity == "k1" {
			w.Add(standin.Found{N: r.N, Finding: standin.FileAgrees, Identity: r.Identity})
		}
	}
	return w, nil
}
