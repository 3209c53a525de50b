package decider_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// flaky is a history of two gates of one source in front of a primary that does an
// identity once, comes and goes, and loses answers.
type flaky struct {
	t        *testing.T
	r        *rand.Rand
	gates    []*rig
	up       bool
	done     map[string]bool // at the primary
	doubtful map[string]bool // sent by a gate, and nobody knows what became of it
	approved map[string]bool // told so
	payer    map[string]string
}

// ask is a customer's request at one of the gates, as the edge handles it.
func (f *flaky) ask(identity string) {
	g, payer := f.gates[f.r.IntN(2)], f.payer[identity]
	if g.holds(identity, payer) {
		if a := g.alone(identity, payer, standin.Behind); a.Verdict != standin.Forward {
			f.told(identity, a)
			return
		}
	}
	if f.approved[identity] {
		f.t.Errorf("%s was approved, and is the primary's", identity)
	}
	if !f.up {
		f.told(identity, g.alone(identity, payer, []standin.Cause{standin.ConnectionRefused, standin.NothingWritten, standin.CircuitOpen}[f.r.IntN(3)]))
		return
	}
	for other := range f.approved {
		if f.payer[other] == payer && !f.done[other] {
			f.t.Errorf("%s overtakes %s", identity, other)
		}
	}
	lost, does := f.r.IntN(4) == 0, f.r.IntN(8) > 0
	f.done[identity] = f.done[identity] || does
	if !lost {
		return
	}
	p := pay(identity, payer, 900)
	if err := g.Exclude(f.t.Context(), &p); err != nil {
		f.t.Fatal(err)
	}
	f.doubtful[identity] = true
}

func (f *flaky) told(identity string, a standin.Answer) {
	switch {
	case a.Verdict == standin.Approved && f.doubtful[identity]:
		f.t.Errorf("%s may be with the primary, and is approved", identity)
	case a.Verdict == standin.Approved:
		f.approved[identity] = true
	case f.approved[identity]:
		f.t.Errorf("%s was approved, and is told %v %v", identity, a.Verdict, a.Reason)
	}
}

// deliver forwards what one gate may, which is nothing while the primary is dead; the
// primary may lose the answer.
func (f *flaky) deliver() {
	if !f.up {
		return
	}
	g := f.gates[f.r.IntN(2)]
	work, err := g.Next(f.t.Context(), 4, all)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, w := range work {
		f.done[w.Item.Identity] = true
		if f.r.IntN(5) == 0 {
			continue
		}
		if err := g.Settle(f.t.Context(), standin.Came{Identity: w.Item.Identity, Of: standin.Did}); err != nil {
			f.t.Fatal(err)
		}
	}
}

// answered has the primary say what became of what was in doubt.
func (f *flaky) answered() {
	for identity := range f.doubtful {
		f.gates[f.r.IntN(2)].Learn(identity, f.done[identity])
		synctest.Wait()
		delete(f.doubtful, identity)
		return
	}
}

// Whatever happens, what was approved stays so and is done, what may be with the primary
// is not approved, and no payer's fresh payment overtakes an advice.
func TestOneByOneHistories(t *testing.T) {
	t.Parallel()
	approved := 0
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source := advice.NewMemory("s1", 4)
				f := &flaky{
					t: t, r: rand.New(rand.NewPCG(seed, 1)), gates: []*rig{start(t, "east", source, true), start(t, "west", source, true)},
					done: map[string]bool{}, doubtful: map[string]bool{}, approved: map[string]bool{}, payer: map[string]string{},
				}
				for _, g := range f.gates {
					g.Install(set(5, oneByOne("d1", source)))
				}
				for n := range 120 {
					switch f.r.IntN(10) {
					case 0:
						f.up = !f.up
					case 1, 2:
						f.deliver()
					case 3:
						f.answered()
					case 4:
						time.Sleep(3 * time.Second)
					default:
						identity := fmt.Sprint("k", f.r.IntN(n+1)/2)
						if f.payer[identity] == "" {
							f.payer[identity] = fmt.Sprint("payer-", f.r.IntN(4))
						}
						f.ask(identity)
					}
				}
				f.up = true
				for range 100 {
					time.Sleep(10 * time.Second)
					f.deliver()
				}
				for identity := range f.approved {
					if !f.done[identity] {
						t.Errorf("%s was approved, and never done", identity)
					}
				}
				approved += len(f.approved)
				for _, g := range f.gates {
					g.end()
				}
			})
		})
	}
	if approved < 50 {
		t.Errorf("only %d were approved: the histories show nothing", approved)
	}
}
