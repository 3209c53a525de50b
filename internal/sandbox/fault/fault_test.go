package fault

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"holdfast"
)

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		f    Fault
		want string // the completed fault as JSON, or the field at fault
	}{
		{Fault{Kind: Latency, Seconds: 10, DelayMS: 50}, `{"kind":"latency","seconds":10,"share":1,"delay_ms":50}`},
		{Fault{Kind: Latency, Seconds: 10, JitterMS: 50, Share: 0.5}, `{"kind":"latency","seconds":10,"share":0.5,"jitter_ms":50}`},
		{Fault{Kind: Error, Seconds: 1}, `{"kind":"error","seconds":1,"share":1,"status":503}`},
		{Fault{Kind: Outage, Seconds: 14400}, `{"kind":"outage","seconds":14400,"share":1}`},
		{Fault{Kind: WrongAnswer, Seconds: 1}, `{"kind":"wrong-answer","seconds":1,"share":1,"field":"amount","delta":100}`},
		{Fault{Kind: WrongAnswer, Seconds: 1, Field: "payee"}, `{"kind":"wrong-answer","seconds":1,"share":1,"field":"payee"}`},
		{Fault{Kind: WrongEffect, Seconds: 1, Delta: -5}, `{"kind":"wrong-effect","seconds":1,"share":1,"delta":-5}`},
		{
			Fault{Kind: AnswerLost, Seconds: 1, HoldMS: 7, Scope: Scope{Operation: "all", Channel: "qr", Bank: "bank_02", Method: "card"}},
			`{"kind":"answer-lost","seconds":1,"share":1,"scope":{"operation":"all","channel":"qr","bank":"bank_02","method":"card"},"hold_ms":7}`,
		},
		{Fault{Kind: "quake", Seconds: 1}, "kind"},
		{Fault{Kind: Error}, "seconds"},
		{Fault{Kind: Error, Seconds: MaxSeconds + 1}, "seconds"},
		{Fault{Kind: Error, Seconds: 1, Share: 1.01}, "share"},
		{Fault{Kind: Error, Seconds: 1, Share: -0.1}, "share"},
		{Fault{Kind: Error, Seconds: 1, Share: math.NaN()}, "share"},
		{Fault{Kind: Error, Seconds: 1, Status: 404}, "status"},
		{Fault{Kind: Error, Seconds: 1, DelayMS: 5}, "delay_ms"},
		{Fault{Kind: Latency, Seconds: 1}, "delay_ms"},
		{Fault{Kind: Latency, Seconds: 1, DelayMS: MaxDelay + 1}, "delay_ms"},
		{Fault{Kind: LateAnswer, Seconds: 1, DelayMS: 5, JitterMS: -5}, "jitter_ms"},
		{Fault{Kind: AnswerLost, Seconds: 1, HoldMS: -1}, "hold_ms"},
		{Fault{Kind: Outage, Seconds: 1, Share: 0.5}, "share"},
		{Fault{Kind: Outage, Seconds: 1, Scope: Scope{Channel: "qr"}}, "scope"},
		{Fault{Kind: Refusal, Seconds: 1, Scope: Scope{Channel: "qr"}}, "scope"},
		{Fault{Kind: Error, Seconds: 1, Scope: Scope{Channel: "fax"}}, "scope.channel"},
		{Fault{Kind: Error, Seconds: 1, Scope: Scope{Bank: "bank_99"}}, "scope.bank"},
		{Fault{Kind: Error, Seconds: 1, Scope: Scope{Method: "gold"}}, "scope.method"},
		{Fault{Kind: Error, Seconds: 1, Scope: Scope{Operation: "other"}}, "scope.operation"},
		{Fault{Kind: EffectTwice, Seconds: 1, Scope: Scope{Operation: Inquiry}}, "scope.operation"},
		{Fault{Kind: WrongAnswer, Seconds: 1, Field: "id"}, "field"},
		{Fault{Kind: WrongAnswer, Seconds: 1, Field: "payer", Delta: 1}, "delta"},
		{Fault{Kind: WrongEffect, Seconds: 1, Delta: math.MinInt64}, "delta"},
		{Fault{Kind: Error, Seconds: 1, Note: strings.Repeat("x", 201)}, "note"},
	} {
		got, err := c.f.Complete()
		if field, bad := strings.CutPrefix(c.want, "{"); bad {
			if b, _ := json.Marshal(got); err != nil || string(b) != "{"+field {
				t.Errorf("%+v became %s (%v)", c.f, b, err)
			}
			continue
		}
		var e *holdfast.Error
		if e, _ = err.(*holdfast.Error); e == nil || e.Code != holdfast.Invalid || e.Field != c.want {
			t.Errorf("%+v: %v, not an error at %s", c.f, err, c.want)
		}
	}
}

func TestEveryKindIsTold(t *testing.T) {
	if got := kindList(); got != "answer-lost, answer-twice, decline, effect-twice, error, late-answer, latency, outage, refusal, request-lost, wrong-answer, wrong-effect" {
		t.Error(got)
	}
}

func TestScope(t *testing.T) {
	pay := Operation{Kind: Payment, Identity: "k", Channel: "qr", Bank: "bank_01", Method: "card"}
	ask := Operation{Kind: Inquiry, Identity: "k"}
	late := pay
	late.Advice = true
	for _, c := range []struct {
		s    Scope
		o    Operation
		want bool
	}{
		{Scope{}, pay, true},
		{Scope{}, ask, false},
		{Scope{Operation: "all"}, ask, true},
		{Scope{Operation: Inquiry}, pay, false},
		{Scope{Operation: Refund}, pay, false},
		{Scope{Operation: Advice}, pay, false},
		{Scope{Operation: Advice}, late, true},
		{Scope{Operation: Advice, Channel: "app"}, late, false},
		{Scope{Operation: Payment}, late, true},
		{Scope{}, late, true},
		{Scope{Channel: "qr"}, pay, true},
		{Scope{Channel: "app"}, pay, false},
		{Scope{Channel: "qr", Bank: "bank_02"}, pay, false},
		{Scope{Channel: "qr", Bank: "bank_01", Method: "card"}, pay, true},
		{Scope{Method: "balance"}, pay, false},
		{Scope{Operation: Inquiry, Channel: "qr"}, ask, false}, // not known is not within
	} {
		if got := c.s.covers(c.o); got != c.want {
			t.Errorf("%+v covers %+v: %t", c.s, c.o, got)
		}
	}
}

func FuzzFault(f *testing.F) {
	f.Add([]byte(`{"kind":"latency","seconds":30,"delay_ms":200,"jitter_ms":100,"share":0.2,"scope":{"channel":"qr"}}`))
	f.Add([]byte(`{"kind":"outage","seconds":1e99}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var asked Fault
		if json.Unmarshal(b, &asked) != nil {
			return
		}
		done, err := asked.Complete()
		if err != nil {
			return
		}
		if again, err := done.Complete(); err != nil || fmt.Sprint(again) != fmt.Sprint(done) {
			t.Errorf("%+v completes to %+v (%v)", done, again, err)
		}
		if done.Seconds < 1 || done.Share <= 0 || (Hit{Fault: done, draw: 1}).Delay() > 2*milliseconds(MaxDelay) {
			t.Errorf("out of bounds: %+v", done)
		}
	})
}
