package response

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Automation is the operator's: what a plan may call.
type Automation interface {
	// Endpoints lists the names that the configuration has.
	Endpoints() []string
	// Call makes one signed request with this key and body, within limit. Of the
	// outcome it fills what came back.
	Call(ctx context.Context, endpoint, key string, body []byte, limit time.Duration) incident.WebhookEnded
}

const (
	// maxCalls is how many calls one node makes at once.
	maxCalls = 8
	// lookForCalls is how long the loop waits at most, and after the journal could not be
	// written.
	lookForCalls = 5 * time.Second
	// lastAnswer is how long, at the end, calls under way are waited for, and lastWrite
	// what their outcome may take to be recorded then.
	lastAnswer = 5 * time.Second
	lastWrite  = 2 * time.Second
	// shortest keeps calls that are due and find no room from making the loop spin; the
	// end of one wakes it.
	shortest = 200 * time.Millisecond
)

// RunWebhooks makes the calls that are due, until ctx ends. Every node may run it: the
// claim of a call is a fact, and only who has written it calls. Calls under way at the
// end have lastAnswer to be answered; then they are broken off, and their outcome is
// recorded as what is known of it.
func (s *Service) RunWebhooks(ctx context.Context) error {
	watch, end := s.Desk.State.Watch()
	defer end()
	free := make(chan struct{}, maxCalls)
	calling, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	var calls sync.WaitGroup
	begin := func(call func(context.Context)) { calls.Go(func() { call(calling) }) }
	for {
		err := s.callDue(ctx, free, begin)
		wait := s.nextCall(lookForCalls)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("endpoints of the operator's automation cannot be called now", "error", err)
			wait = lookForCalls
		}
		select {
		case <-ctx.Done():
			defer time.AfterFunc(lastAnswer, breakOff).Stop()
			calls.Wait()
			return nil
		case <-watch:
		case <-time.After(wait):
		}
	}
}

// callDue claims every call that is due and begins it.
func (s *Service) callDue(ctx context.Context, free chan struct{}, start func(call func(context.Context))) error {
	by := holdfast.Self("response")
	if err := s.do(ctx, by, s.lostCalls); err != nil {
		return err
	}
	for {
		select {
		case free <- struct{}{}:
		default:
			return nil // the end of one is a fact, which wakes the loop
		}
		var began incident.WebhookBegan
		var body []byte
		var limit time.Duration
		var id string
		err := s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
			var in *incident.Incident
			in, began, drafts = s.beginCall(now)
			if in != nil && began.Task != "" {
				_, t, _ := in.Procedure.Task(began.Task)
				id, limit = in.ID, t.Webhook.Limit()
				body, err = s.callBody(in, t, began, now)
			}
			return drafts, err
		})
		if err != nil || began.Task == "" {
			<-free
			return err
		}
		start(func(ctx context.Context) {
			defer func() { <-free }()
			s.call(ctx, id, began, body, limit)
		})
	}
}

// beginCall claims one call that is due. What is due in a drill is recorded without a
// call.
func (s *Service) beginCall(now time.Time) (*incident.Incident, incident.WebhookBegan, []journal.Draft) {
	for _, in := range s.Incidents.Open() {
		for _, task := range hooked(in) {
			at, due := incident.WebhookDue(in, task)
			if !due || now.Before(at) {
				continue
			}
			var measures map[string]any
			if _, p := s.planOf(in, now); p != nil {
				measures = s.values(in, p, now).Known
			}
			if b, drafts := incident.BeginWebhook(in, task, measures, now); len(drafts) > 0 {
				return in, b, drafts
			}
		}
	}
	return nil, incident.WebhookBegan{}, nil
}

// hooked lists the tasks of an incident that call an endpoint.
func hooked(in *incident.Incident) (tasks []string) {
	for _, stage := range in.Procedure.Stages {
		for _, t := range stage.Tasks {
			if t.Webhook != nil {
				tasks = append(tasks, t.ID)
			}
		}
	}
	return tasks
}

func (s *Service) lostCalls(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.All() { // one that was merged or ended may have a call under way
		if drafts, _ := incident.LostWebhooks(in, now); len(drafts) > 0 {
			return drafts, nil
		}
	}
	return nil, nil
}

