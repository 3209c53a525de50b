package standin_test

import (
	"reflect"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

func tried(t testing.TB, p standin.Profile, outage time.Duration) *standin.Tried {
	t.Helper()
	made, err := standin.Trial{Profile: p, Scope: "all", Share: 0.5, Outage: outage}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// reasons are the reasons that a trial has counted, with how many payments.
func reasons(made *standin.Tried) map[string]int64 {
	got := map[string]int64{}
	for _, l := range made.Figures().Lines {
		if n := l.Done.Count + l.NotDone.Count + l.Unknown.Count; n > 0 {
			got[l.Reason] += n
		}
	}
	return got
}

// In shadow a payment is judged as stand-in judges it: with limits over all that are out
// of reach and one period, both say the same to a thousand payments of anybody.
func TestTriedDecidesAlike(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Unplanned.Limits = []standin.Limit{
		{Over: standin.EachPayment, Currency: "CNY", Amount: 10000},
		{Over: standin.EachPayer, Currency: "CNY", Amount: 15000},
		{Over: standin.EachPayer, Count: 3, Window: 24 * time.Hour},
		{Over: standin.Whole, Currency: "CNY", Amount: 1 << 40},
	}
	rapid.Check(t, func(r *rapid.T) {
		h, made := newShard(t, p), tried(t, p, 24*time.Hour)
		want := map[string]int64{}
		for i := range rapid.IntRange(1, 60).Draw(r, "payments") {
			who := "p" + strconv.Itoa(rapid.IntRange(1, 4).Draw(r, "payer"))
			one := pay("k"+strconv.Itoa(i), who, rapid.SampledFrom([]int64{1, 500, 4000, 9999, 10001}).Draw(r, "amount"))
			switch rapid.IntRange(0, 12).Draw(r, "spoil") {
			case 0:
				one.Snapshot.Blocked = true
			case 1:
				one.Snapshot.Class = "z"
			case 2:
				one.Snapshot.At = h.now.Add(-2 * time.Hour)
			case 3:
				one.Snapshot.At = time.Time{}
			case 4:
				one.Payment.Read &^= 1 << payment.Amount
			case 5:
				one.Payment.Currency = "EUR"
			case 6:
				one.Payment.Identity = ""
			}
			answer := h.decide(one)
			want[answer.Reason.String()]++
			if !made.Try(one, payment.Done, h.now) {
				r.Fatal("it was left out")
			}
		}
		if got := reasons(made); !reflect.DeepEqual(got, want) {
			r.Fatalf("in shadow %v, in stand-in %v", got, want)
		}
	})
}

func TestTriedLimits(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Unplanned.Limits = append(p.Unplanned.Limits, standin.Limit{Over: standin.EachPayer, Count: 2, Window: time.Hour})
	made := tried(t, p, 2*time.Hour)
	now := start.Truncate(2 * time.Hour)
	try := func(reason string, amount int64, after time.Duration, spoil ...func(*standin.Request)) {
		t.Helper()
		one := pay("k", "p1", amount)
		one.Snapshot.At = now
		for _, f := range spoil {
			f(one)
		}
		before := reasons(made)[reason]
		now = now.Add(after)
		if !made.Try(one, payment.Done, now) {
			t.Fatal("it was left out")
		}
		if got := reasons(made); got[reason] != before+1 {
			t.Errorf("%d after %v: want %q, have %v", amount, after, reason, got)
		}
	}
	try("", 9000, 0)
	try("over-payer", 7000, time.Minute) // 15,000 outstanding in the outage
	try("", 5999, time.Minute)
	try("over-payer", 1, time.Minute) // two in the hour
	try("over-payer", 1, 30*time.Minute)
	try("unreadable", 0, 0)
	try("", 1, 40*time.Minute) // the next hour; 15,000 are outstanding then
	try("over-payer", 1, time.Minute)
	try("", 9000, time.Hour) // the next outage
	try("over-payment", 10001, 0)
	try("ineligible", 10, 0, func(r *standin.Request) { r.Snapshot.Class = "z" })
	try("unreadable", 10, 0, func(r *standin.Request) { r.Payment.Read &^= 1 << payment.Payee })
	try("", 10, 0, func(r *standin.Request) { r.Payer = standin.Blind(blind, "p2") }) // another payer's own
	try("no-limit", 10, 0, func(r *standin.Request) { r.Payment.Currency = "EUR" })
}

// A payment above a limit of all is declined by it; what others have used of it is not
// known.
func TestTriedWide(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Unplanned.Limits = []standin.Limit{{Over: standin.EachPayment, Currency: "CNY", Amount: 10000}, {Over: standin.Whole, Currency: "CNY", Amount: 5000}}
	made := tried(t, p, time.Hour)
	for i, amount := range []int64{5000, 5000, 5001} {
		made.Try(pay("k"+strconv.Itoa(i), "p"+strconv.Itoa(i), amount), payment.Done, start)
	}
	if got := reasons(made); got[""] != 2 || got["over-all"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestTriedFigures(t *testing.T) {
	t.Parallel()
	made := tried(t, aProfile(), time.Hour)
	euro := pay("k9", "p9", 700)
	euro.Payment.Currency = "EUR"
	for _, one := range []struct {
		r *standin.Request
		o payment.Outcome
	}{
		{pay("k1", "p1", 900), payment.Done}, {pay("k2", "p2", 100), payment.NotDone}, {pay("k3", "p3", 999), payment.Unknown},
		{pay("k4", "p4", 1000), payment.Done}, {pay("k5", "p5", 20000), payment.Done}, {pay("k6", "p6", 90000), payment.NotDone}, {euro, payment.Done},
	} {
		made.Try(one.r, one.o, start)
	}
	want := []standin.TrialLine{
		{Reason: "no-limit", Done: standin.Tally{Count: 1}},
		{Currency: "CNY", Band: 3, Done: standin.Tally{Count: 1, Amount: 900}, NotDone: standin.Tally{Count: 1, Amount: 100}, Unknown: standin.Tally{Count: 1, Amount: 999}},
		{Currency: "CNY", Band: 4, Done: standin.Tally{Count: 1, Amount: 1000}},
		{Currency: "CNY", Band: 5, Reason: "over-payment", Done: standin.Tally{Count: 1, Amount: 20000}, NotDone: standin.Tally{Count: 1, Amount: 90000}},
	}
	f := made.Figures()
	if !reflect.DeepEqual(f.Lines, want) || f.Payments() != 7 || f.Profile != "cards" {
		t.Errorf("%+v", f)
	}
	s := told(t)
	f.Since = start
	s.Trials = []standin.TrialFigures{f}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}

// What a gate remembers of payers is bounded; what is over makes room.
func TestTriedStaysBounded(t *testing.T) {
	t.Parallel()
	p := aProfile()
	p.Unplanned.Limits = p.Unplanned.Limits[:2:2]
	p.Unplanned.Limits = append(p.Unplanned.Limits, standin.Limit{Over: standin.Whole, Currency: "CNY", Amount: 100000})
	made := tried(t, p, time.Hour)
	now, left := start.Truncate(time.Hour), 0
	one := pay("k", "p", 1)
	one.Snapshot.At = now
	for i := range 200_010 {
		one.Payer[0], one.Payer[1], one.Payer[2] = byte(i), byte(i>>8), byte(i>>16)
		if !made.Try(one, payment.Done, now) {
			left++
		}
	}
	if left != 10 {
		t.Errorf("%d were left out, want 10", left)
	}
	one.Snapshot.At = now.Add(time.Hour)
	if !made.Try(one, payment.Done, now.Add(time.Hour)) {
		t.Error("nothing is tried in the next period")
	}
}

// Whoever writes requests chooses amounts: however large, a gate can tell of them.
func TestTriedAmountsAreTold(t *testing.T) {
	t.Parallel()
	made := tried(t, aProfile(), time.Hour)
	for range 9 {
		made.Try(pay("k", "p", payment.MaxAmount), payment.NotDone, start)
	}
	s := told(t)
	f := made.Figures()
	f.Since = start
	s.Trials = []standin.TrialFigures{f}
	if err := s.Check(); err != nil || f.Payments() != 9 {
		t.Errorf("%d payments, %v", f.Payments(), err)
	}
}

func TestTrialIsChecked(t *testing.T) {
	t.Parallel()
	sound := standin.Trial{Profile: aProfile(), Scope: "all", Share: 1, Outage: time.Hour}
	if _, err := sound.Compile(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*standin.Trial){
		"no share":         func(x *standin.Trial) { x.Share = 0 },
		"more than all":    func(x *standin.Trial) { x.Share = 1.01 },
		"no outage":        func(x *standin.Trial) { x.Outage = 0 },
		"a long outage":    func(x *standin.Trial) { x.Outage = 25 * time.Hour },
		"no such terms":    func(x *standin.Trial) { x.Planned = true },
		"an unsound thing": func(x *standin.Trial) { x.Profile.SnapshotAge = 0 },
	} {
		x := sound
		if spoil(&x); x.Version() == sound.Version() {
			t.Errorf("%s: it is the same version", name)
		}
		if _, err := x.Compile(); err == nil {
			t.Errorf("%s: it is tried", name)
		}
	}
}
