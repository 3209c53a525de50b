package console

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/view"
)

func (c *Console) callWebhook(v *visit) error {
	return v.act(c.Response.CallWebhook(v.r.Context(), v.by(), v.path("id"), v.path("task"), v.form("reason")))
}

func (c *Console) tickItem(v *visit) error {
	n, err := strconv.Atoi(v.path("item"))
	if err != nil {
		return holdfast.Errorf(holdfast.NotFound, "%q is no item of a checklist: they are numbered from 1", v.path("item"))
	}
	return v.act(c.Response.TickItem(v.r.Context(), v.by(), v.path("id"), incident.ItemTicked{
		Task: v.path("task"), N: n, Ticked: v.form("ticked") != "", Note: v.form("note"),
	}))
}

// actionBody is what the facts of calls, checklists and conditions say.
type actionBody struct {
	Result string    `json:"result"`
	Answer string    `json:"answer"`
	Ticked bool      `json:"ticked"`
	Holds  bool      `json:"holds"`
	Since  time.Time `json:"since"`
}

// actionLine puts a fact of an action in words.
func actionLine(v *visit, in view.Incident, e view.Event, p procedureBody) line {
	var b actionBody
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	key, item := "fact."+e.Kind, ""
	switch {
	case e.Kind == "incident.item-ticked" && !b.Ticked:
		key = "fact.incident.item-unticked"
	case e.Kind == "incident.condition-seen" && !b.Holds:
		key = "fact.incident.condition-lost"
	}
	for _, s := range in.Stages {
		for _, t := range s.Tasks {
			if t.ID == p.Task && p.N > 0 && p.N <= len(t.Checklist) {
				item = t.Checklist[p.N-1].Text.In(v.words.Lang())
			}
		}
	}
	state := "waiting"
	if b.Result != "" {
		state = b.Result
	}
	return line{
		Text:   v.words.T(key, "task", taskTitle(v, in, p.Task), "item", item, "state", v.words.T("webhook.state."+state)),
		Detail: cmp.Or(p.Reason, p.Note, b.Answer),
	}
}

// again reports whether a condition that holds was only recorded once more.
func again(e view.Event) bool {
	var b actionBody
	return e.Kind == "incident.condition-seen" && json.Unmarshal(e.Body, &b) == nil && b.Holds && e.At.Sub(b.Since) > 30*time.Second
}

// byHand reports whether a person may end a task by saying what was done.
func byHand(t view.Task) bool {
	switch t.Kind {
	case "manual", "notice", "wait":
		return true
	case "webhook":
		return t.Webhook.State != "calling"
	case "checklist": // it needs evidence, or it would be done
		return !slices.ContainsFunc(t.Checklist, func(i view.Item) bool { return !i.Ticked })
	}
	return false
}

// waitRead is what a condition reads, in words.
type waitRead struct{ Name, Shown string }

func waitReads(p *locale.Printer, w *view.WaitTask) (list []waitRead) {
	for _, r := range w.Reads {
		list = append(list, waitRead{readName(p, r), measureShown(p, r.Reading, r.Unit)})
	}
	return list
}

func readName(p *locale.Printer, r view.WaitRead) string {
	if !r.Title.IsZero() {
		return r.Title.In(p.Lang())
	}
	if key := "reads." + r.Measure; p.Has(key) {
		return p.T(key)
	}
	return r.Measure
}

// conditionSaid puts the condition that a task waits for in words, if it can be.
func conditionSaid(p *locale.Printer, w *view.WaitTask) string {
	words := expression.Vocabulary{Titles: map[string]string{}}
	for _, r := range w.Reads {
		words.Titles[r.Measure] = readName(p, r)
	}
	return words.Explain(p, w.Until)
}
