package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/callout"
	"holdfast/internal/incident"
	"holdfast/internal/view"
)

// line is one act on the timeline, in words.
type line struct {
	At       time.Time
	Text     string
	Detail   string
	Who      string
	Evidence []incident.Evidence
	// Position is the entry's in the journal; Corrects and CorrectedBy are those of
	// entries that it corrects, and that correct it.
	Position    holdfast.Position
	Corrects    holdfast.Position
	CorrectedBy []holdfast.Position
	MayCorrect  bool
	// Round names what is told again and again; Earlier are the lines of the same
	// that were before, newest first.
	Round   string
	Earlier []line
}

// Again counts how often it was.
func (l line) Again() int { return len(l.Earlier) + 1 }

// Oldest is the position of the earliest of a line and those folded into it.
func (l line) Oldest() holdfast.Position {
	if n := len(l.Earlier); n > 0 {
		return l.Earlier[n-1].Position
	}
	return l.Position
}

// foldRounds makes one line of the rounds of a call-out that only tell the same step
// again, where the newest of them stands. What corrects or was corrected stays by
// itself.
func foldRounds(newestFirst []line) (folded []line) {
	at := map[string]int{}
	for _, l := range newestFirst {
		if l.Round == "" || l.Corrects != 0 || len(l.CorrectedBy) > 0 {
			folded = append(folded, l)
			continue
		}
		if i, seen := at[l.Round]; seen {
			folded[i].Earlier = append(folded[i].Earlier, l)
			continue
		}
		at[l.Round] = len(folded)
		folded = append(folded, l)
	}
	return folded
}

// body is what the facts of a timeline say, whichever of it there is.
type body struct {
	Level  int    `json:"level"`
	Stage  string `json:"stage"`
	Task   string `json:"task"`
	Probe  string `json:"probe"`
	Passed bool   `json:"passed"`
	Step   int    `json:"step"`

	StandIn    string   `json:"stand_in"`
	Directives []string `json:"directives"`
	Verdict    string   `json:"verdict"`
	Share      float64  `json:"percent"`
	Kind       string   `json:"kind"`
	Title      string   `json:"title"`
	Clock      string   `json:"clock"`
	Moment     string   `json:"moment"`
	Reason     string   `json:"reason"`
	Note       string   `json:"note"`
	Text       string   `json:"text"`
	Detail     string   `json:"detail"`

	Result string          `json:"result"`
	Late   int64           `json:"late"` // in seconds
	People json.RawMessage `json:"people"`

	Person   string              `json:"person"`
	Name     string              `json:"person_name"`
	Channel  string              `json:"channel"`
	Why      string              `json:"why"`
	Labels   map[string]string   `json:"labels"`
	Evidence []incident.Evidence `json:"evidence"`
}

// quiet are facts that would only bury the others.
var quiet = []string{
	"notice.sending", "directive.excluded", "incident.debrief-saved", "incident.level-evaluated", "incident.ramp-judged", "obligation.drafted", "obligation.scanned", "obligation.began", "obligation.ceased",
}

// deliveries are facts of single notices. The tasks show how many people were
// reached; these are folded away so that the acts can be seen.
var deliveries = []string{"notice.asked", "notice.delivered", "notice.failed", "notice.doubtful"}

// timeline puts an incident's facts in words, newest first: its acts, and the
// deliveries of its notices.
func (c *Console) timeline(v *visit, in view.Incident, reports []view.Obligation) (acts, delivered []line) {
	told := map[string]body{}  // what a notice's first fact says, for those that follow
	alarm := map[string]bool{} // tasks for which it was said that nobody was on duty
	for _, e := range in.Timeline {
		if slices.Contains(quiet, e.Kind) || again(e) {
			continue
		}
		var b body
		_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
		if e.Kind == "incident.probe-ran" && b.Passed && rampTask(in, b.Task) != nil {
			continue // it goes on passing; the task shows it
		}
		if strings.HasPrefix(e.Kind, "notice.") {
			if e.Kind == "notice.asked" {
				told[e.Subject] = b
			}
			first := told[e.Subject]
			b.Person, b.Name, b.Channel = first.Person, first.Name, first.Channel
		}
		if b.Clock != "" {
			b.Title = reportTitle(v, reports, b.Clock)
		}
		l := c.line(v, in, e, b)
		if text, detail, ok := levelFact(v.words, in, e); ok {
			l.Text, l.Detail = text, detail
		}
		if b.Why == callout.NobodyOnDuty && e.Kind == "notice.asked" && !alarm[b.Task] {
			alarm[b.Task] = true
			said := line{At: e.At, Text: v.words.T("fact.notice.nobody-on-duty", "task", taskTitle(v, in, b.Task))}
			if e.Actor != nil {
				said.Who = party(v.words, e.Actor)
			}
			acts = append(acts, said)
		}
		if slices.Contains(deliveries, e.Kind) {
			delivered = append(delivered, l)
		} else {
			acts = append(acts, l)
		}
	}
	slices.Reverse(acts)
	slices.Reverse(delivered)
	return acts, delivered
}

