package response

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// # Watchdogs
//
// A rule of the plan with a watchdog matches an alert that always fires, by which a
// monitoring system shows that it lives. Such an alert is not kept with the others:
// that it came is a document of the journal, watchdog/<rule>, renewed at most ten
// times in the rule's span. It is missed at a due instant, the span after it last came
// or, if it never did, after the plan came in force. Then the alert "monitoring silent"
// opens, of source holdfast and started at that instant, so that any number of nodes
// and restarts open one; it is resolved when the watchdog comes again, or when the plan
// in force has no such rule any more. A node that has just begun listens for a while
// before it judges, since it could not hear.
const (
	ownSource    = "holdfast"
	silentName   = "MonitoringSilent"
	watchdogName = "watchdog"
	watchdogKey  = "watchdog/"
	// listening is how long a node listens at least after its start.
	listening = 30 * time.Second
	// lookAgain is when at the latest the loop looks again: the plan may be another, and
	// a clock that was set is noticed.
	lookAgain = 5 * time.Second
)

// Heard keeps when watchdogs came. The zero value is empty.
type Heard struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (h *Heard) get(rule string) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at[rule]
}

func (h *Heard) set(rule string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.at == nil {
		h.at = map[string]time.Time{}
	}
	if at.After(h.at[rule]) {
		h.at[rule] = at
	}
}

// Watchdog is how one stands.
type Watchdog struct {
	Rule string
	Span time.Duration
	// Heard is when it last came; zero if it never did.
	Heard time.Time
	// Due is when it is missed.
	Due time.Time
	// Silent is the alert that is open because it was missed, "" if none is.
	Silent string
}

// heardBody is the document of a watchdog.
type heardBody struct {
	Heard time.Time `json:"heard"`
}

// Deliver stores what a sender delivered; a watchdog among it counts as heard. When
// it returns without an error, all of it is stored.
func (s *Service) Deliver(ctx context.Context, by holdfast.Actor, d alert.Delivery) error {
	heard := map[string]rule{}
	if dogs := s.dogs(s.Desk.Now()); len(dogs) > 0 {
		list := s.currentRules(s.Desk.Now())
		d.Members = slices.DeleteFunc(slices.Clone(d.Members), func(in alert.Incoming) bool {
			r, ok := matching(list, &alert.Alert{Incoming: in})
			if !ok || r.Watchdog == 0 {
				return false
			}
			if !in.Resolved {
				heard[r.ID] = r
			}
			return true
		})
	}
	if err := (&alert.Service{Desk: s.Desk, Book: s.Alerts}).Deliver(ctx, by, d); err != nil {
		return err
	}
	for _, r := range heard {
		if err := s.hear(ctx, by, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) currentRules(now time.Time) (list []rule) {
	s.Desk.State.View(func() {
		if p, ok := s.Plans.Current("", now); ok {
			list = s.rules.of(p)
		}
	})
	return list
}

// dogs lists the rules with a watchdog, and since when the plan is in force.
func (s *Service) dogs(now time.Time) (list []Watchdog) {
	s.Desk.State.View(func() {
		p, ok := s.Plans.Current("", now)
		if !ok {
			return
		}
		for _, r := range p.Plan().Alerts {
			if r.Watchdog == 0 {
				continue
			}
			w := Watchdog{Rule: r.ID, Span: r.Watchdog.D(), Heard: s.Heard.get(r.ID)}
			from := w.Heard
			if p.InForce.After(from) {
				from = p.InForce
			}
			w.Due = from.Add(w.Span)
			if a := s.Alerts.Open(ownSource, watchdogKey+r.ID); a != nil {
				w.Silent = a.ID
			}
			list = append(list, w)
		}
	})
	return list
}

// Watchdogs tells how each watchdog of the plan in force stands.
func (s *Service) Watchdogs(ctx context.Context) ([]Watchdog, error) {
	if err := s.recall(ctx); err != nil {
		return nil, err
	}
	return s.dogs(s.Desk.Now()), nil
}

// hear notes that a watchdog came.
func (s *Service) hear(ctx context.Context, by holdfast.Actor, r rule) error {
	now := s.Desk.Now()
	if last := s.Heard.get(r.ID); now.Sub(last) > r.Watchdog.D()/10 {
		if err := s.writeHeard(ctx, r.ID, now); err != nil {
			return err
		}
	}
	s.Heard.set(r.ID, now)
	return s.endSilence(ctx, by, r.ID)
}

func (s *Service) writeHeard(ctx context.Context, ruleID string, now time.Time) error {
	content, err := json.Marshal(heardBody{now.UTC()})
	if err != nil {
		return err
	}
	d := journal.Document{Key: watchdogKey + ruleID, Body: content}
	stored, err := s.Documents.Document(ctx, d.Key)
	switch {
	case err == nil:
		d.Revision = stored.Revision
	case holdfast.CodeOf(err) != holdfast.NotFound:
		return err
	}
	if _, err = s.Documents.PutDocument(ctx, d); holdfast.CodeOf(err) == holdfast.Conflict {
		return nil // another node has heard it just now
	}
	return err
}

// recall reads what other nodes have heard.
func (s *Service) recall(ctx context.Context) error {
	for _, w := range s.dogs(s.Desk.Now()) {
		d, err := s.Documents.Document(ctx, watchdogKey+w.Rule)
		if holdfast.CodeOf(err) == holdfast.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		var b heardBody
		if json.Unmarshal(d.Body, &b) == nil { // what cannot be read is as if it were lost
			s.Heard.set(w.Rule, b.Heard)
		}
	}
	return nil
}

// endSilence resolves the alert of a watchdog, if it is open.
func (s *Service) endSilence(ctx context.Context, by holdfast.Actor, ruleID string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		a := s.Alerts.Open(ownSource, watchdogKey+ruleID)
		if a == nil {
			return nil, nil
		}
		in := a.Incoming
		in.Resolved, in.EndsAt = true, now.UTC()
		return alert.Receive(a, in), nil
	})
}