// call makes a call that this node has claimed, and records its outcome: as long as the
// journal cannot be written, again and again; once ctx has ended, once more.
func (s *Service) call(ctx context.Context, id string, b incident.WebhookBegan, body []byte, limit time.Duration) {
	began := s.Desk.Now()
	e := s.Automation.Call(ctx, b.Endpoint, b.Key, body, limit)
	e.Task, e.Level, e.Attempt, e.Millis = b.Task, b.Level, b.Attempt, s.Desk.Now().Sub(began).Milliseconds()
	for ended := false; !ended; {
		ended = ctx.Err() != nil
		err := s.record(ctx, id, e)
		if err == nil {
			return
		}
		s.Log.Warn("the outcome of a call cannot be recorded now", "incident", id, "task", b.Task, "result", e.Result, "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// record writes the outcome of a call, also when ctx has ended.
func (s *Service) record(ctx context.Context, id string, e incident.WebhookEnded) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
		defer cancel()
	}
	return s.on(ctx, holdfast.Self("response"), id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.EndWebhook(in, e), nil })
}

// nextCall is how long the loop waits for a fact before it looks again.
func (s *Service) nextCall(longest time.Duration) time.Duration {
	now := s.Desk.Now()
	s.Desk.State.View(func() {
		for _, in := range s.Incidents.Open() {
			_, lost := incident.LostWebhooks(in, now)
			for _, task := range hooked(in) {
				if at, due := incident.WebhookDue(in, task); due && (lost.IsZero() || at.Before(lost)) {
					lost = at
				}
			}
			if !lost.IsZero() {
				longest = min(longest, max(lost.Sub(now)+time.Millisecond, shortest))
			}
		}
	})
	return longest
}

// called is the body of a call; docs/formats/webhook.md describes it.
type called struct {
	Type      string     `json:"type"`
	Timestamp time.Time  `json:"timestamp"`
	Data      calledData `json:"data"`
}

type calledData struct {
	Key       string           `json:"key"`
	Incident  string           `json:"incident"`
	Title     string           `json:"title"`
	Level     holdfast.Level   `json:"level"`
	Stage     string           `json:"stage"`
	Task      string           `json:"task"`
	TaskTitle holdfast.Text    `json:"task_title"`
	Attempt   int              `json:"attempt"`
	Confirmed time.Time        `json:"confirmed"`
	Plan      incident.PlanRef `json:"plan"`
	Measures  map[string]any   `json:"measures"`
	Figures   incident.Figures `json:"figures"`
}

func (s *Service) callBody(in *incident.Incident, t procedure.Task, b incident.WebhookBegan, now time.Time) ([]byte, error) {
	i, _, _ := in.Procedure.Task(t.ID)
	return json.Marshal(called{"incident.task", now.UTC(), calledData{
		Key: b.Key, Incident: in.ID, Title: in.Title, Level: in.Level, Stage: string(in.Procedure.Stages[i].Kind), Task: t.ID, TaskTitle: t.Title,
		Attempt: b.Attempt, Confirmed: in.Confirmed, Plan: in.Plan, Measures: b.Measures, Figures: s.Figures(in),
	}})
}

// CallWebhook is a person's word to call the endpoint of a task, for the first time or
// again.
func (s *Service) CallWebhook(ctx context.Context, by holdfast.Actor, id, task, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.AskWebhook(in, task, reason) })
}

// TickItem ticks an item of a task's checklist, or takes the tick back with a reason.
func (s *Service) TickItem(ctx context.Context, by holdfast.Actor, id string, e incident.ItemTicked) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.TickItem(in, e) })
}

// watchConditions records what is newly seen of the conditions that tasks wait for, one
// incident at a time.
func (s *Service) watchConditions(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.Open() {
		if !in.Awaiting() || !s.waited.due(in, now) {
			continue
		}
		ref, p := s.planOf(in, now)
		if p == nil {
			continue
		}
		if drafts := incident.WatchConditions(in, s.values(in, p, now), now, s.compiler(ref, p)); len(drafts) > 0 {
			return drafts, nil
		}
		s.waited.done(in, now)
	}
	return nil, nil
}

// Seen is what the condition that a task waits for comes to now, with all that it
// reads. Call it under the state's lock.
func (s *Service) Seen(in *incident.Incident, p *plan.Plan, t procedure.Task, now time.Time) (incident.ConditionSeen, []incident.Reading) {
	own := []string{"level", "minutes"} // of the incident, whatever a measure of the name says
	c := s.compiler(in.Plan, p)(t.Wait.Until)
	e := incident.See(in, t, s.values(in, p, now), now, c)
	var read []incident.Reading
	for _, r := range s.readings(in, p, now) {
		if c != nil && slices.Contains(c.Reads(), r.Measure) && !slices.Contains(own, r.Measure) {
			read = append(read, r)
		}
	}
	for _, own := range own {
		if value, reads := e.Values[own]; reads {
			r := incident.Reading{Measure: own, Value: value}
			if level, whole := value.(int); whole {
				r.Value = float64(level)
			}
			read = append(read, r)
		}
	}
	return e, read
}
