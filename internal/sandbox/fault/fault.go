// Package fault decides which requests of the simulated payment world go wrong,
// how, and until when.
//
// A fault is a lease: it names its own end when it starts, at most four hours
// away, and the injector enforces it. Nobody has to be alive to end it, and a
// process that is started again has none. When a lease ends, by time or by hand,
// whatever it was holding up goes on at once.
//
// Which requests a fault hits depends on the seed and the payment's identity
// only, so every run with one seed hits the same payments, and the retry of a
// payment that was hit is hit again.
//
//	kind          what the client sees                                  what truth says
//	latency       the answer comes late: the work is begun late         as asked
//	error         a 5xx at once                                         nothing was done
//	refusal       the connection is reset before a request is read      nothing was done
//	outage        dialling is refused, open connections are reset       what was under way is still done
//	answer-lost   the connection ends without an answer                 done
//	request-lost  the connection ends without an answer                 nothing was done
//	late-answer   the answer comes late: the work is done at once       as asked
//	answer-twice  the same answer twice on one connection               done once
//	effect-twice  one answer                                            done twice
//	wrong-answer  a 2xx whose amount, currency, payer or payee is wrong as asked
//	wrong-effect  the answer that was expected                          another amount
//	decline       a 402: refused for a reason of business               nothing was done
package fault

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/world"
)

// Kind is what goes wrong.
type Kind string

const (
	Latency     Kind = "latency"
	Error       Kind = "error"
	Refusal     Kind = "refusal"
	Outage      Kind = "outage"
	AnswerLost  Kind = "answer-lost"
	RequestLost Kind = "request-lost"
	LateAnswer  Kind = "late-answer"
	AnswerTwice Kind = "answer-twice"
	EffectTwice Kind = "effect-twice"
	WrongAnswer Kind = "wrong-answer"
	WrongEffect Kind = "wrong-effect"
	Decline     Kind = "decline"
)

// Limits of a fault.
const (
	// MaxSeconds is the longest lease: four hours.
	MaxSeconds = 4 * 60 * 60
	// MaxDelay bounds each delay, jitter and hold, in milliseconds: ten minutes.
	MaxDelay = 600_000
)

// Fault is what somebody asks for.
type Fault struct {
	Kind Kind `json:"kind"`
	// Seconds is how long the lease runs: 1 to MaxSeconds. There is no default.
	Seconds int `json:"seconds"`
	// Share is the part of the payments in scope that is hit, above 0 up to 1;
	// 0 stands for 1. For a refusal it is the part of the connections.
	Share float64 `json:"share,omitempty"`
	Scope Scope   `json:"scope,omitzero"`
	// DelayMS is how late latency and late-answer make things, in milliseconds;
	// JitterMS adds up to so much more, evenly spread over the payments.
	DelayMS  int `json:"delay_ms,omitempty"`
	JitterMS int `json:"jitter_ms,omitempty"`
	// HoldMS is how long answer-lost and request-lost keep the silent connection
	// open before they end it, in milliseconds; 0 ends it at once.
	HoldMS int `json:"hold_ms,omitempty"`
	// Status of an error: 500 to 599; default 503.
	Status int `json:"status,omitempty"`
	// Field that wrong-answer changes: amount (default), currency, payer, payee.
	Field string `json:"field,omitempty"`
	// Delta is what wrong-answer and wrong-effect add to the amount, in minor
	// units; default 100.
	Delta int64 `json:"delta,omitempty"`
	// Salt changes which payments are hit. Faults with one salt hit nested sets:
	// the payments of a share of 0.1 are among those of a share of 0.2.
	Salt uint64 `json:"salt,omitempty"`
	// Note is for people, up to 200 characters.
	Note string `json:"note,omitempty"`
}

// Scope narrows a fault. An empty field matches everything.
type Scope struct {
	// Operation is payment, refund, advice, inquiry or all; empty means payments and
	// refunds. What a gate has stood in for is an advice, and a payment or refund.
	Operation string `json:"operation,omitempty"`
	Channel   string `json:"channel,omitempty"`
	// Bank is the bank of the payer's account.
	Bank   string `json:"bank,omitempty"`
	Method string `json:"method,omitempty"`
}

// Operations a request can be.
const (
	Payment = "payment"
	Refund  = "refund"
	Inquiry = "inquiry"
	Advice  = "advice"
)

// Operation is one request at the primary, as faults see it. Fields that are
// not known are empty and match only a scope that leaves them open.
type Operation struct {
	Kind     string // Payment, Refund or Inquiry
	Advice   bool   // a gate has stood in for it
	Identity string // the idempotency key
	Channel  string
	Bank     string
	Method   string
}

func (s Scope) covers(o Operation) bool {
	kind := s.Operation == o.Kind || s.Operation == "all" || s.Operation == Advice && o.Advice || (s.Operation == "" && o.Kind != Inquiry)
	return kind && within(s.Channel, o.Channel) && within(s.Bank, o.Bank) && within(s.Method, o.Method)
}

func within(scope, value string) bool { return scope == "" || scope == value }

// uses names the parameters each kind reads; the others must stay zero, so that
// a slip is told and not ignored.
var uses = map[Kind]string{
	Latency:     "share scope delay jitter",
	Error:       "share scope status",
	Refusal:     "share",
	Outage:      "",
	AnswerLost:  "share scope hold",
	RequestLost: "share scope hold",
	LateAnswer:  "share scope delay jitter",
	AnswerTwice: "share scope",
	EffectTwice: "share scope",
	WrongAnswer: "share scope field delta",
	WrongEffect: "share scope delta",
	Decline:     "share scope",
}

