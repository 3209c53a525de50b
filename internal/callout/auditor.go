package callout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/journal"
)

// Auditor watches that what is due to people comes to pass: it looks at the facts
// every few seconds, keeps what it found for the screens, states what is missing or
// came late as an alert of source "holdfast", and calls an outside dead-man's switch
// as long as nothing is missing and the journal can be written. Who stops hearing of
// it knows that something is wrong here, whatever it is.
type Auditor struct {
	Callout *Service
	Journal journal.Journal
	Alerts  *alert.Service
	// Beat calls the dead-man's switch; nil if there is none.
	Beat func(ctx context.Context) error
	// Every is the time between calls of it.
	Every time.Duration
	Log   *slog.Logger
	Now   func() time.Time

	mu   sync.Mutex
	last Audited
	seen map[string]bool // what was missing at the last look
	beat time.Time
}

// Audited is what the auditor found last.
type Audited struct {
	// At is zero if it has not looked yet.
	At time.Time `json:"at"`
	// Findings lists what is missing, then what came late, of open incidents.
	Findings []Finding `json:"findings"`
	// DeadMan says whether there is a dead-man's switch; Beat is when it was called
	// last, and BeatFailed why the last call failed.
	DeadMan    bool      `json:"dead_man"`
	Beat       time.Time `json:"beat,omitzero"`
	BeatFailed string    `json:"beat_failed,omitempty"`
}

// Missing counts what has not come to pass.
func (r Audited) Missing() (n int) {
	for _, f := range r.Findings {
		if f.Missing() {
			n++
		}
	}
	return n
}

// Source is that of the auditor's alerts.
const Source = "holdfast"

// Names of the auditor's alerts.
const (
	Missing = "HoldfastMissing"
	Late    = "HoldfastLate"
)

// lookEvery is the time between looks.
const lookEvery = 5 * time.Second

// Report returns what was found last.
func (a *Auditor) Report() Audited {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// Run looks until ctx ends.
func (a *Auditor) Run(ctx context.Context) error {
	for {
		a.Look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// Look looks once.
func (a *Auditor) Look(ctx context.Context) {
	now := a.Now()
	var findings []Finding
	a.Callout.State.View(func() { findings = a.Callout.Audit(now, Tolerance) })
	if heard := a.Callout.Heard(); !heard.IsZero() && now.Sub(heard).Abs() > Tolerance {
		findings = append([]Finding{{Kind: LoopDue, Due: heard.Add(retryAfter)}}, findings...)
	}
	well := Audited{Findings: findings}.Missing() == 0
	findings = a.settle(findings)
	if err := a.alert(ctx, findings); err != nil && ctx.Err() == nil {
		a.Log.Warn("what the auditor found cannot be recorded now", "error", err)
	}
	a.mu.Lock()
	a.last.At, a.last.Findings, a.last.DeadMan = now, findings, a.Beat != nil
	a.mu.Unlock()
	if a.Beat != nil && well && (!now.Before(a.beat.Add(a.Every)) || a.beat.After(now)) {
		a.call(ctx, now)
	}
}

// settle leaves out what is missing for the first time: who has just come onto the
// roster is told in a moment, however long ago the task opened, and what was due while
// nothing ran comes to pass in a moment after the start. All is not well meanwhile.
func (a *Auditor) settle(found []Finding) (settled []Finding) {
	seen := map[string]bool{}
	for _, f := range found {
		if f.Missing() {
			seen[f.key()] = true
		}
		if !f.Missing() || f.Kind == LoopDue || a.seen[f.key()] {
			settled = append(settled, f)
		}
	}
	a.seen = seen
	return settled
}

func (a *Auditor) call(ctx context.Context, now time.Time) {
	ctx, stop := context.WithTimeout(ctx, beatLimit)
	defer stop()
	failed := ""
	if _, err := a.Journal.Barrier(ctx); err != nil {
		failed = "the journal cannot be written: " + err.Error()
	} else if err := a.Beat(ctx); err != nil {
		failed = err.Error()
		a.Log.Warn("the dead-man's switch was not reached", "error", err)
	}
	a.beat = now
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last.BeatFailed = failed; failed == "" {
		a.last.Beat = now
	}
}

// beatLimit bounds one call of the dead-man's switch.
const beatLimit = 10 * time.Second

// alert states what is new: what is missing fires until it has come to pass; what
// came late is received as something that is over.
func (a *Auditor) alert(ctx context.Context, findings []Finding) error {
	var members []alert.Incoming
	firing := map[string]bool{}
	for _, f := range findings {
		in := f.alert()
		firing[in.ID()] = f.Missing()
		members = append(members, in)
	}
	a.Callout.State.View(func() {
		for _, known := range a.Alerts.Book.All() {
			if known.Source == Source && known.Firing && !firing[known.ID] {
				over := known.Incoming
				over.Resolved, over.EndsAt = true, a.Now().UTC()
				members = append(members, over)
			}
		}
	})
	if len(members) == 0 {
		return nil
	}
	return a.Alerts.Deliver(ctx, holdfast.Self("auditor"), alert.Delivery{Members: members})
}

// alert is a finding as an alert.
func (f Finding) alert() alert.Incoming {
	name, summary := Missing, "Something that was due to people has not come to pass"
	if !f.Missing() {
		name, summary = Late, "Something that was due to people came to pass late"
	}
	labels := map[string]string{"alertname": name, "severity": "warning", "kind": string(f.Kind)}
	for key, value := range map[string]string{"incident": f.Incident, "task": f.Task, "person": f.Person, "what": f.What} {
		if value != "" {
			labels[key] = value
		}
	}
	in := alert.Incoming{
		Source: Source, Fingerprint: name + "/" + f.key(), StartsAt: f.Due.UTC().Truncate(time.Microsecond),
		Labels: labels, Annotations: map[string]string{"summary": summary},
	}
	if !f.Missing() {
		in.Resolved, in.EndsAt = true, f.Done.UTC()
	}
	return in
}