func (c *Console) line(v *visit, in view.Incident, e view.Event, b body) line {
	_, id := holdfast.Subject(e.Subject).Split()
	key := "fact." + e.Kind
	switch {
	case e.Kind == "notice.asked" && b.Why == callout.OnDuty:
		key = "fact.notice.asked-on-duty"
	case e.Kind == "notice.asked" && b.Why == callout.Deputy:
		key = "fact.notice.asked-deputy"
	case e.Kind == "incident.probe-ran" && b.Passed:
		key = "fact.incident.probe-passed"
	case e.Kind == "incident.probe-ran":
		key = "fact.incident.probe-failed"
	case e.Kind == "incident.ramped" && b.Step == 0 && b.StandIn != "" && slices.Contains(b.Directives, b.StandIn):
		key = "fact.incident.ramped-stand-in"
	case e.Kind == "incident.ramped" && b.Verdict != "" && b.Verdict != string(incident.Advance) && b.Step == 0:
		key = "fact.incident.ramped-stop-by-itself"
	case e.Kind == "incident.ramped" && b.Verdict != "" && b.Verdict != string(incident.Advance):
		key = "fact.incident.ramped-by-itself"
	case e.Kind == "incident.ramped" && b.Step == 0:
		key = "fact.incident.ramped-stop"
	}
	round := ""
	if e.Kind == "incident.re-paged" {
		round = fmt.Sprint(b.Task, " ", b.Step)
	}
	person := b.Name
	if person == "" {
		person = b.Person
	}
	name := b.Labels["alertname"]
	if name == "" {
		name = b.Title
	}
	if i := slices.IndexFunc(in.Alerts, func(a view.Alert) bool { return a.ID == id }); i >= 0 {
		name = alertTitle(v.words, in.Alerts[i])
	}
	l := line{
		Round: round,
		At:    e.At, Evidence: b.Evidence, Position: e.Position, Corrects: e.Corrects, CorrectedBy: e.CorrectedBy,
		MayCorrect: v.who().May(access.RunIncident),
		Text: v.words.T(key, "id", id, "level", b.Level, "stage", stageTitle(v, in, b.Stage), "task", taskTitle(v, in, b.Task),
			"probe", probeTitle(v, in, b.Probe), "percent", v.words.Percent(b.Share), "kind", v.words.T("directive.kind."+b.Kind),
			"moment", v.words.T("choice.moment."+cmp.Or(b.Moment, "occurred")), "person", person, "channel", v.words.T("channel."+b.Channel), "name", name,
			"people", namesOf(v, b.People), "result", resultWord(v, b.Result)),
	}
	if e.Actor != nil {
		l.Who = party(v.words, e.Actor)
	}
	if text, detail, ok := debriefFact(v.words, in, e); ok {
		l.Text, l.Detail = text, detail
		return l
	}
	if text, detail, ok := reconciled(v.words, e); ok {
		l.Text, l.Detail = text, detail
		return l
	}
	if text, detail, ok := resolutionFact(v.words, in, e); ok {
		if l.Text, l.Detail = text, detail; slices.Contains(partly, e.Kind) {
			l.Position, l.MayCorrect = 0, false
		}
		return l
	}
	if more := c.procedureLine(v, in, e); more != nil {
		l.Text, l.Detail = more.Text, more.Detail
		return l
	}
	if l.Detail = cmp.Or(b.Reason, b.Note, b.Text, b.Detail); ownWords(in, e, id) {
		l.Detail = ""
	}
	if b.Late > 0 && l.Detail == "" {
		l.Detail = v.words.T("escalation.late", "span", v.words.Span(time.Duration(b.Late)*time.Second))
	}
	return l
}

// ownWords reports whether a fact's text is Holdfast's own, in English: the line
// says the same in the reader's language.
func ownWords(in view.Incident, e view.Event, id string) bool {
	for _, d := range in.Directives {
		if d.ID == id && !d.Why.IsZero() && strings.HasPrefix(e.Kind, "directive.") {
			return true
		}
	}
	return e.Kind == "incident.task-done" && e.Actor != nil && e.Actor.Kind == string(holdfast.System)
}

func reportTitle(v *visit, reports []view.Obligation, clock string) string {
	for _, r := range reports {
		if r.Clock == clock {
			return r.Stage.In(v.words.Lang())
		}
	}
	return clock
}

func stageTitle(v *visit, in view.Incident, kind string) string {
	for _, s := range in.Stages {
		if s.Kind == kind {
			return s.Title.In(v.words.Lang())
		}
	}
	return pastTitle(v.words, in.Judgement, kind)
}

func taskTitle(v *visit, in view.Incident, id string) string {
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID == id {
				return t.Title.In(v.words.Lang())
			}
		}
	}
	return pastTitle(v.words, in.Judgement, id)
}

func probeTitle(v *visit, in view.Incident, id string) string {
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			for _, p := range slices.Concat(t.Probes, testsOf(t.Ramp)) {
				if p.ID == id {
					return p.Title.In(v.words.Lang())
				}
			}
		}
	}
	return id
}

// namesOf names those whom a round tells.
func namesOf(v *visit, told json.RawMessage) string {
	var people []incident.Paged
	_ = json.Unmarshal(told, &people) // people of another shape are not of a round
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Name
	}
	if len(names) == 0 {
		return v.words.T("escalation.nobody")
	}
	return strings.Join(names, v.words.T("plan.list-mark"))
}

func resultWord(v *visit, result string) string {
	if result == "" {
		return ""
	}
	return v.words.T("calls.result." + result)
}
