package console

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// levelCard shows at which level the plan's criteria see an incident, and why.
type levelCard struct {
	view.Judgement
	// Says is the outcome in a sentence, Grave its colour.
	Says, Grave string
	Asks        []criterionRow
	Rows        []measureRow
	Records     []levelRecord
}

// criterionRow is what the plan asks for a level, with its expression in words.
type criterionRow struct {
	view.LevelCriterion
	Said string
}

// measureRow is a measure with its value and source in words.
type measureRow struct {
	view.LevelMeasure
	Shown, Source string
	// Asked means that a person can state it: nothing was gathered.
	Asked bool
}

// levelRecord is an evaluation on record, in words.
type levelRecord struct {
	At           time.Time
	Says, Inputs string
}

func newLevelCard(p *locale.Printer, j *view.Judgement) *levelCard {
	if j == nil {
		return nil
	}
	titles := map[string]view.LevelMeasure{}
	card := &levelCard{Judgement: *j, Grave: "calm"}
	for _, m := range j.Measures {
		titles[m.Measure] = m
		card.Rows = append(card.Rows, measureRow{
			LevelMeasure: m, Shown: measureShown(p, m.Reading, m.Unit), Source: measureSource(p, m), Asked: m.Value == nil || m.From == "",
		})
	}
	vocabulary := expression.Vocabulary{Titles: map[string]string{}}
	for _, m := range j.Measures {
		vocabulary.Titles[m.Measure] = m.Title.In(p.Lang())
	}
	for _, c := range j.Criteria {
		card.Asks = append(card.Asks, criterionRow{c, vocabulary.Explain(p, c.Enter)})
	}
	name := func(id string) string {
		if m, known := titles[id]; known && !m.Title.IsZero() {
			return m.Title.In(p.Lang())
		}
		return id
	}
	card.Says = judged(p, j.Level, j.Triage, j.Missing, name)
	if j.Triage || j.Proposed != holdfast.Unknown {
		card.Grave = "warn"
	}
	if j.Proposed == holdfast.Level1 && !j.ByRule {
		card.Grave = "bad"
	}
	for _, e := range j.Stored {
		var inputs []string
		for _, r := range e.Readings {
			inputs = append(inputs, p.T("plan.labelled", "label", name(r.Measure), "text", measureShown(p, r, titles[r.Measure].Unit)))
		}
		full := incident.LevelEvaluated{Level: e.Level, Triage: e.Triage, Criteria: e.Criteria}
		card.Records = append(card.Records, levelRecord{e.At, judged(p, e.Level, e.Triage, full.Missing(), name), strings.Join(inputs, p.T("plan.list-mark"))})
	}
	return card
}

// judged puts an evaluation's outcome in a sentence.
func judged(p *locale.Printer, level holdfast.Level, triage bool, missing []string, name func(string) string) string {
	said := p.T("judgement.none")
	switch {
	case level != holdfast.Unknown && triage:
		said = p.T("judgement.at-least", "level", int(level))
	case level != holdfast.Unknown:
		said = p.T("judgement.is", "level", int(level))
	case triage:
		said = p.T("judgement.triage")
	}
	names := make([]string, len(missing))
	for i, id := range missing {
		names[i] = name(id)
	}
	if len(names) > 0 {
		said += p.T("judgement.missing", "measures", strings.Join(names, p.T("plan.list-mark")))
	}
	return said
}

// measureShown is a value as people read it, or why there is none.
func measureShown(p *locale.Printer, r incident.Reading, unit string) string {
	var shown string
	switch v := r.Value.(type) {
	case nil:
		return p.T("measure.why." + r.Why)
	case bool:
		return p.T(map[bool]string{true: "measure.yes", false: "measure.no"}[v])
	case float64:
		shown = strings.TrimSpace(p.Decimal(v) + " " + unitShown(p, unit))
		if r.From == plan.FromFailedAmount || r.From == plan.FromAtRisk {
			shown = p.Money(holdfast.Money{Minor: int64(v), Currency: unit})
		}
	case string:
		shown = v
	}
	if r.AtLeast {
		return p.T("measure.at-least", "value", shown)
	}
	return shown
}

// unitShown writes the units of time that a plan writes in one way for all its
// languages.
func unitShown(p *locale.Printer, unit string) string {
	if slices.Contains([]string{"d", "h", "min", "s"}, unit) {
		return p.T("unit." + unit)
	}
	return unit
}

// measureSource says where a value is from.
func measureSource(p *locale.Printer, m view.LevelMeasure) string {
	switch {
	case m.EnteredBy != nil:
		return p.T("measure.entered-by", "name", party(p, m.EnteredBy))
	case m.From != "":
		return p.T("choice.measure-from." + m.From)
	default:
		return p.T("measure.by-hand")
	}
}

func (c *Console) enterMeasure(v *visit) error {
	return v.act(c.Response.EnterMeasure(v.r.Context(), v.by(), v.path("id"), v.path("measure"), v.form("value"), v.form("why")))
}

func (c *Console) changeLevel(v *visit) error {
	level, err := holdfast.ParseLevel(v.form("level"))
	if err != nil {
		return err
	}
	return v.act(c.Response.ChangeLevel(v.r.Context(), v.by(), v.path("id"), level, v.form("because")))
}

func (c *Console) keepLevel(v *visit) error {
	return v.act(c.Response.KeepLevel(v.r.Context(), v.by(), v.path("id"), v.form("because")))
}

func (c *Console) answerFall(v *visit) error {
	return v.act(c.Response.AnswerFall(v.r.Context(), v.by(), v.path("id"), v.form("granted") != "", v.form("because")))
}

func measureTitle(p *locale.Printer, j *view.Judgement, id string) string {
	if j != nil {
		for _, m := range j.Measures {
			if m.Measure == id && !m.Title.IsZero() {
				return m.Title.In(p.Lang())
			}
		}
	}
	return id
}

// pastTitle names a stage or a task of a procedure that the incident has left, by
// its id if it has none.
func pastTitle(p *locale.Printer, j *view.Judgement, id string) string {
	if j == nil {
		return id
	}
	for _, past := range j.Past {
		for _, s := range past.Stages {
			for _, n := range slices.Concat([]view.Named{s.Named}, s.Done, s.Others) {
				if n.ID == id {
					return n.Name.In(p.Lang())
				}
			}
		}
	}
	return id
}

// levelFact puts a fact of levels in words; it returns false for any other.
func levelFact(p *locale.Printer, in view.Incident, e view.Event) (text, detail string, ok bool) {
	var b struct {
		From, To  holdfast.Level
		Automatic bool
		Reason    string
		Measure   string
		Value     any
		Note      string
		AskedBy   *holdfast.Actor `json:"asked_by"`
	}
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	key := "fact." + e.Kind
	switch e.Kind {
	case "incident.level-changed":
		switch {
		case b.Automatic:
			key = "fact.incident.level-risen-automatically"
		case b.AskedBy != nil:
			key = "fact.incident.level-fallen"
		}
		asked := ""
		if b.AskedBy != nil {
			asked = b.AskedBy.String()
		}
		return p.T(key, "from", int(b.From), "to", int(b.To), "asked", asked), b.Reason, true
	case "incident.fall-asked", "incident.fall-refused":
		return p.T(key, "to", int(b.To)), b.Reason, true
	case "incident.measure-entered":
		value := measureShown(p, incident.Reading{Value: b.Value, Why: incident.NotEntered}, "")
		return p.T(key, "measure", measureTitle(p, in.Judgement, b.Measure), "value", value), b.Note, true
	}
	return "", "", false
}
