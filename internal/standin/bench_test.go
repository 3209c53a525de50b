package standin_test

import (
	"fmt"
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
