package approval

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
)

func person(id string) holdfast.Actor { return holdfast.Actor{Kind: holdfast.Account, ID: id} }

// roles is who holds what.
type roles map[string][]string

func (r roles) ladder(authors []string, steps ...Step) Ladder {
	return Ladder{
		Steps: steps, Hash: holdfast.Hash{1},
		Holds:  func(by holdfast.Actor, role string) bool { return role == "" || slices.Contains(r[by.ID], role) },
		Author: func(by holdfast.Actor) bool { return slices.Contains(authors, by.ID) },
	}
}

func TestTurn(t *testing.T) {
	t.Parallel()
	held := roles{"ann": {"tech"}, "bob": {"ops"}, "cy": {"risk", "tech"}, "dee": {"superior"}, "eve": {"ops"}}
	all := Step{ID: "all", Mode: All, Roles: []string{"tech", "ops", "risk"}}
	order := Step{ID: "order", Mode: InOrder, Roles: []string{"tech", "ops"}}
	one := Step{ID: "one", Mode: One, Roles: []string{"superior", "ops"}}
	free := Step{ID: "free", Mode: One}
	for name, tc := range map[string]struct {
		steps []Step
		given []string // who decided, in this order
		by    string
		role  string
		code  holdfast.Code
	}{
		"in any order":            {[]Step{all}, nil, "bob", "ops", ""},
		"a role twice":            {[]Step{all}, []string{"bob"}, "eve", "", holdfast.Forbidden},
		"a person twice":          {[]Step{all}, []string{"cy"}, "cy", "", holdfast.Conflict},
		"the author":              {[]Step{all}, nil, "ann", "", holdfast.Forbidden},
		"out of order":            {[]Step{order}, nil, "bob", "", holdfast.Forbidden},
		"in order":                {[]Step{order}, []string{"cy"}, "bob", "ops", ""},
		"one of them":             {[]Step{one}, nil, "dee", "superior", ""},
		"the step is not open":    {[]Step{all, one}, nil, "dee", "", holdfast.Forbidden},
		"the next step":           {[]Step{order, one}, []string{"cy", "bob"}, "dee", "superior", ""},
		"complete":                {[]Step{one}, []string{"dee"}, "bob", "", holdfast.Conflict},
		"whoever has the right":   {[]Step{free}, nil, "zed", "", ""},
		"not whoever wrote of it": {[]Step{free}, nil, "ann", "", holdfast.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := held.ladder([]string{"ann"}, tc.steps...)
			var given []Decision
			for _, who := range tc.given {
				step, role, err := l.Turn(given, person(who))
				if err != nil {
					t.Fatal(err)
				}
				given = append(given, Decision{Step: step, Role: role, By: person(who), Hash: l.Hash})
			}
			_, role, err := l.Turn(given, person(tc.by))
			if role != tc.role || holdfast.CodeOf(err) != tc.code && err != nil || (err == nil) != (tc.code == "") {
				t.Errorf("role %q, %v", role, err)
			}
		})
	}
}

// Who fills several missing roles of a step decides as the one that he chooses, or as
// the first; one person stands for one role of a step, whatever was written down.
func TestOnePersonWithTwoRoles(t *testing.T) {
	t.Parallel()
	held := roles{"cy": {"risk", "tech"}, "bob": {"tech"}, "dee": {"risk"}}
	l := held.ladder(nil, Step{ID: "s", Mode: All, Roles: []string{"tech", "risk"}}, Step{ID: "last", Mode: All, Roles: []string{"tech"}})
	for _, tc := range []struct {
		by, as, role string
		code         holdfast.Code
	}{
		{"cy", "", "tech", ""}, {"cy", "tech", "tech", ""}, {"cy", "risk", "risk", ""}, {"cy", "ops", "", holdfast.Forbidden}, {"bob", "risk", "", holdfast.Forbidden},
	} {
		if _, role, err := l.TurnAs(nil, person(tc.by), tc.as); role != tc.role || (err == nil) != (tc.code == "") || err != nil && holdfast.CodeOf(err) != tc.code {
			t.Errorf("%s as %q: %q, %v", tc.by, tc.as, role, err)
		}
	}
	gave := func(who, role string) Decision { return Decision{Step: "s", Role: role, By: person(who), Hash: l.Hash} }
	given := []Decision{gave("cy", "risk")}
	if step, roles, err := l.Roles(given, person("bob")); step != "s" || !slices.Equal(roles, []string{"tech"}) || err != nil {
		t.Errorf("bob may decide as %v in %q, %v", roles, step, err)
	}
	if _, _, err := l.TurnAs(given, person("cy"), "tech"); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("twice in one step: %v", err)
	}
	if p := l.Place(append(given, gave("cy", "tech"))); p.Step != 0 || !slices.Equal(p.Missing, []string{"tech"}) {
		t.Errorf("two decisions of one person count for two: %+v", p)
	}
	if step, _, err := l.Turn(append(given, gave("bob", "tech")), person("cy")); step != "last" || err != nil {
		t.Errorf("in the next step he may decide again: %q, %v", step, err)
	}
}

// Decisions given for another text, by an author, or by who has lost the role
// since count for nothing.
func TestWhatDoesNotCount(t *testing.T) {
	t.Parallel()
	held := roles{"dee": {"superior"}}
	l := held.ladder(nil, Step{ID: "s", Mode: One, Roles: []string{"superior"}})
	d := Decision{Step: "s", Role: "superior", By: person("dee"), Hash: l.Hash}
	if !l.Complete([]Decision{d}) {
		t.Fatal("the ladder is not complete")
	}
	other := d
	other.Hash = holdfast.Hash{2}
	if l.Complete([]Decision{other}) {
		t.Error("a decision on another text counts")
	}
	if held.ladder([]string{"dee"}, l.Steps...).Complete([]Decision{d}) {
		t.Error("the author's decision counts")
	}
	held["dee"] = nil
	if l.Complete([]Decision{d}) {
		t.Error("a decision counts after the role was lost")
	}
}

// Whatever the ladder and whoever comes, it is complete only when each step has
// the different people it needs, none of them an author.
func TestCompleteMeansEnoughPeople(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e"}
	jobs := []string{"x", "y", "z"}
	rapid.Check(t, func(t *rapid.T) {
		held := roles{}
		for _, n := range names {
			held[n] = rapid.SliceOfDistinct(rapid.SampledFrom(jobs), rapid.ID).Draw(t, "roles of "+n)
		}
		authors := rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "authors")
		var steps []Step
		for _, id := range []string{"1", "2"} {
			steps = append(steps, Step{ID: id, Mode: rapid.SampledFrom([]string{One, All, InOrder}).Draw(t, "mode"),
				Roles: rapid.SliceOfNDistinct(rapid.SampledFrom(jobs), 1, 3, rapid.ID).Draw(t, "needs")})
		}
		l := held.ladder(authors, steps...)
		var given []Decision
		for _, who := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 20).Draw(t, "visits") {
			if step, role, err := l.Turn(given, person(who)); err == nil {
				given = append(given, Decision{Step: step, Role: role, By: person(who), Hash: l.Hash})
			}
		}
		if !l.Complete(given) {
			return
		}
		for _, s := range steps {
			need, people := 1, map[string]bool{}
			if s.Mode != One {
				need = len(s.Roles)
			}
			for _, d := range given {
				if d.Step == s.ID && slices.Contains(held[d.By.ID], d.Role) && !slices.Contains(authors, d.By.ID) {
					people[d.By.ID] = true
				}
			}
			if len(people) < need {
				t.Fatalf("step %+v is complete by %v", s, people)
			}
		}
	})
}
