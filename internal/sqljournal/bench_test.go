package sqljournal

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// BenchmarkAppend measures durable appends of one fact with a body of 512
// bytes, each about a subject of its own.
func BenchmarkAppend(b *testing.B) {
	body := json.RawMessage(`"` + strings.Repeat("x", 510) + `"`)
	for _, writers := range []int{1, 64, 256} {
		b.Run(fmt.Sprint("writers=", writers), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
						_, err := s.Append(b.Context(), journal.Append{
							ID: holdfast.NewID(), Actor: holdfast.Self("bench"), Time: time.Unix(i, 0),
							Facts: []journal.Draft{{Subject: holdfast.Subject(fmt.Sprint("payment/", i)), Kind: "payment.approved", Body: body}},
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkOpenEmpty measures the first start on an empty directory.
func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		s, err := Open(b.Context(), Options{Dir: b.TempDir()})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		s.Close()
		b.StartTimer()
	}
}

type count int

func (c *count) Apply(holdfast.Fact) error { *c++; return nil }

// BenchmarkLoad measures a start with 200,000 facts of 300 bytes: opening, with
// the check of all pages, and folding, with the check of the chain.
func BenchmarkLoad(b *testing.B) {
	const facts, perAppend = 200_000, 100
	dir := b.TempDir()
	s := mustOpen(b, dir)
	body := json.RawMessage(`"` + strings.Repeat("x", 298) + `"`)
	for i := range facts / perAppend {
		drafts := make([]journal.Draft, perAppend)
		for j := range drafts {
			drafts[j] = journal.Draft{Subject: holdfast.Subject(fmt.Sprintf("payment/%d-%d", i, j)), Kind: "payment.approved", Body: body}
		}
		if _, err := s.Append(b.Context(), journal.Append{ID: holdfast.NewID(), Actor: holdfast.Self("bench"), Time: time.Now(), Facts: drafts}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	var opening, loading time.Duration
	for b.Loop() {
		begun := time.Now()
		s, err := Open(b.Context(), Options{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		opened := time.Now()
		var n count
		if err := journal.NewState(s, s.Genesis(), &n).Load(context.Background()); err != nil || n != facts {
			b.Fatalf("%d facts, error %v", n, err)
		}
		opening, loading = opening+opened.Sub(begun), loading+time.Since(opened)
		s.Close()
	}
	b.ReportMetric(opening.Seconds()*1000/float64(b.N), "open-ms")
	b.ReportMetric(loading.Seconds()*1000/float64(b.N), "load-ms")
}
