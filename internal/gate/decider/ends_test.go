package decider_test

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// The time of a directive ends by either clock, and stays over after a restart.
func TestEndsByTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 2)
		g := start(t, "east", source, false)
		d := directive("d1", source)
		d.Lasts = time.Minute
		g.Install(set(5, d))
		g.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		g.end()
		g = start(t, "east", source, false)
		g.Install(set(5, d))
		time.Sleep(59 * time.Second)
		g.wants(pay("k2", "berta", 1000), "d1", standin.Approved, standin.None)
		time.Sleep(2 * time.Second)
		if a, err := g.ask(pay("k3", "berta", 1000), "d1"); holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("%v %v", a, err)
		}
		if i, there, err := g.Knows(t.Context(), &payment.Payment{Identity: "k1"}); err != nil || !there || i.Verdict != standin.Approved {
			t.Errorf("the answer given is gone: %v %v", there, err)
		}
		g.end()
	})
}

// A gate whose posture is older than the one that opened stand-in does not end it.
func TestAnOldPostureEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 2)
		east := start(t, "east", source, true)
		east.Install(set(5, directive("d1", source)))
		east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
		west := start(t, "west", source, true)
		west.Install(set(4))
		time.Sleep(5 * time.Second)
		east.wants(pay("k2", "anna", 1000), "d1", standin.Approved, standin.None)
		p := pay("k3", "anna", 1000)
		if !west.Concerns(&p) {
			t.Error("the older gate would forward it")
		}
		west.wants(p, "", standin.Refused, standin.NotOpen)
		west.wants(pay("k1", "anna", 1000), "", standin.Approved, standin.None)
		east.end()
		west.end()
	})
}

// After an older journal was put back and accepted, what its history does not have ends
// in the shards, whatever its positions; the gates that still follow the other do not
// take it up again.
func TestAnotherHistoryEndsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		head holdfast.Head
		ends bool
	}{
		{"a later epoch", holdfast.Head{Journal: "j", Epoch: 2, Position: 3}, true},
		{"another journal", holdfast.Head{Journal: "k", Epoch: 1, Position: 3}, true},
		{"the same, later", holdfast.Head{Journal: "j", Epoch: 1, Position: 6}, true},
		{"an earlier epoch", holdfast.Head{Journal: "j", Epoch: 0, Position: 9}, false},
		{"the same, earlier", holdfast.Head{Journal: "j", Epoch: 1, Position: 4}, false},
		{"accepted, and not had yet", holdfast.Head{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				source := advice.NewMemory("s1", 4)
				opened := set(5, directive("d1", source))
				opened.Head.Epoch = 1
				east := start(t, "east", source, true)
				east.Install(opened)
				east.wants(pay("k1", "anna", 1000), "d1", standin.Approved, standin.None)
				west := start(t, "west", source, true)
				west.Install(posture.Set{Head: c.head})
				time.Sleep(5 * time.Second)
				want := standin.Approved
				if c.ends {
					want = standin.Forward
				}
				east.wants(pay("k2", "bea", 1000), "d1", want, standin.None)
				if p := pay("k3", "zoe", 1000); west.Concerns(&p) == c.ends {
					t.Errorf("it is held up: %v", !c.ends)
				}
				east.end()
				west.end()
			})
		})
	}
}
