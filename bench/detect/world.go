package main

import (
	"math"
	"math/rand/v2"
	"time"

	"holdfast/internal/detect"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// midnight begins the 25th of a month in China, a pay day.
var midnight = time.Date(2026, 11, 24, 16, 0, 0, 0, time.UTC).Unix()

var channels = [...]string{"app", "card", "counter", "qr", "transfer"}

const (
	// failing is the usual share of payments that are not done.
	failing = 0.02
	// Amounts are log-normal, as they are: many small, few large.
	meanAmount = 12000.0 // minor units
	skew       = 1.0
)

// fault is what goes wrong, as the sandbox's faults do, with a share of the
// payments of a channel, or of all. Its share may grow with the seconds.
type fault struct {
	name     string
	channel  string
	share    func(second int64) float64
	wrong    bool    // the answer names another amount
	discount float64 // the amounts are multiplied by it, if it is not 0
	lasts    int64
}

func always(share float64) func(int64) float64 { return func(int64) float64 { return share } }

var faults = []fault{
	{name: "outage", share: always(1), lasts: 300},
	{name: "50 % of one channel", channel: "qr", share: always(0.5), lasts: 300},
	{name: "10 % of one channel", channel: "qr", share: always(0.1), lasts: 900},
	{name: "5 % of one channel", channel: "qr", share: always(0.05), lasts: 1800},
	{name: "slow drift, 20 % in 2 h", channel: "qr", share: func(at int64) float64 { return min(0.2, 0.2*float64(at)/7200) }, lasts: 7200},
	{name: "wrong amounts, 10 % of one", channel: "qr", share: always(0.1), wrong: true, lasts: 900},
	{name: "half price on one channel", channel: "qr", share: always(1), discount: 0.5, lasts: 900},
}

// world is traffic in virtual time.
type world struct {
	rate  func(second int64) float64
	draw  *rand.Rand
	fault *fault
	from  int64
}

// made is what was counted of one channel in one second.
type made struct {
	done, bad, named, differ int64
	amount                   float64
}

func (w *world) second(at int64) [len(channels)]made {
	var all [len(channels)]made
	for i, name := range channels {
		m, n := &all[i], w.poisson(w.rate(at)/float64(len(channels)))
		share, price, wrong := 0.0, 1.0, false
		if f := w.fault; f != nil && at >= w.from && (f.channel == "" || f.channel == name) {
			share, wrong = f.share(at-w.from), f.wrong
			if f.discount > 0 {
				share, price = 0, f.discount
			}
		}
		hit := w.binomial(n, share)
		m.bad = w.binomial(n-hit, failing)
		if wrong {
			m.bad, m.differ = w.binomial(n, failing), hit
		} else {
			m.bad += hit
		}
		m.done = n - m.bad
		m.named, m.differ = m.done, min(m.done, m.differ)
		m.amount = price * w.amounts(m.done)
	}
	return all
}

// judged is a second as control nodes have it.
func judged(at int64, all [len(channels)]made) detect.Second {
	s := detect.Second{At: midnight + at, Quiet: true, Gates: []detect.Gate{{Name: "gate-1", Last: midnight + at, Heard: true}}}
	for i, m := range all {
		k := traffic.Key{Route: "pay", Channel: channels[i], Method: "card", Kind: payment.Pay, Verdict: posture.Forward.String(), Currency: "CNY", Outcome: payment.Done}
		if m.done > 0 {
			c := traffic.Cell{Count: m.done, Amount: int64(m.amount), Named: m.named, Differ: m.differ}
			c.Latency[1], c.Latency[2], c.Latency[3] = m.done-m.done/4-m.done/20, m.done/4, m.done/20
			s.Rows = append(s.Rows, traffic.Row{Key: k, Cell: c})
		}
		if m.bad > 0 {
			k.Outcome = payment.NotDone
			s.Rows = append(s.Rows, traffic.Row{Key: k, Cell: traffic.Cell{Count: m.bad, Amount: m.bad * meanAmount, Latency: traffic.Latency{0, m.bad}}})
		}
	}
	return s
}

func (w *world) poisson(mean float64) int64 {
	if mean > 50 {
		return max(0, int64(math.Round(mean+math.Sqrt(mean)*w.draw.NormFloat64())))
	}
	n, p, limit := int64(0), 1.0, math.Exp(-mean)
	for p *= w.draw.Float64(); p > limit; p *= w.draw.Float64() {
		n++
	}
	return n
}

func (w *world) binomial(n int64, p float64) (hit int64) {
	for range n {
		if w.draw.Float64() < p {
			hit++
		}
	}
	return hit
}

// amounts is the sum of n amounts.
func (w *world) amounts(n int64) (sum float64) {
	for range n {
		sum += meanAmount * math.Exp(skew*w.draw.NormFloat64()-skew*skew/2)
	}
	return sum
}
