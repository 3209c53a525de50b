package decider_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// Hazard 1: an approval that is durable only after its client was told to inquire is kept, or
// taken back where the route says so: unless somebody was told of it, or another gate may
// have told it. Whoever asks again gets one and the same answer.
func TestHazard1_ApprovedNotAnswered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name                    string
		reverse, shared, second bool // a second client asks at once, and stays
		want                    standin.Verdict
	}{
		{name: "kept", want: standin.Approved},
		{name: "reversed", reverse: true, want: standin.Declined},
		{name: "told to another client", reverse: true, second: true, want: standin.Approved},
		{name: "of a source that others use", reverse: true, shared: true, want: standin.Approved},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := advice.NewMemory("s1", 1)
				g := start(t, "east", source, c.shared)
				g.Install(set(5, directive("d1", source)))
				g.wants(pay("k0", "anna", 100), "d1", standin.Approved, standin.None)
				for range 4 {
					source.Doubt(true)
				}
				ask := func(wait time.Duration) (standin.Answer, error) {
					ctx, cancel := context.WithTimeout(t.Context(), wait)
					defer cancel()
					return g.Decide(ctx, decider.Ask{
						Payment: pay("k1", "anna", 1000), Kind: standin.Payment, Cause: standin.Directed, Directive: "d1", Seal: sealed, Reverse: c.reverse,
					})
				}
				told := make(chan standin.Answer, 2)
				for _, wait := range []time.Duration{100 * time.Millisecond, time.Minute}[:map[bool]int{false: 1, true: 2}[c.second]] {
					go func() {
						a, err := ask(wait)
						if err != nil && holdfast.CodeOf(err) != holdfast.Doubtful {
							t.Error(err)
						}
						told <- a
					}()
				}
				<-told
				if c.second {
					if a := <-told; a.Verdict != standin.Approved {
						t.Errorf("the client that stayed was told %v", a.Verdict)
					}
				}
				first, err := ask(time.Minute) // before it is known what became of the pack
				if err != nil || first.Verdict != c.want {
					t.Errorf("told %v, %v; want %v", first.Verdict, err, c.want)
				}
				if again, err := ask(time.Minute); err != nil || again.Verdict != first.Verdict {
					t.Errorf("told %v, and then %v, %v", first.Verdict, again.Verdict, err)
				}
				for _, b := range g.Summary(time.Now()).Of[0].Balances {
					if !b.Holds() || (b.Reversed.Count == 1) != (c.want == standin.Declined) {
						t.Errorf("%+v", b)
					}
				}
				g.end()
			})
		})
	}
}
