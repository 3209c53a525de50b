package console

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/view"
)

// procedureBody is what the facts of a running procedure say.
type procedureBody struct {
	Of   string `json:"of"`
	ID   string `json:"id"`
	Task string `json:"task"`
	// Late is in seconds.
	Late int64 `json:"late"`

	From  string `json:"-"`
	Into  string `json:"into"`
	Other string `json:"other"`

	When string `json:"when"`
	Note string `json:"note"`

	N          int             `json:"n"`
	Post       string          `json:"post"`
	Holder     incident.Holder `json:"holder"`
	To         incident.Holder `json:"to"`
	Reason     string          `json:"reason"`
	Text       string          `json:"text"`
	Question   string          `json:"question"`
	Options    []string        `json:"options"`
	Chosen     string          `json:"chosen"`
	Why        string          `json:"why"`
	Reversible bool            `json:"reversible"`
}

// tellLate is from how many seconds on a line says that a time was noticed late.
const tellLate = 10

// procedureLine puts a fact of a running procedure in words: its limits, and who
// stands in. It returns nil for another fact.
func (c *Console) procedureLine(v *visit, in view.Incident, e view.Event) *line {
	var b procedureBody
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	var from struct {
		From string `json:"from"`
	}
	if json.Unmarshal(e.Body, &from) == nil { // a hand-over's is a person
		b.From = from.From
	}
	var l line
	switch e.Kind {
	case "incident.limit-at-risk", "incident.limit-breached":
		what := taskTitle(v, in, b.ID)
		switch b.Of {
		case "stage":
			what = stageTitle(v, in, b.ID)
		case "post":
			what = v.words.T("post.hand-over-of", "post", v.words.T("post."+b.ID))
		}
		l.Text = v.words.T("fact."+e.Kind, "what", what)
	case "incident.task-deputised":
		key := "fact.incident.task-deputised"
		who := deputies(v, in, b.Task)
		if who == "" {
			key = "fact.incident.task-deputised-nobody"
		}
		l.Text = v.words.T(key, "task", taskTitle(v, in, b.Task), "who", who)
	case "incident.branch-taken", "incident.branch-agreed", "incident.task-failed":
		l.Text, l.Detail = v.words.T("fact."+e.Kind, "task", taskTitle(v, in, b.Task), "do", branchText(v, in, b.Task)), cmp.Or(b.When, b.Note)
	case "incident.webhook-asked", "incident.webhook-began", "incident.webhook-ended", "incident.item-ticked", "incident.condition-seen":
		l = actionLine(v, in, e, b)
	case "incident.reopened":
		l.Text, l.Detail = v.words.T("fact.incident.reopened", "stage", stageTitle(v, in, b.From)), b.Reason
		if b.From == "" {
			l.Text = v.words.T("fact.incident.reopened-suspected")
		}
	case "incident.merged", "incident.absorbed", "incident.released", "incident.linked":
		l.Text, l.Detail = v.words.T("fact."+e.Kind, "other", cmp.Or(b.Into, b.Other, b.From)), b.Reason
	default:
		return teamLine(v, in, e.Kind, b)
	}
	if b.Late >= tellLate {
		l.Detail = v.words.T("limit.noticed-late", "span", v.words.Span(time.Duration(b.Late)*time.Second))
	}
	return &l
}

// teamLine puts who does what, and what was decided, in words.
func teamLine(v *visit, in view.Incident, kind string, b procedureBody) *line {
	for _, h := range in.Handovers {
		if h.N == b.N {
			b.Post, b.To = h.Post, h.To
		}
	}
	for _, d := range in.Decisions {
		if d.ID == b.ID {
			b.Question = d.Question
		}
	}
	args := []any{"post", v.words.T("post." + b.Post), "who", cmp.Or(b.Holder.Name, b.To.Name), "id", b.ID, "question", b.Question, "chosen", b.Chosen}
	l := line{Text: v.words.T("fact."+kind, args...)}
	switch kind {
	case "incident.post-filled", "incident.handover-ended":
		l.Detail = b.Reason
	case "incident.handover-offered":
		l.Detail = b.Text
	case "incident.decision-asked":
		l.Detail = strings.Join(b.Options, " / ")
	case "incident.decision-made":
		l.Detail = b.Why
		if !b.Reversible {
			l.Detail += " (" + v.words.T("decision.irreversible") + ")"
		}
	case "incident.handover-accepted":
	default:
		return nil
	}
	return &l
}

// branchText is what a task's branch says to do.
func branchText(v *visit, in view.Incident, task string) string {
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID == task && t.Branch != nil {
				return t.Branch.Do.In(v.words.Lang())
			}
		}
	}
	return ""
}

func deputies(v *visit, in view.Incident, task string) string {
	var names []string
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID != task || t.Deputised == nil {
				continue
			}
			for _, p := range t.Deputised.People {
				names = append(names, p.Name)
			}
		}
	}
	return strings.Join(names, v.words.T("plan.list-mark"))
}