// Kinds lists all kinds by name.
func Kinds() []Kind {
	kinds := make([]Kind, 0, len(uses))
	for k := range uses {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// Complete checks the fault and fills in its defaults.
func (f Fault) Complete() (Fault, error) {
	allowed, known := uses[f.Kind]
	if !known {
		return f, holdfast.Errorf(holdfast.Invalid, "fault kind %q: write one of %s", f.Kind, kindList()).At("kind")
	}
	if f.Seconds < 1 || f.Seconds > MaxSeconds {
		return f, holdfast.Errorf(holdfast.Invalid, "a fault must say in how many seconds it ends, from 1 to %d, not %d", MaxSeconds, f.Seconds).At("seconds")
	}
	if len(f.Note) > 200 {
		return f, holdfast.Errorf(holdfast.Invalid, "the note is longer than 200 bytes").At("note")
	}
	for _, p := range []struct {
		name, field string
		set         bool
	}{
		{"share", "share", f.Share != 0 && f.Share != 1}, {"scope", "scope", f.Scope != Scope{}}, {"delay", "delay_ms", f.DelayMS != 0},
		{"jitter", "jitter_ms", f.JitterMS != 0}, {"hold", "hold_ms", f.HoldMS != 0}, {"status", "status", f.Status != 0},
		{"field", "field", f.Field != ""}, {"delta", "delta", f.Delta != 0},
	} {
		if p.set && !slices.Contains(strings.Fields(allowed), p.name) {
			return f, holdfast.Errorf(holdfast.Invalid, "%s has no meaning for a fault of kind %s; leave it out", p.field, f.Kind).At(p.field)
		}
	}
	if err := f.Scope.check(f.Kind); err != nil {
		return f, err
	}
	return f.completeNumbers()
}

func (f Fault) completeNumbers() (Fault, error) {
	if f.Share == 0 {
		f.Share = 1
	}
	if !(f.Share > 0 && f.Share <= 1) {
		return f, holdfast.Errorf(holdfast.Invalid, "share %v: write a number above 0, up to 1", f.Share).At("share")
	}
	for _, p := range []struct {
		field string
		ms    int
	}{{"delay_ms", f.DelayMS}, {"jitter_ms", f.JitterMS}, {"hold_ms", f.HoldMS}} {
		if p.ms < 0 || p.ms > MaxDelay {
			return f, holdfast.Errorf(holdfast.Invalid, "%s is %d: write 0 to %d milliseconds", p.field, p.ms, MaxDelay).At(p.field)
		}
	}
	switch f.Kind {
	case Latency, LateAnswer:
		if f.DelayMS+f.JitterMS == 0 {
			return f, holdfast.Errorf(holdfast.Invalid, "say how late: set delay_ms, jitter_ms or both").At("delay_ms")
		}
	case Error:
		if f.Status == 0 {
			f.Status = 503
		}
		if f.Status < 500 || f.Status > 599 {
			return f, holdfast.Errorf(holdfast.Invalid, "status %d: an error has 500 to 599", f.Status).At("status")
		}
	case WrongAnswer, WrongEffect:
		return f.completeWrong()
	}
	return f, nil
}

func (f Fault) completeWrong() (Fault, error) {
	if f.Kind == WrongAnswer && f.Field == "" {
		f.Field = "amount"
	}
	if f.Kind == WrongAnswer && !slices.Contains([]string{"amount", "currency", "payer", "payee"}, f.Field) {
		return f, holdfast.Errorf(holdfast.Invalid, "field %q: write amount, currency, payer or payee", f.Field).At("field")
	}
	if f.Kind == WrongEffect || f.Field == "amount" {
		if f.Delta == 0 {
			f.Delta = 100
		}
	} else if f.Delta != 0 {
		return f, holdfast.Errorf(holdfast.Invalid, "delta changes an amount; leave it out for %s", f.Field).At("delta")
	}
	if f.Delta < -1_000_000_000 || f.Delta > 1_000_000_000 {
		return f, holdfast.Errorf(holdfast.Invalid, "delta %d: write -1000000000 to 1000000000 minor units", f.Delta).At("delta")
	}
	return f, nil
}

func (s Scope) check(k Kind) error {
	one := func(field, value string, of []string) error {
		if value == "" || slices.Contains(of, value) {
			return nil
		}
		return holdfast.Errorf(holdfast.Invalid, "scope: there is no %s %q; write one of %s", field, value, strings.Join(of, ", ")).At("scope." + field)
	}
	for _, err := range []error{
		one("operation", s.Operation, []string{Payment, Refund, Advice, Inquiry, "all"}), one("channel", s.Channel, world.Channels[:]),
		one("bank", s.Bank, world.Banks()), one("method", s.Method, world.Methods[:]),
	} {
		if err != nil {
			return err
		}
	}
	if s.Operation == Inquiry && (k == EffectTwice || k == WrongEffect || k == Decline) {
		return holdfast.Errorf(holdfast.Invalid, "scope: an inquiry has no effect that %s could change", k).At("scope.operation")
	}
	return nil
}

func kindList() string {
	var b strings.Builder
	for i, k := range Kinds() {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprint(&b, k)
	}
	return b.String()
}

func milliseconds(n int) time.Duration { return time.Duration(n) * time.Millisecond }
