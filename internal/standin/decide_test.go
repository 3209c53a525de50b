package standin_test

import (
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// S6: what is not eligible, or cannot be told to be, is never approved.
func TestIneligibleIsNeverApproved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(*standin.Request)
		verdict standin.Verdict
		reason  standin.Reason
	}{
		"a usual payment":         {func(*standin.Request) {}, standin.Approved, standin.None},
		"another class":           {func(r *standin.Request) { r.Snapshot.Class = "c" }, standin.Refused, standin.Ineligible},
		"no class":                {func(r *standin.Request) { r.Snapshot.Class = "" }, standin.Refused, standin.Ineligible},
		"a blocked payer":         {func(r *standin.Request) { r.Snapshot.Blocked = true }, standin.Refused, standin.Blocked},
		"a payer not known":       {func(r *standin.Request) { r.Snapshot = standin.Payer{} }, standin.Refused, standin.UnknownPayer},
		"a snapshot just in time": {func(r *standin.Request) { r.Snapshot.At = start.Add(-time.Hour) }, standin.Approved, standin.None},
		"a snapshot too old":      {func(r *standin.Request) { r.Snapshot.At = start.Add(-time.Hour - time.Microsecond) }, standin.Refused, standin.Stale},
		"another currency":        {func(r *standin.Request) { r.Payment.Currency = "TWD" }, standin.Refused, standin.NoLimit},
		"no currency":             {func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Currency }, standin.Refused, standin.Unreadable},
		"no amount":               {func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Amount }, standin.Refused, standin.Unreadable},
		"no payer":                {func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Payer }, standin.Refused, standin.Unreadable},
		"no payee":                {func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Payee }, standin.Refused, standin.Unreadable},
		"no identity":             {func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Identity }, standin.Refused, standin.Unreadable},
		"a negative amount":       {func(r *standin.Request) { r.Payment.Amount = -1 }, standin.Refused, standin.Unreadable},
		"too much at once":        {func(r *standin.Request) { r.Payment.Amount = 10001 }, standin.Refused, standin.OverPayment},
		"another directive":       {func(r *standin.Request) { r.Directive = "d2" }, standin.Refused, standin.NotOpen},
		"not by directive":        {func(r *standin.Request) { r.Cause = standin.CircuitOpen }, standin.Refused, standin.NotAlone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newShard(t, aProfile())
			r := pay("p1", "ann", 10000)
			c.change(r)
			h.want(r, c.verdict, c.reason)
		})
	}
}

// Hazard 4: the same identity gets the same answer; with another content, none.
func TestSameIdentitySameAnswer(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.KeepDeclines = true
	h := newShard(t, p)
	h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
	h.want(pay("p2", "ann", 10000), standin.Declined, standin.OverPayer)
	h.send(standin.Did)
	for range 2 {
		h.now = h.now.Add(time.Hour)
		h.want(pay("p1", "ann", 10000), standin.Approved, standin.None)
		h.want(pay("p2", "ann", 10000), standin.Declined, standin.OverPayer)
	}
	for _, change := range []func(*standin.Request){
		func(r *standin.Request) { r.Payment.Amount-- },
		func(r *standin.Request) { r.Payment.Currency = "TWD" },
		func(r *standin.Request) { r.Payer[0]++ },
		func(r *standin.Request) { r.Payee[0]++ },
		func(r *standin.Request) { r.Kind, r.Original = standin.Refund, "p0" },
	} {
		r := pay("p1", "ann", 10000)
		change(r)
		h.want(r, standin.Mismatch, standin.None)
	}
	if b := h.s.Balances()[0]; b.Approved.Count != 1 || b.Declined.Count != 1 {
		t.Fatalf("counted %+v", b)
	}
}
