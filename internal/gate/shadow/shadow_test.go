package shadow_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/shadow"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// good is a snapshot in which each payer is good, since a minute.
type good struct{}

func (good) Find(standin.Digest) standin.Payer {
	return standin.Payer{At: time.Now().Add(-time.Minute), Class: "good"}
}

func trial(share float64) standin.Trial {
	return standin.Trial{Scope: "all", Share: share, Outage: time.Hour, Profile: standin.Profile{
		ID: "small", SnapshotAge: time.Hour,
		Unplanned: &standin.Terms{Eligible: `payer_class == "good"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 5000}, {Over: standin.Whole, Currency: "CNY", Amount: 1_000_000},
		}},
		Forwarding: standin.Forwarding{Timeout: time.Second, Pause: time.Second, LongestPause: time.Second, Attempts: 1, Expiry: time.Hour, Retention: time.Minute},
	}}
}

func made(t testing.TB) *shadow.Shadow {
	t.Helper()
	s, err := shadow.New(shadow.Options{Key: []byte("a key of a test"), Payers: good{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pay(payer string, amount int64) *payment.Payment {
	return &payment.Payment{
		Route: "pay", Kind: payment.Pay, Read: 0x7f, Identity: "k-" + payer, Amount: amount, Currency: "CNY", Payer: payment.Sensitive(payer), Payee: "m_1", Channel: "app", Method: "card",
	}
}

// running has a Shadow try in a bubble.
func running(t *testing.T, do func(s *shadow.Shadow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := made(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.Run(ctx) }()
		do(s)
		cancel()
		synctest.Wait()
	})
}

// counted is how many payments each trial has counted.
func counted(s *shadow.Shadow) (list []int64) {
	synctest.Wait()
	for _, f := range s.Figures() {
		list = append(list, f.Payments())
	}
	return list
}

func TestTriesWhatItIsGiven(t *testing.T) {
	t.Parallel()
	running(t, func(s *shadow.Shadow) {
		seen := func() {
			s.Seen(pay("p1", 100), payment.Done, time.Now())
			s.Seen(pay("p2", 6000), payment.NotDone, time.Now())
			s.Seen(pay("p3", 100), payment.NotDone, time.Now())
			probe := pay("p4", 100)
			probe.Probe = "2026-1"
			s.Seen(probe, payment.Done, time.Now())
			back := pay("p5", 100)
			back.Kind = payment.Refund
			s.Seen(back, payment.Done, time.Now())
		}
		seen()
		if got := s.Figures(); got != nil {
			t.Fatalf("nothing is to be tried, and there is %+v", got)
		}
		app, other := trial(1), trial(1)
		app.Scope, app.Profile.ID = `channel == "qr"`, "qr"
		other.Scope, other.Profile.ID = `amount < 1000`, "tiny"
		broken := trial(1)
		broken.Scope = "nonsense ="
		s.Try([]standin.Trial{trial(1), app, broken, other})
		seen()
		if got := counted(s); len(got) != 3 || got[0] != 3 || got[1] != 0 || got[2] != 2 {
			t.Fatalf("tried %v", got)
		}
		lines := s.Figures()[0].Lines
		if len(lines) != 2 || lines[0].Done.Count != 1 || lines[0].NotDone.Count != 1 || lines[1].Reason != "over-payment" || lines[1].NotDone.Amount != 6000 {
			t.Errorf("found %+v", lines)
		}
		// One that goes on keeps its figures; one with another share begins anew.
		began := s.Figures()[0].Since
		time.Sleep(time.Minute)
		s.Try([]standin.Trial{trial(1), trial(0.999)})
		seen()
		figures := s.Figures()
		if got := counted(s); len(got) != 2 || got[0] != 6 || got[1] > 3 {
			t.Errorf("tried %v", got)
		}
		if !figures[0].Since.Equal(began) || !figures[1].Since.After(began) {
			t.Errorf("since %v and %v", figures[0].Since, figures[1].Since)
		}
		s.Try(nil)
		seen()
		if got := counted(s); len(got) != 0 {
			t.Errorf("it goes on: %v", got)
		}
	})
}

// A share is of payers: all payments of one are tried in a day, or none, and in 1/share
// days each payer has one day.
func TestEverybodysTurn(t *testing.T) {
	t.Parallel()
	running(t, func(s *shadow.Shadow) {
		const payers, days = 400, 4
		s.Try([]standin.Trial{trial(1.0 / days)})
		turns := map[string]int{}
		for range days {
			today := 0
			for i := range payers {
				payer := "acct_" + strconv.Itoa(i)
				before := int64(0)
				if got := counted(s); len(got) > 0 {
					before = got[0]
				}
				for hour := range 3 {
					s.Seen(pay(payer, 100), payment.Done, time.Now().Add(time.Duration(hour)*time.Hour))
				}
				switch counted(s)[0] - before {
				case 0:
				case 3:
					turns[payer]++
					today++
				default:
					t.Fatalf("some payments of %s are tried, and some are not", payer)
				}
			}
			if today < payers/days*6/10 || today > payers/days*14/10 {
				t.Errorf("%d of %d payers are tried in a day, of which a quarter is %d", today, payers, payers/days)
			}
			time.Sleep(24 * time.Hour)
		}
		for payer, n := range turns {
			if n != 1 {
				t.Errorf("it was the turn of %s %d times in %d days", payer, n, days)
			}
		}
		if len(turns) != payers {
			t.Errorf("it was the turn of %d of %d payers", len(turns), payers)
		}
	})
}

// A payment does not wait while the queue is full: what finds no place is counted, and all
// else is tried.
func TestNeverWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := made(t)
		other := trial(1)
		other.Profile.ID = "other"
		s.Try([]standin.Trial{trial(1), other})
		const sent = 5000
		for range sent {
			s.Seen(pay("p1", 100), payment.Done, time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = s.Run(ctx) }()
		synctest.Wait()
		for _, f := range s.Figures() {
			if f.Dropped == 0 || f.Payments() == 0 || f.Payments()+f.Dropped != sent {
				t.Errorf("of %d payments %d were tried and %d left out", sent, f.Payments(), f.Dropped)
			}
		}
		cancel()
		synctest.Wait()
	})
}

// What a payment costs while nothing is tried, and if it is not its payer's turn.
func TestCostsNothing(t *testing.T) {
	s := made(t)
	p := pay("acct_000123", 1299)
	now := time.Now()
	if n := testing.AllocsPerRun(100, func() { s.Seen(p, payment.Done, now) }); n != 0 {
		t.Errorf("%v allocations while nothing is tried", n)
	}
	s.Try([]standin.Trial{trial(1e-12)})
	if n := testing.AllocsPerRun(100, func() { s.Seen(p, payment.Done, now) }); n != 0 {
		t.Errorf("%v allocations where it is not its payer's turn", n)
	}
}

func BenchmarkSeen(b *testing.B) {
	for name, share := range map[string]float64{"off": 0, "not picked": 1e-12, "picked": 1} {
		b.Run(name, func(b *testing.B) {
			s := made(b)
			if share > 0 {
				s.Try([]standin.Trial{trial(share)})
			}
			go func() { _ = s.Run(b.Context()) }()
			p, now := pay("acct_000123", 1299), time.Now()
			b.ReportAllocs()
			for b.Loop() {
				s.Seen(p, payment.Done, now)
			}
		})
	}
}
