package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// WebhookTask is what a task calls, and what came of it.
type WebhookTask struct {
	Endpoint string `json:"endpoint"`
	// Unknown means that this node's configuration has no such endpoint.
	Unknown    bool `json:"unknown,omitempty"`
	Automatic  bool `json:"automatic,omitempty"`
	Repeatable bool `json:"repeatable,omitempty"`
	// State is waiting, calling, or the result of the latest call: done, refused,
	// failed, unknown or drill.
	State string `json:"state"`
	// Next is when it is called next by itself.
	Next  time.Time     `json:"next,omitzero"`
	Calls []WebhookCall `json:"calls"`
}

// WebhookCall is one call. Key is the same in all of them.
type WebhookCall struct {
	Attempt int       `json:"attempt"`
	Key     string    `json:"key"`
	At      time.Time `json:"at"`
	Ended   time.Time `json:"ended_at,omitzero"`
	// Result is empty while the call runs.
	Result string `json:"result,omitempty"`
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"`
	Millis int64  `json:"millis,omitempty"`
}

// Item is one item of a checklist.
type Item struct {
	// N counts from 1.
	N      int           `json:"n"`
	Text   holdfast.Text `json:"text"`
	Ticked bool          `json:"ticked"`
	// At and By are of whoever ticked it or took the tick back, with his reason.
	At   time.Time `json:"at,omitzero"`
	By   *Actor    `json:"by,omitempty"`
	Note string    `json:"note,omitempty"`
}

// WaitTask is the condition that a task waits for.
type WaitTask struct {
	Until    string             `json:"until"`
	HoldsFor procedure.Duration `json:"holds_for,omitzero"`
	Holds    bool               `json:"holds"`
	// Since is when it began to hold, Enough when it will have held for long enough.
	Since  time.Time `json:"since,omitzero"`
	Enough time.Time `json:"enough,omitzero"`
	// Reads are what it reads, as it is now.
	Reads []WaitRead `json:"reads"`
}

// WaitRead is one thing that a condition reads.
type WaitRead struct {
	incident.Reading
	Title holdfast.Text `json:"title,omitzero"`
	Unit  string        `json:"unit,omitempty"`
}

func (s *Source) webhookTask(in *incident.Incident, t procedure.Task) *WebhookTask {
	v := &WebhookTask{Endpoint: t.Webhook.Endpoint, Automatic: t.Webhook.Automatic, Repeatable: t.Webhook.Repeatable, State: "waiting", Calls: []WebhookCall{}}
	known := s.endpoints()
	v.Unknown = known != nil && !slices.Contains(known, t.Webhook.Endpoint)
	h := in.Hook(t.ID)
	for _, c := range h.Calls {
		v.Calls = append(v.Calls, WebhookCall{Attempt: c.Attempt, Key: c.Key, At: c.At, Ended: c.Ended, Result: c.Result, Status: c.Status, Answer: c.Answer, Millis: c.Millis})
		v.State = c.Result
	}
	if at, due := incident.WebhookDue(in, t.ID); due && h.Asked.IsZero() && len(h.Calls) > 0 {
		v.Next = at
	} else if due {
		v.State = "calling"
	}
	if h.Running() {
		v.State = "calling"
	}
	return v
}

// endpoints are those of the configuration; nil where it is not known.
func (s *Source) endpoints() []string {
	if s.Response == nil || s.Response.Automation == nil {
		return nil
	}
	return s.Response.Automation.Endpoints()
}

func items(in *incident.Incident, t procedure.Task) (list []Item) {
	ticks := in.Tasks[t.ID].Items
	for i, text := range t.Checklist {
		item := Item{N: i + 1, Text: text}
		if i < len(ticks) {
			item.Ticked, item.At, item.By, item.Note = ticks[i].Ticked, ticks[i].At, actor(ticks[i].By), ticks[i].Note
		}
		list = append(list, item)
	}
	return list
}

func (s *Source) waitTask(in *incident.Incident, t procedure.Task, p *plan.Plan) *WaitTask {
	v := &WaitTask{Until: t.Wait.Until, HoldsFor: t.Wait.HoldsFor, Reads: []WaitRead{}}
	if p == nil || in.Tasks[t.ID].Status != procedure.Open {
		return v
	}
	seen, read := s.Response.Seen(in, p, t, s.Now())
	for _, r := range read {
		wr := WaitRead{Reading: r}
		for _, m := range p.Measures {
			if m.ID == r.Measure {
				wr.Title, wr.Unit = m.Title, m.Unit
			}
		}
		v.Reads = append(v.Reads, wr)
	}
	if v.Holds, v.Since = seen.Holds, seen.Since; v.Holds {
		v.Enough = v.Since.Add(v.HoldsFor.D())
	}
	return v
}
