package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// What came of a call of the operator's automation.
const (
	// HookDone: the endpoint has taken it.
	HookDone = "done"
	// HookRefused: the endpoint will not take it.
	HookRefused = "refused"
	// HookFailed: the endpoint could not be reached, or could not do it.
	HookFailed = "failed"
	// HookUnknown: it may have been done. There was a connection and no answer, or
	// the node that called is gone.
	HookUnknown = "unknown"
	// HookDrill: in a drill nothing outside is called.
	HookDrill = "drill"
)

// WebhookAsked is a person's word to call, for the first time or again.
type WebhookAsked struct {
	Task   string         `json:"task"`
	Level  holdfast.Level `json:"level"`
	Reason string         `json:"reason,omitempty"`
}

// WebhookBegan is written before the first byte of a call: whoever wrote it makes the
// call, nobody else.
type WebhookBegan struct {
	Task  string         `json:"task"`
	Level holdfast.Level `json:"level"`
	// Attempt counts the calls of the task at the level from 1.
	Attempt  int    `json:"attempt"`
	Endpoint string `json:"endpoint"`
	// Key is the same in every attempt of the task at the level.
	Key string `json:"key"`
	// Until is when its outcome is unknown if none is on record.
	Until time.Time `json:"until"`
	// Measures are what the plan's measures said, as they were sent.
	Measures map[string]any `json:"measures,omitempty"`
}

// WebhookEnded is the outcome of a call.
type WebhookEnded struct {
	Task    string         `json:"task"`
	Level   holdfast.Level `json:"level"`
	Attempt int            `json:"attempt"`
	Result  string         `json:"result"`
	// Safe means that the endpoint has certainly done nothing, so that calling again
	// does nothing twice.
	Safe bool `json:"safe,omitempty"`
	// Status is of HTTP, 0 without an answer; Answer is the beginning of what came back.
	Status int    `json:"status,omitempty"`
	Answer string `json:"answer,omitempty"`
	Millis int64  `json:"millis"`
}

func (WebhookAsked) kind() string { return "incident.webhook-asked" }
func (WebhookBegan) kind() string { return "incident.webhook-began" }
func (WebhookEnded) kind() string { return "incident.webhook-ended" }

// Hook is how the calls of one task at one level stand.
type Hook struct {
	Asked   time.Time
	AskedBy holdfast.Actor
	Calls   []HookCall
	// round counts how often the stage was opened anew.
	round int
}

// HookCall is one call. Result is empty while it runs.
type HookCall struct {
	WebhookBegan
	At, Ended time.Time
	// The rest is of the outcome.
	Result string
	Safe   bool
	Status int
	Answer string
	Millis int64
}

// hookKey keeps the calls at one level apart from those at another.
type hookKey struct {
	task  string
	level holdfast.Level
}

// Hook returns how the calls of a task stand at the present level.
func (in *Incident) Hook(task string) Hook { return in.hooks[hookKey{task, in.Level}] }

// last returns the latest call.
func (h Hook) last() (HookCall, bool) {
	if len(h.Calls) == 0 {
		return HookCall{}, false
	}
	return h.Calls[len(h.Calls)-1], true
}

// Running reports whether a call is under way, as far as is known.
func (h Hook) Running() bool {
	last, any := h.last()
	return any && last.Result == ""
}

// changeHook puts another state in place of that of a task's calls.
func (in *Incident) changeHook(k hookKey, change func(*Hook)) {
	h := in.hooks[k]
	change(&h)
	if in.hooks == nil {
		in.hooks = map[hookKey]Hook{}
	}
	in.hooks[k] = h
}

func (e WebhookAsked) fold(in *Incident, f holdfast.Fact) {
	in.changeHook(hookKey{e.Task, e.Level}, func(h *Hook) { h.Asked, h.AskedBy = f.Time, f.Actor })
}

func (e WebhookBegan) fold(in *Incident, f holdfast.Fact) {
	in.changeHook(hookKey{e.Task, e.Level}, func(h *Hook) {
		h.Asked = time.Time{}
		h.Calls = append(h.Calls[:len(h.Calls):len(h.Calls)], HookCall{WebhookBegan: e, At: f.Time})
	})
}

func (e WebhookEnded) fold(in *Incident, f holdfast.Fact) {
	in.changeHook(hookKey{e.Task, e.Level}, func(h *Hook) {
		calls := append([]HookCall(nil), h.Calls...)
		for i := range calls {
			if calls[i].Attempt == e.Attempt {
				calls[i] = HookCall{calls[i].WebhookBegan, calls[i].At, f.Time, e.Result, e.Safe, e.Status, e.Answer, e.Millis}
			}
		}
		h.Calls = calls
	})
}

// forgetHook lets a task whose stage is opened anew call again, under another key.
func (in *Incident) forgetHook(task string) {
	k := hookKey{task, in.Level}
	if h, called := in.hooks[k]; called {
		in.hooks[k] = Hook{round: h.round + 1}
	}
}

