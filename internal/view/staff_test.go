package view

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// The preview of a departure names what the rules find once the person has left, and
// they do so at once, for whoever left on a day to come too.
func TestDeparture(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		go func() { _ = w.people.Run(w.Context(), w.Response.Log) }()
		w.record(
			roster.Person{ID: "lin", Name: "林", Account: "lin", Roles: []string{"commander"}}, roster.Person{ID: "wu", Name: "吳", Roles: []string{"duty-officer"}},
			roster.Person{ID: "mei", Name: "梅", Roles: []string{"duty-officer"}, Deputies: []roster.Deputy{{Person: "lin"}}},
		)
		w.must(w.people.Schedule(w.Context(), mei, roster.Schedule{Role: "commander", Zone: "Asia/Shanghai", Start: "2000-01-01 00:00", Rotations: []roster.Rotation{{Shift: "1w", People: []string{"lin"}}}}))
		from := time.Now().Add(48 * time.Hour)
		d, err := w.Departure("lin", from)
		w.must(err)
		if len(d.Short) != 1 || d.Short[0].ID != "commander" || d.Short[0].Others != 0 || d.Short[0].Name.IsZero() || len(d.DeputyOf) != 1 || len(d.Vacant) == 0 {
			t.Errorf("%+v", d)
		}
		vacant := func(list []lint.Finding) bool {
			return slices.ContainsFunc(list, func(f lint.Finding) bool { return f.Rule == "L301" && strings.Contains(f.Message(), `"commander"`) })
		}
		if !vacant(d.Findings) || vacant(w.finds("L301")) {
			t.Errorf("foretold %+v, now %+v", d.Findings, w.finds("L301"))
		}
		if other, err := w.Departure("wu", from); err != nil || len(other.Short) != 1 || other.Short[0].Others != 1 || vacant(other.Findings) {
			t.Errorf("%+v, %v", other, err)
		}
		if _, err := w.Departure("nobody", from); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Error(err)
		}
		if gone := nulls(t, d); gone != nil {
			t.Errorf("JSON holds null at %v", gone)
		}
		w.must(w.people.LeaveFrom(w.Context(), mei, "lin", from, "moves"))
		days, err := w.DutyCalendar("commander", time.Now(), 5)
		w.must(err)
		if first, last := days[0].Slots[len(days[0].Slots)-1], days[4].Slots[0]; first.Vacant || !last.Vacant {
			t.Errorf("on duty %+v, then %+v", first, last)
		}
		if p, err := w.Person("lin"); err != nil || p.Leaving == nil || p.Left {
			t.Errorf("%+v, %v", p, err)
		}
		w.sleep(48*time.Hour + time.Minute)
		if !vacant(w.finds("L301")) {
			t.Error("the plan is not red a minute after he left")
		}
		if p, err := w.Person("lin"); err != nil || !p.Left || p.Leaving != nil {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestFindPeople(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		fresh := roster.Contact{Channel: roster.Phone, Address: "110", Verified: time.Now()}
		w.record(
			roster.Person{ID: "a", Name: "甲", Names: holdfast.Text{En: "Alpha"}, Department: "technology", Roles: []string{"commander"}, Contacts: []roster.Contact{fresh}},
			roster.Person{ID: "b", Name: "乙", Contacts: []roster.Contact{fresh, {Channel: roster.Phone, Address: "111"}}}, roster.Person{ID: "c", Name: "丙"}, roster.Person{ID: "d", Name: "丁", Department: "own"},
		)
		w.must(w.people.Leave(w.Context(), mei, "d", "moves"))
		w.must(w.people.LeaveFrom(w.Context(), mei, "c", time.Now().Add(time.Hour), "moves"))
		for q, want := range map[PeopleQuery]string{
			{}: "a b c", {Text: "alpha"}: "a", {Department: "technology"}: "a", {Role: "commander"}: "a", {Role: "recorder"}: "",
			{State: "unverified"}: "b", {State: "unreachable"}: "c", {State: "leaving"}: "c", {State: "left"}: "d",
		} {
			var got []string
			for _, p := range w.FindPeople(q, 0, 50).Items {
				got = append(got, p.ID)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%+v finds %v", q, got)
			}
		}
		if p := w.FindPeople(PeopleQuery{}, 0, 2); len(p.Items) != 2 || p.Total != 3 || p.Next != 2 {
			t.Errorf("a page is %+v", p)
		}
		roles := w.Roles()
		i := slices.IndexFunc(roles, func(r RoleCover) bool { return r.Role == "commander" })
		if i < 0 || len(roles[i].HeldBy) != 1 || !slices.Contains(roles[i].Chapters, "procedure-1") || slices.Contains(roles[i].Chapters, "") {
			t.Errorf("roles %+v", roles)
		}
	})
}

// Every change is told with who and when, and what it changed.
func TestHistory(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		at := holdfast.NewSubject("person", "a")
		w.record(roster.Person{ID: "a", Name: "甲", Contacts: []roster.Contact{{Channel: roster.Phone, Address: "110"}}})
		w.must(w.people.Reached(w.Context(), lin, at, roster.Phone, "110", "himself"))
		w.record(roster.Person{ID: "a", Name: "甲二", Contacts: []roster.Contact{{Channel: roster.Phone, Address: "110"}}})
		list, base := w.History(at)
		if len(list) != 3 || base != 3 || !list[0].Now || list[2].Now || list[0].By.ID != "mei" || list[1].By.ID != "lin" || list[1].Whole || !strings.Contains(list[1].Text, "himself") {
			t.Fatalf("%+v, %d", list, base)
		}
		if d := list[0].Differences; len(d) == 0 || d[0] != (roster.Difference{Field: "name", Old: "甲", New: "甲二"}) {
			t.Errorf("%+v", d)
		}
		if gone := nulls(t, list); gone != nil {
			t.Errorf("JSON holds null at %v", gone)
		}
		w.must(w.people.RecordParties(w.Context(), mei, roster.Party{ID: "acquirer", Name: "A", Kind: "acquirer"}))
		_, err := w.plans.Publish(w.Context(), mei, plan.Builtin(), "")
		w.must(err)
		if p, err := w.Party("acquirer"); err != nil || len(p.Cited) == 0 || p.Cited[0].Chapter == "" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
