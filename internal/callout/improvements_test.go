package callout

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/improvement"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
)

// improving tells of an improvement of an incident, due on 2000-01-31, that a role owns,
// or a person if it is empty.
func (w *world) improving(incident, role, person string) *Improvements {
	w.Helper()
	body, err := json.Marshal(improvement.Form{Incident: incident, Text: "A second instance of the primary", Role: role, Person: person, Due: "2000-01-31"})
	w.must(err)
	book := improvement.NewBook()
	w.must(book.Apply(holdfast.Fact{Subject: holdfast.NewSubject("improvement", "i1"), Revision: 1, Kind: "improvement.recorded", Actor: mei, Time: time.Now(), Body: body}))
	return &Improvements{
		State: w.State, Book: w.Book, Notices: w.Notices, Log: w.node.Log, Now: time.Now,
		Page:  func(id string) string { return "https://h.example/improvements/" + id },
		Nouns: improvement.Nouns{Book: book, Incidents: w.Incidents, Plans: w.Plans, Roster: w.Roster, Zone: time.UTC},
	}
}

// letters lists what is due at a time.
func (w *world) letters(s *Improvements, at time.Time) (list []notify.Notice) {
	w.State.View(func() { list, _ = s.due(at) })
	return list
}

// What owners are told says in each language which improvement it is, of what, by when,
// and where to see to it; that it is late, or somebody else's, is said too.
func TestLettersOfImprovements(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		incident := w.confirm("payments fail", false).ID
		p, _ := plan.Decode("", plan.Builtin())
		w.record("hant", holdfast.ZhHant, "technology-lead", mail("hant"))
		w.record("hans", holdfast.ZhHans, "technology-lead", mail("hans"))
		w.record("en", holdfast.En, "technology-lead "+p.Governance.Owner, mail("en"), hook)
		w.record("owner", holdfast.En, p.Governance.Owner, mail("owner"))
		s := w.improving(incident, "technology-lead", "")
		day := func(n int) time.Time { return time.Date(2000, 1, n, 12, 0, 0, 0, time.UTC) }
		said := map[string]bool{}
		for _, moment := range []struct {
			at   time.Time
			told map[string]string // to whom, and what of the text
		}{
			{day(2), map[string]string{"hant": "改進措施", "hans": "改进措施", "en": "improvement"}},
			{day(25), map[string]string{"hant": "提醒", "hans": "提醒", "en": "Reminder"}},
			{day(32), map[string]string{"hant": "逾期", "hans": "逾期", "en": "overdue"}},
			{day(35), map[string]string{"hant": "逾期", "hans": "逾期", "en": "overdue", "owner": "undone"}},
		} {
			told := map[string]bool{}
			for _, n := range w.letters(s, moment.at) {
				told[n.Person] = true
				text := n.Subject + "\n" + n.Body
				for _, part := range []string{"i1", "A second instance of the primary", "2000-01-31", incident, "https://h.example/improvements/i1", moment.told[n.Person]} {
					if !strings.Contains(text, part) {
						t.Errorf("on %s %s is not told %q:\n%s", moment.at.Format(time.DateOnly), n.Person, part, text)
					}
				}
				if n.Incident != improvement.NoticeSubject || n.Urgent || strings.ContainsAny(text, "{}") || strings.Contains(n.Subject, "\n") || n.Lang != "" && n.Lang != w.lang(n.Person) {
					t.Errorf("%+v", n)
				}
				said[n.Subject] = true
			}
			for person := range moment.told {
				if !told[person] || len(told) != len(moment.told) {
					t.Errorf("on %s told are %v", moment.at.Format(time.DateOnly), told)
				}
			}
		}
		if len(said) != 10 { // three languages at three times, and what the plan's owner is told
			t.Errorf("%d subjects tell apart what is told", len(said))
		}
		mine := w.letters(w.improving(incident, "", "en"), day(2))
		channels := []string{}
		for _, n := range mine {
			channels = append(channels, n.Channel)
		}
		if slices.Sort(channels); !slices.Equal(channels, []string{"smtp", "webhook"}) {
			t.Errorf("a person is told over %q", channels)
		}
	})
}

// lang is a person's language.
func (w *world) lang(id string) (lang holdfast.Lang) {
	w.State.View(func() {
		p, _ := w.Roster.Person(id)
		lang = p.Lang
	})
	return lang
}