// key is the same for every call that is to do the thing once.
func (in *Incident) key(task string, h Hook) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%d\n%s\n%d", in.ID, in.Opened.UnixMicro(), in.Level, task, h.round))
	return hex.EncodeToString(sum[:16])
}

// A call that may be made again without harm is made hookTries times by itself, after
// 2, 8, 32 and 128 seconds.
const (
	hookTries  = 5
	firstRetry = 2 * time.Second
	// hookGrace is what a node needs to write the outcome of a call that has taken its
	// whole time.
	hookGrace = 10 * time.Second
)

// AskWebhook is a person's word to call an open task's endpoint. It needs a reason
// where an earlier call may have done it already.
func AskWebhook(in *Incident, task, reason string) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	if t.Webhook == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "task %s calls no endpoint", task)
	}
	h := in.Hook(task)
	last, called := h.last()
	switch {
	case h.Running() || !h.Asked.IsZero():
		return nil, holdfast.Errorf(holdfast.Conflict, "task %s is calling its endpoint already", task)
	case called && last.Result == HookUnknown && reason == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "the call before may have been done: find out, and write why it is made again").At("reason")
	case len(reason) > maxText:
		return nil, errLong("reason")
	}
	return in.draft(WebhookAsked{task, in.Level, payment.Mask(reason)}), nil
}

// WebhookDue says when an open task's endpoint is to be called next; false if it is
// not.
func WebhookDue(in *Incident, task string) (at time.Time, due bool) {
	t, err := in.OpenTask(task)
	if err != nil || t.Webhook == nil {
		return time.Time{}, false
	}
	h := in.Hook(task)
	last, called := h.last()
	switch {
	case h.Running():
		return time.Time{}, false
	case !h.Asked.IsZero():
		return h.Asked, true
	case !called:
		return in.Tasks[task].Opened, t.Webhook.Automatic
	}
	again := last.Safe || t.Webhook.Repeatable && (last.Result == HookFailed || last.Result == HookUnknown)
	if n := len(h.Calls); again && n < hookTries {
		return last.Ended.Add(firstRetry << (2 * (n - 1))), true
	}
	return time.Time{}, false
}

// BeginWebhook claims the next call of a task, if it is due. In a drill nothing is
// called, and the task is done.
func BeginWebhook(in *Incident, task string, measures map[string]any, now time.Time) (WebhookBegan, []journal.Draft) {
	at, due := WebhookDue(in, task)
	if !due || now.Before(at) {
		return WebhookBegan{}, nil
	}
	_, t, _ := in.Procedure.Task(task)
	h := in.Hook(task)
	b := WebhookBegan{
		Task: task, Level: in.Level, Attempt: len(h.Calls) + 1, Endpoint: t.Webhook.Endpoint, Key: in.key(task, h),
		Until: now.Add(t.Webhook.Limit() + hookGrace).UTC(), Measures: measures,
	}
	if in.Drill {
		return WebhookBegan{}, in.draft(b, WebhookEnded{Task: task, Level: b.Level, Attempt: b.Attempt, Result: HookDrill, Safe: true}, TaskDone{Task: task, Note: "not called in a drill"})
	}
	return b, in.draft(b)
}

// EndWebhook records the outcome of a call, and ends its task if it is done. What was
// held to be unknown may turn out otherwise.
func EndWebhook(in *Incident, e WebhookEnded) []journal.Draft {
	if in == nil {
		return nil
	}
	for _, c := range in.hooks[hookKey{e.Task, e.Level}].Calls {
		if c.Attempt != e.Attempt || c.Result != "" && (c.Result != HookUnknown || e.Result == HookUnknown) {
			continue
		}
		e.Answer = cut(payment.Mask(e.Answer), maxAnswer)
		events := []event{e}
		if _, err := in.OpenTask(e.Task); err == nil && e.Level == in.Level && e.Result == HookDone {
			events = append(events, TaskDone{Task: e.Task, Note: "the endpoint " + c.Endpoint + " has taken the call"})
		}
		return in.draft(events...)
	}
	return nil
}

// maxAnswer is how much of an answer is kept, in bytes.
const maxAnswer = 500

// LostWebhooks records calls as unknown whose outcome nobody has written in time. When
// is the instant at which the next will be; zero if none runs.
func LostWebhooks(in *Incident, now time.Time) (drafts []journal.Draft, when time.Time) {
	for k, h := range in.hooks {
		last, _ := h.last()
		switch {
		case !h.Running():
		case now.After(last.Until):
			drafts = EndWebhook(in, WebhookEnded{
				Task: k.task, Level: k.level, Attempt: last.Attempt, Result: HookUnknown, Millis: now.Sub(last.At).Milliseconds(),
			})
		case when.IsZero() || last.Until.Before(when):
			when = last.Until
		}
	}
	return drafts, when
}

// lastResult is what came of a task's latest call.
func (in *Incident) lastResult(t procedure.Task) string {
	last, _ := in.Hook(t.ID).last()
	return last.Result
}
