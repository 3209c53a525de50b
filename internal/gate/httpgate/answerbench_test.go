package httpgate

import (
	"testing"

	"holdfast/internal/payment"
)

// sandboxAnswer is an answer of usual length, the amount in its midst.
const sandboxAnswer = `{"id":"pay_01kb0f8h2m3n4p5q6r7s8t9v0w","status":"succeeded","amount":1299,"currency":"CNY","payer":"acct_000123","payee":"m_001","channel":"app","method":"card","bank":"bank_03","key":"run-1-000123","reference":"run-1-000123","created":"2026-11-26T03:00:05.123456Z"}`

// What the gate does with an answer in order to find its amount.
func BenchmarkAnswerAmount(b *testing.B) {
	p := newPointers([]string{"/amount"})
	body := []byte(sandboxAnswer)
	values := make([]value, 1) // an exchange has room for it
	b.ReportAllocs()
	for b.Loop() {
		if err := p.into(values[:], body); err != nil || !values[0].ok {
			b.Fatal(err)
		}
		if n, err := payment.ParseAmount(string(values[0].text)); err != nil || n != 1299 {
			b.Fatal(n, err)
		}
	}
}

// The amount of an answer is found without an allocation.
func TestAnswerAmountDoesNotAllocate(t *testing.T) {
	p, values, body := newPointers([]string{"/amount"}), make([]value, 1), []byte(sandboxAnswer)
	if n := testing.AllocsPerRun(100, func() {
		if p.into(values, body) != nil || !values[0].ok {
			t.Error("the amount was not read")
		}
		if amount, err := payment.ParseAmount(string(values[0].text)); err != nil || amount != 1299 {
			t.Error(amount, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
