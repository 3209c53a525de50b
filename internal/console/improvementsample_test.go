package console

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/improvement"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/trend"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

// improvementSample are improvements in every state, with every kind of change.
func improvementSample() (list []view.TrackedImprovement) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	for _, state := range []improvement.State{improvement.Open, improvement.Overdue, improvement.Done, improvement.Dropped} {
		im := view.TrackedImprovement{State: state, OwnerName: word, IncidentTitle: "Title", Ends: past}
		im.ID, im.Incident, im.Text, im.Role, im.Due, im.By, im.At = "i1", "2026-1", "a text", "technology", "2026-12-31", who, past
		switch state {
		case improvement.Overdue:
			im.Drop, im.Chapter = &improvement.Wish{Reason: "a reason", By: who, At: past}, "procedure-1"
		case improvement.Done:
			im.End = &improvement.End{State: state, Evidence: "a test", By: who, At: past}
			im.Trigger, im.TriggerState, im.Revision, im.Chapter = "t1", trigger.Revised, 2, "risks"
			im.Files = []improvement.File{{File: attachment.File{Name: "r.pdf", Type: attachment.PDF, Size: 9}, By: who, At: past}}
		case improvement.Dropped:
			im.End, im.Role, im.Person, im.OwnerName = &improvement.End{State: state, Reason: "a reason", By: who, At: past}, "", "lin", holdfast.Text{}
			im.Risk, im.Trigger, im.TriggerState = "r1", "t2", trigger.Open
		}
		for _, kind := range []string{"extended", "assigned", "done", "file-kept", "drop-asked", "dropped", "drop-refused", "reopened", "trigger-opened"} {
			im.History = append(im.History, improvement.Change{Kind: kind, By: who, At: past, Text: "a text", Was: "2026-12-01", Due: "2026-12-31", Role: "technology", Person: "lin"})
		}
		list = append(list, im)
	}
	return list
}

func trendSample() trendsPage {
	var cases []trend.Case
	for i, level := range []holdfast.Level{1, 1, 2, 3, 0, 1} {
		c := trend.Case{ID: string(rune('a' + i)), Title: "Title", Level: level, Opened: past, Cause: []string{"", "db"}[i%2], FalseAlarm: i == 5, Debriefed: i%2 == 0, Roots: []string{"change"}, Took: map[string]time.Duration{}, Met: 1, Missed: i}
		for j, name := range trend.Spans {
			if i <= j {
				c.Took[name] = time.Duration(i+1) * time.Minute
			}
		}
		cases = append(cases, c)
	}
	t := trend.Of(cases, past.AddDate(0, -11, 0), past.AddDate(0, 0, 1), time.UTC)
	words := locale.For(holdfast.En)
	return trendsPage{Trends: t, Figures: t.Real, First: "2026-01-01", Last: "2026-12-31", Chart: drawMonths(words, t.Real.Months), Spans: spanLines(words, t.Real.Spans), Export: "/trends.csv", Other: "/trends?drills=1"}
}

func improvementSamples() map[string][]any {
	list := improvementSample()
	roles, people := []view.Named{{ID: "technology", Name: word}}, []view.Person{{}}
	var one []any
	for _, im := range list {
		for _, may := range []bool{true, false} {
			own := improvementPage{Improvement: im, MayChange: may, MayDecide: may && im.Drop != nil, Roles: roles, People: people}
			if len(im.Files) > 0 {
				own.Files = fileSamples
			}
			one = append(one, own)
		}
	}
	bare := trendsPage{OfDrills: true, Figures: trend.Of(nil, past, past.AddDate(0, 0, 1), time.UTC).Drills}
	bare.Chart = drawMonths(locale.For(holdfast.En), bare.Figures.Months)
	fresh := list[0]
	fresh.History = nil
	one = append(one, improvementPage{Improvement: fresh})
	unsigned := trendSample()
	unsigned.Debriefed = trend.Count{}
	trends := []any{bare, unsigned, trendSample()}
	for _, at := range []figureAt{{"level", "1"}, {"span", "detect"}, {"root", "change"}, {"false-alarm", ""}, {"missed", ""}, {"debriefed", ""}, {"cause", "db"}, {"cause", ""}} {
		own := trendSample()
		own.Picked, own.Cases = at, []caseLine{{trend.Case{ID: "2026-1", Title: "Title", Level: 1, Opened: past, Debriefed: true}, "3 min"}}
		trends = append(trends, own)
	}
	return map[string][]any{
		"improvements": {improvementsPage{States: improvementStates}, improvementsPage{
			Page: view.Page[view.TrackedImprovement]{Items: list}, Pages: listed, Query: view.ImprovementQuery{State: "all", Incident: "2026-1", Owner: "technology"},
			States: improvementStates, Roles: roles, People: people, Chapters: plan.Chapters, Risks: roles, Export: "/improvements.csv",
		}},
		"improvement": one,
		"trends":      trends,
	}
}

// Each figure leads to its incidents.
func TestPicked(t *testing.T) {
	t.Parallel()
	cases := []trend.Case{
		{ID: "1", Level: 1, Opened: past, Cause: "db", Roots: []string{"change"}, Missed: 1, Took: map[string]time.Duration{"stop": time.Minute}},
		{ID: "2", Level: 2, Opened: past, Debriefed: true, Took: map[string]time.Duration{"stop": time.Hour}},
		{ID: "3", Opened: past, FalseAlarm: true},
	}
	f := trend.Of(cases, past.AddDate(0, 0, -1), past.AddDate(0, 0, 1), time.UTC).Real
	for at, want := range map[figureAt]string{
		{"level", "1"}: "1", {"level", "3"}: "", {"cause", "db"}: "1", {"cause", ""}: "2", {"root", "change"}: "1", {"missed", ""}: "1", {"false-alarm", ""}: "3", {"debriefed", ""}: "2",
		{"month", past.Format("2006-01")}: "1 2 3", {"span", "stop"}: "2 1", {"span", "detect"}: "", {"other", ""}: "", {"", ""}: "",
	} {
		var got []string
		for _, c := range picked(locale.For(holdfast.En), f, at, cases) {
			got = append(got, c.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%+v: %q, want %q", at, got, want)
		}
	}
}

// What is drawn stays within its view box.
func TestDrawings(t *testing.T) {
	t.Parallel()
	own := trendSample()
	for _, s := range own.Spans {
		if b := s.Box; b.Max > spreadWidth || b.Known && (b.P25 > b.Median || b.P25+b.Box > b.Max+1 || b.Median > b.Max) {
			t.Errorf("%s: %+v", s.Name, b)
		}
	}
	for _, d := range own.Chart.Drawings {
		if len(d.Bars) != 5 || len(d.Hours) == 0 {
			t.Errorf("%s: %d series, %d months named", d.Class, len(d.Bars), len(d.Hours))
		}
		for _, l := range d.Hours {
			if l.X < 0 || l.X > float64(d.Width)-50 {
				t.Errorf("%s: the name of %s stands at %g of %d", d.Class, l.Label, l.X, d.Width)
			}
		}
	}
}
