package detect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// noon is when the traffic of these tests begins: a Wednesday, 00:00 UTC.
const noon = 1_700_006_400

// fault is what goes wrong with some payments for a while.
type fault struct {
	from, until int64 // seconds from the beginning
	channel     string
	bank        string
	merchant    string
	outcome     payment.Outcome
	// code is what answers say in the place of "51"; alone, nothing else changes.
	code  string
	share func(second int64) float64
	slow  bool
	// other lets that share of the answers name another amount; cheap multiplies
	// the amounts, if it is not 0.
	other bool
	cheap float64
	// gone lets the payments not come at all.
	gone bool
}

// world is simulated traffic: five channels, two methods, four banks and three
// groups of merchants of one route.
type world struct {
	rate   func(second int64) float64
	faults []fault
	rand   *rand.Rand
	// parties draws banks and merchants.
	parties *rand.Rand
	// failing is the usual share of failures.
	failing float64
	gates   func(second int64) []Gate
	// mix is how likely a channel is at a time, if they are not all the same.
	mix func(channel int, second int64) float64
}

func always(x float64) func(int64) float64 { return func(int64) float64 { return x } }

func newWorld(seed uint64, perSecond float64) *world {
	return &world{
		rate: always(perSecond), rand: rand.New(rand.NewPCG(seed, 1)), parties: rand.New(rand.NewPCG(seed, 2)), failing: 0.02,
		gates: func(at int64) []Gate { return []Gate{{"gate-1", noon + at, true}} },
	}
}

var channels = []string{"alipay", "card", "qr", "unionpay", "wechat"}

func (w *world) channel(at int64) int {
	i := w.rand.IntN(len(channels))
	for w.mix != nil && w.rand.Float64() > w.mix(i, at) {
		i = w.rand.IntN(len(channels))
	}
	return i
}

var banks = []string{"abc", "boc", "ccb", "icbc"}

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
	rows, parts := map[traffic.Key]*traffic.Row{}, map[traffic.Part]int64{}
	for range w.poisson(w.rate(at)) {
		w.pay(rows, parts, at)
	}
	s := Second{At: noon + at, Quiet: true, Gates: w.gates(at)}
	for _, r := range rows {
		s.Rows = append(s.Rows, *r)
	}
	for p, n := range parts {
		s.Parts = append(s.Parts, traffic.PartRow{Part: p, Count: n})
	}
	return s
}

var latencies = []int{1, 1, 1, 2, 2, 3}

func (w *world) pay(rows map[traffic.Key]*traffic.Row, parts map[traffic.Part]int64, at int64) {
	bank, merchant, code := banks[w.parties.IntN(len(banks))], []string{"food", "goods", "travel"}[w.parties.IntN(3)], "51"
	k := traffic.Key{
		Route: "pay", Channel: channels[w.channel(at)], Method: []string{"app", "web"}[w.rand.IntN(2)],
		Kind: payment.Pay, Verdict: posture.Forward.String(), Outcome: payment.Done, Currency: "CNY",
	}
	if w.rand.Float64() < w.failing {
		k.Outcome = payment.NotDone
	}
	// As amounts are: many small ones, few large ones.
	amount := 5000 * math.Exp(w.rand.NormFloat64())
	took := latencies[w.rand.IntN(len(latencies))]
	var other int64
	for _, f := range w.faults {
		if at < f.from || at >= f.until || f.channel != "" && f.channel != k.Channel || f.bank != "" && f.bank != bank ||
			f.merchant != "" && f.merchant != merchant || w.rand.Float64() >= f.share(at-f.from) {
			continue
		}
		if f.code != "" {
			code = f.code
		}
		switch {
		case f.gone:
			return
		case f.outcome == payment.InFlight && f.code != "": // only the code is another
		case f.slow:
			took = 5
		case f.other:
			other = 1
		case f.cheap > 0:
			amount *= f.cheap
		default:
			k.Outcome = f.outcome
		}
	}
	r := rows[k]
	if r == nil {
		r = &traffic.Row{Key: k}
		rows[k] = r
	}
	r.Count++
	r.Amount += int64(amount)
	r.Latency[took]++
	part := traffic.Part{Route: k.Route, Verdict: k.Verdict, Outcome: k.Outcome}
	for trait, name := range map[traffic.Trait]string{traffic.Bank: bank, traffic.Merchant: merchant} {
		part.Trait, part.Name = trait, name
		parts[part]++
	}
	if k.Outcome != payment.Done {
		parts[traffic.Part{Trait: traffic.Code, Name: code, Route: k.Route, Channel: k.Channel, Outcome: k.Outcome}]++
	} else {
		r.Named, r.Differ = r.Named+1, r.Differ+other
	}
}

// run judges the world's seconds and returns what changed.
func (w *world) run(d *Detector, from, until int64, each func(*Second)) (changes []Change) {
	for at := from; at < until; at++ {
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
	return fmt.Sprintf("%s %s %s %+v%s at %d since %d seen %.3f expected %.3f payments %d", word, c.Severity, c.Kind, c.Scope, c.Gate, c.At.Unix()-noon, c.Since.Unix()-noon, c.Seen, c.Expected, c.Payments)
}

func after(seconds int64) time.Time { return time.Unix(noon+seconds, 0).UTC() }
