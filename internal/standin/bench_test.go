package standin_test

import (
	"fmt"
	"runtime"
	"testing"

	"holdfast/internal/standin"
)

// BenchmarkDecide is what a decider does for one payment, but for the disk:
// decide, apply, encode its share of a pack of a hundred, and later read it back.
func BenchmarkDecide(b *testing.B) {
	p := aProfile()
	p.Unplanned.Limits[3].Amount = 1e15
	c, err := p.Compile(false)
	if err != nil {
		b.Fatal(err)
	}
	s, ledgers := standin.NewState(), map[string][]byte{}
	records, err := standin.Open(s, c, "d1", nil, start)
	if err != nil {
		b.Fatal(err)
	}
	draw := func(needs []standin.Need) (drawn []standin.Record) {
		for _, n := range needs {
			next, record, err := n.Draw(ledgers[n.Key], 0, 1)
			if err != nil || record == nil {
				b.Fatal(record, err)
			}
			ledgers[n.Key] = next
			drawn = append(drawn, record)
		}
		return drawn
	}
	if err := s.Apply(records...); err != nil {
		b.Fatal(err)
	}
	if err := s.Apply(draw(s.Registrations("d1"))...); err != nil {
		b.Fatal(err)
	}
	requests := make([]*standin.Request, 1000)
	for i := range requests {
		requests[i] = pay("", fmt.Sprint("payer-", i), 1)
	}
	b.ReportAllocs()
	var pack []standin.Record
	bytes := 0
	for n := 0; b.Loop(); n++ {
		r := *requests[n%len(requests)]
		r.Payment.Identity = fmt.Sprint("client/", n)
		r.Payee = standin.Digest{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}
		answer, records, needs := standin.Decide(s, c, &r, start)
		if len(needs) > 0 {
			drawn := draw(needs)
			pack = append(pack, drawn...)
			if err := s.Apply(drawn...); err != nil {
				b.Fatal(err)
			}
			answer, records, _ = standin.Decide(s, c, &r, start)
		}
		if answer.Verdict != standin.Approved {
			b.Fatalf("%+v", answer)
		}
		if err := s.Apply(records...); err != nil {
			b.Fatal(err)
		}
		if pack = append(pack, records...); len(pack) >= 100 {
			bytes += len(standin.Encode(pack))
			pack = pack[:0]
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
	b.ReportMetric(float64(bytes)/float64(b.N), "B/decision")
}

// backlog is a shard with so many advices pending, five of each payer, as a process has it that
// was just started. What forwarding needs of each takes 220 bytes.
func backlog(b *testing.B, advices int) *standin.State {
	b.Helper()
	s := standin.NewState()
	records := []standin.Record{&standin.TakenOver{Gate: "g", Boot: "b", At: standin.At(start)}, &standin.Opened{Directive: "d1", Profile: "cards", At: standin.At(start)}}
	for n := range advices {
		payer := n % (advices / 5)
		records = append(records, &standin.Decision{
			Identity: fmt.Sprintf("client/%016x", n), Kind: standin.Payment, Amount: 1299, Currency: "CNY", Channel: "app", Route: "pay",
			Payer:   standin.Digest{byte(payer), byte(payer >> 8), byte(payer >> 16), 1},
			Verdict: standin.Approved, Cause: standin.Directed, Directive: "d1", At: standin.At(start), Sealed: standin.Sealed{Key: "the name of a data key", Data: make([]byte, 220)},
		})
		if len(records) >= 100 || n == advices-1 {
			if _, err := s.Fold(standin.Encode(records)); err != nil {
				b.Fatal(err)
			}
			records = nil
		}
	}
	return s
}

// BenchmarkBacklog claims and settles 500 advices at a time, and says what each costs and
// what one that is pending takes of the memory: it depends on how many there are as little
// as can be.
func BenchmarkBacklog(b *testing.B) {
	for _, advices := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(advices), func(b *testing.B) {
			heap := func() float64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return float64(m.HeapAlloc)
			}
			before := heap()
			s := backlog(b, advices)
			each := (heap() - before) / float64(advices)
			f := aProfile().Forwarding
			b.ResetTimer()
			for range b.N {
				if s.Backlog() < 500 {
					b.StopTimer()
					s = backlog(b, advices)
					b.StartTimer()
				}
				work, _ := standin.Next(s, f, start, 500, anything)
				for _, w := range work {
					if err := s.Apply(w.Attempt); err != nil {
						b.Fatal(err)
					}
				}
				for _, w := range work {
					if err := s.Apply(standin.Settle(s, standin.Came{Identity: w.Item.Identity, Of: standin.Did}, start)...); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/advice")
			b.ReportMetric(each, "B/pending")
		})
	}
}