// RunWatchdogs opens the alert of each watchdog that is missed, until ctx ends.
func (s *Service) RunWatchdogs(ctx context.Context) error {
	begun := s.Desk.Now()
	for {
		next, err := s.watchdogs(ctx, begun)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("the watchdogs cannot be looked at now", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(lookAgain, max(time.Second, next.Sub(s.Desk.Now())))):
		}
	}
}

// watchdogs does what is due and returns when to look again.
func (s *Service) watchdogs(ctx context.Context, begun time.Time) (next time.Time, err error) {
	now := s.Desk.Now()
	next = now.Add(lookAgain)
	if err := s.endForgotten(ctx); err != nil {
		return next, err
	}
	dogs := s.dogs(now)
	if !slices.ContainsFunc(dogs, func(w Watchdog) bool { return w.Silent == "" && !w.judged(begun).After(now) }) {
		return soonest(dogs, begun, next), nil
	}
	if err := s.recall(ctx); err != nil {
		return next, err
	}
	for _, w := range s.dogs(now) {
		if w.Silent != "" || w.judged(begun).After(now) {
			continue
		}
		if err := s.do(ctx, holdfast.Self(watchdogName), func(now time.Time) ([]journal.Draft, error) { return s.miss(w, now), nil }); err != nil {
			return next, err
		}
	}
	return soonest(s.dogs(now), begun, next), nil
}

// judged is when a node that began at an instant finds a watchdog missed.
func (w Watchdog) judged(begun time.Time) time.Time {
	if at := begun.Add(min(listening, w.Span)); at.After(w.Due) {
		return at
	}
	return w.Due
}

func soonest(dogs []Watchdog, begun, next time.Time) time.Time {
	for _, w := range dogs {
		if at := w.judged(begun); w.Silent == "" && at.Before(next) {
			next = at
		}
	}
	return next
}

// miss opens the alert of a watchdog that is missed.
func (s *Service) miss(w Watchdog, now time.Time) []journal.Draft {
	p, ok := s.Plans.Current("", now)
	if !ok || s.Alerts.Open(ownSource, watchdogKey+w.Rule) != nil {
		return nil
	}
	i := slices.IndexFunc(p.Plan().Alerts, func(r plan.AlertRule) bool { return r.ID == w.Rule && r.Watchdog != 0 })
	if i < 0 {
		return nil
	}
	lang := p.Plan().Language
	words := locale.For(lang)
	in := alert.Incoming{
		Source: ownSource, Fingerprint: watchdogKey + w.Rule, StartsAt: w.Due.UTC(),
		Labels: map[string]string{"alertname": silentName, watchdogName: w.Rule},
		Annotations: map[string]string{
			"summary":     words.T("alert.silent", "rule", w.Rule),
			"description": words.T("alert.silent-since", "span", words.Span(w.Span)) + "\n" + p.Plan().Alerts[i].Why.In(lang),
		},
	}
	return alert.Receive(s.Alerts.Alert(in.ID()), in)
}

// endForgotten resolves the alerts of watchdogs that the plan in force does not have.
func (s *Service) endForgotten(ctx context.Context) error {
	var forgotten []string
	now := s.Desk.Now()
	dogs := s.dogs(now)
	s.Desk.State.View(func() {
		for _, a := range s.Alerts.Firing(ownSource) {
			id, ok := strings.CutPrefix(a.Fingerprint, watchdogKey)
			if ok && !slices.ContainsFunc(dogs, func(w Watchdog) bool { return w.Rule == id }) {
				forgotten = append(forgotten, id)
			}
		}
	})
	for _, id := range forgotten {
		if err := s.endSilence(ctx, holdfast.Self(watchdogName), id); err != nil {
			return err
		}
	}
	return nil
}
