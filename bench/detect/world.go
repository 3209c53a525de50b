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

// banks are those of the payers. Each second's payments of a channel are spread over
// them by chance.
var banks = [...]string{"abc", "boc", "ccb", "icbc"}

// usualCode is what nearly all payments that fail on any day are answered with.
const usualCode = "51"

// fault is what goes wrong, as the sandbox's faults do, with a share of the
// payments of a channel or of a bank, or of all. Its share may grow with the seconds.
type fault struct {
	name    string
	channel string
	bank    string
	// code is what answers to payments that it fails say; the usual one if it is
	// empty. With recoded nothing but the code of those that fail anyway is another.
	code     string
	recoded  bool
	share    func(second int64) float64
	wrong    bool    // the answer names another amount
	discount float64 // the amounts are multiplied by it, if it is not 0
	lasts    int64
}

const newCode = "96"

func drift(at int64) float64 { return min(0.2, 0.2*float64(at)/7200) }

func always(share float64) func(int64) float64 { return func(int64) float64 { return share } }

var faults = []fault{
	{name: "outage", share: always(1), code: newCode, lasts: 300},
	{name: "50 % of one channel", channel: "qr", share: always(0.5), lasts: 300},
	{name: "10 % of one channel", channel: "qr", share: always(0.1), lasts: 900},
	{name: "5 % of one channel", channel: "qr", share: always(0.05), lasts: 1800},
	{name: "5 % of one, a new code", channel: "qr", code: newCode, share: always(0.05), lasts: 1800},
	{name: "50 % of one bank", bank: "icbc", share: always(0.5), lasts: 300},
	{name: "10 % of one bank", bank: "icbc", share: always(0.1), lasts: 900},
	{name: "slow drift, 20 % in 2 h", channel: "qr", share: drift, lasts: 7200},
	{name: "slow drift, a new code", channel: "qr", code: newCode, share: drift, lasts: 7200},
	{name: "the code becomes another", channel: "qr", code: newCode, recoded: true, share: always(1), lasts: 1800},
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
	// By bank, and how many of bad have the new code.
	bankDone, bankBad [len(banks)]int64
	recoded           int64
}

func (w *world) second(at int64) [len(channels)]made {
	var all [len(channels)]made
	for i := range channels {
		for range w.poisson(w.rate(at) / float64(len(channels))) {
			w.pay(&all[i], i, at)
		}
	}
	return all
}

// pay makes one payment of a channel.
func (w *world) pay(m *made, channel int, at int64) {
	bank, bad, recoded, price := w.draw.IntN(len(banks)), w.draw.Float64() < failing, false, 1.0
	if f := w.fault; f != nil && at >= w.from && f.covers(channels[channel], banks[bank]) && w.draw.Float64() < f.share(at-w.from) {
		switch {
		case f.recoded:
			recoded = bad
		case f.wrong:
			m.differ += one(!bad)
		case f.discount > 0:
			price = f.discount
		default:
			bad, recoded = true, f.code != ""
		}
	}
	if bad {
		m.bad++
		m.bankBad[bank]++
		m.recoded += one(recoded)
		return
	}
	m.done++
	m.named++
	m.bankDone[bank]++
	m.amount += price * meanAmount * math.Exp(skew*w.draw.NormFloat64()-skew*skew/2)
}

func (f *fault) covers(channel, bank string) bool {
	return (f.channel == "" || f.channel == channel) && (f.bank == "" || f.bank == bank)
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
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
	s.Parts = partsOf(all)
	return s
}

// partsOf is what gates count beside the keys.
func partsOf(all [len(channels)]made) (list []traffic.PartRow) {
	var done, bad [len(banks)]int64
	add := func(p traffic.Part, n int64) {
		if p.Route = "pay"; n > 0 {
			list = append(list, traffic.PartRow{Part: p, Count: n})
		}
	}
	for i, m := range all {
		for b := range banks {
			done[b], bad[b] = done[b]+m.bankDone[b], bad[b]+m.bankBad[b]
		}
		code := traffic.Part{Trait: traffic.Code, Channel: channels[i], Outcome: payment.NotDone}
		code.Name = usualCode
		add(code, m.bad-m.recoded)
		code.Name = newCode
		add(code, m.recoded)
	}
	for b, name := range banks {
		p := traffic.Part{Trait: traffic.Bank, Name: name, Verdict: posture.Forward.String()}
		p.Outcome = payment.Done
		add(p, done[b])
		p.Outcome = payment.NotDone
		add(p, bad[b])
	}
	return list
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
