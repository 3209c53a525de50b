package advices

import (
	"context"
	"fmt"
	"testing"

	"holdfast/internal/standin/advice"
)

// BenchmarkAppend writes packs of as many decisions of 300 bytes as wait at once at
// a decider with 1, 64 or 256 customers.
func BenchmarkAppend(b *testing.B) {
	for _, waiting := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			s := mustOpen(b, b.TempDir())
			body := make([]byte, 300*waiting)
			var revision, name uint64
			for b.Loop() {
				names := make([]uint64, waiting)
				for i := range names {
					name++
					names[i] = name * 0x9e3779b97f4a7c15
				}
				results, err := s.Append(context.Background(), []advice.Pack{{Shard: 0, Expect: revision, ID: fmt.Sprint(revision), Body: body, Names: names}})
				if err != nil || results[0] != nil {
					b.Fatal(results, err)
				}
				revision++
			}
			b.ReportMetric(float64(b.N*waiting)/b.Elapsed().Seconds(), "approvals/s")
		})
	}
}
