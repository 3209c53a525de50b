package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// noon is when the traffic of these tests begins.
const noon = 1_700_006_400

// fault is what goes wrong with some payments for a while.
type fault struct {
	from, until int64 // seconds from the beginning
	channel     string
	outcome     payment.Outcome
	share       func(second int64) float64
	slow        bool
}

// world is simulated traffic: five channels of one route with different shares.
type world struct {
	rate   func(second int64) float64
	faults []fault
	rand   *rand.Rand
	// failing is the usual share of failures.
	failing float64
}

func always(x float64) func(int64) float64 { return func(int64) float64 { return x } }

func newWorld(seed uint64, perSecond float64) *world {
	return &world{rate: always(perSecond), rand: rand.New(rand.NewPCG(seed, 1)), failing: 0.02}
}

var channels = []string{"alipay", "card", "qr", "unionpay", "wechat"}

// poisson draws a number of arrivals.
func (w *world) poisson(mean float64) int {
	if mean > 50 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*w.rand.NormFloat64())))
	}
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for p *= w.rand.Float64(); p > limit; p *= w.rand.Float64() {
		n++
	}
	return n
}

// second makes the counts of one second.
func (w *world) second(at int64) Second {
	rows := map[traffic.Key]*traffic.Row{}
	for i, n := 0, w.poisson(w.rate(at)); i < n; i++ {
		k := traffic.Key{
			Route: "pay", Channel: channels[w.rand.IntN(len(channels))], Method: []string{"app", "web"}[w.rand.IntN(2)],
			Kind: payment.Pay, Verdict: posture.Forward.String(), Outcome: payment.Done, Currency: "CNY",
		}
		if w.rand.Float64() < w.failing {
			k.Outcome = payment.NotDone
		}
		took := []int{1, 1, 1, 2, 2, 3}[w.rand.IntN(6)]
		for _, f := range w.faults {
			if at >= f.from && at < f.until && (f.channel == "" || f.channel == k.Channel) && w.rand.Float64() < f.share(at-f.from) {
				if f.slow {
					took = 5
				} else {
					k.Outcome = f.outcome
				}
			}
		}
		if rows[k] == nil {
			rows[k] = &traffic.Row{Key: k}
		}
		rows[k].Count++
		rows[k].Latency[took]++
	}
	s := Second{At: noon + at, Quiet: true, Gates: []Gate{{"gate-1", noon + at, true}}}
	for _, r := range rows {
		s.Rows = append(s.Rows, *r)
	}
	return s
}

// run judges the world's seconds and returns what changed, each with its second.
func (w *world) run(d *Detector, seconds int64, each func(*Second)) (changes []Change) {
	for at := range seconds {
		s := w.second(at)
		if each != nil {
			each(&s)
		}
		changes = append(changes, d.Second(s)...)
	}
	return changes
}

func describe(c Change) string {
	word := "made"
	if !c.Ended.IsZero() {
		word = fmt.Sprintf("ended at %d:", c.Ended.Unix()-noon)
	}
	return fmt.Sprintf("%s %s %s %+v at %d since %d seen %.3f expected %.3f payments %d", word, c.Severity, c.Kind, c.Scope, c.At.Unix()-noon, c.Since.Unix()-noon, c.Seen, c.Expected, c.Payments)
}

// began is when the faults of these tests begin.
const began = 600

func TestFaultsAreFound(t *testing.T) {
	drift := func(at int64) float64 { return min(0.2, float64(at)/6000) }
	for _, c := range []struct {
		name   string
		rate   float64
		fault  fault
		within int64
		want   Finding
	}{
		{"outage at 20/s", 20, fault{outcome: payment.NotDone, share: always(1)}, 2, Finding{Kind: Failures, Severity: Critical}},
		{"outage at 1000/s", 1000, fault{outcome: payment.NotDone, share: always(1)}, 1, Finding{Kind: Failures, Severity: Critical}},
		{"answers lost", 100, fault{outcome: payment.Unknown, share: always(1)}, 1, Finding{Kind: Unknowns, Severity: Critical}},
		{"half of a channel", 100, fault{channel: "card", outcome: payment.NotDone, share: always(0.5)}, 5, Finding{Kind: Failures, Severity: Major, Scope: Scope{Route: "pay", Channel: "card"}}},
		{"a tenth of a channel", 100, fault{channel: "card", outcome: payment.NotDone, share: always(0.1)}, 30, Finding{Kind: Failures, Severity: Major, Scope: Scope{Route: "pay", Channel: "card"}}},
		{"a tenth of a channel at 20/s", 20, fault{channel: "card", outcome: payment.NotDone, share: always(0.1)}, 120, Finding{Kind: Failures, Scope: Scope{Route: "pay", Channel: "card"}}},
		{"a twentieth of a channel", 100, fault{channel: "card", outcome: payment.NotDone, share: always(0.05)}, 120, Finding{Kind: Failures, Scope: Scope{Route: "pay", Channel: "card"}}},
		{"slow drift", 100, fault{outcome: payment.NotDone, share: drift}, 600, Finding{Kind: Failures}},
		{"a tenth of unknown outcomes", 100, fault{channel: "qr", outcome: payment.Unknown, share: always(0.1)}, 20, Finding{Kind: Unknowns, Scope: Scope{Route: "pay", Channel: "qr"}}},
		{"slow channel", 100, fault{channel: "card", slow: true, share: always(0.9)}, 10, Finding{Kind: Slow, Severity: Major, Scope: Scope{Route: "pay", Channel: "card"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(7, c.rate)
			c.fault.from, c.fault.until = began, began+900
			w.faults = []fault{c.fault}
			changes := w.run(New(time.UTC), began+900+120, nil)
			for _, ch := range changes {
				t.Log(describe(ch))
			}
			if len(changes) == 0 {
				t.Fatal("nothing was found")
			}
			first := changes[0]
			if first.Kind != c.want.Kind || first.Scope != c.want.Scope || c.want.Severity != "" && first.Severity != c.want.Severity {
				t.Errorf("found %s", describe(first))
			}
			if after := first.At.Unix() - noon - began; after < 0 || after > c.within {
				t.Errorf("found after %d s; %d s are allowed", after, c.within)
			}
			if last := changes[len(changes)-1]; last.Ended.IsZero() {
				t.Errorf("never ended: %s", describe(last))
			}
		})
	}
}

// Two days of usual traffic, with its nights and a pay-day burst, hold no
// finding; nor does usual traffic that fails more than most.
func TestUsualTrafficHoldsNoFinding(t *testing.T) {
	day := func(mean float64) func(int64) float64 {
		return func(at int64) float64 {
			hour := float64(at%86400) / 3600
			rate := mean * (1 + 0.9*math.Cos(hour*math.Pi/12))
			if at >= 20*3600 && at < 20*3600+1800 { // everybody pays at once
				rate = max(rate, mean) * 4
			}
			return rate
		}
	}
	for i, mean := range []float64{3, 20, 60} {
		for _, failing := range []float64{0.01, 0.15} {
			t.Run(fmt.Sprintf("%v per second, %v failing", mean, failing), func(t *testing.T) {
				t.Parallel()
				w := newWorld(uint64(i), mean)
				w.rate, w.failing = day(mean), failing
				for _, c := range w.run(New(time.UTC), 86400, nil) {
					t.Error(describe(c))
				}
			})
		}
	}
}
