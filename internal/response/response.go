// Package response is the flow from the first alert to the debrief (R4): it
// holds the order of steps across alerts, incidents, directives, notices and
// the plan, and no rule that belongs to one of them.
//
//	alert or report ─▶ suspected incident ─▶ confirmed at a level
//	   ─▶ the level's stages, each with its tasks:
//	      notices go out (package callout) ─▶ payments are stopped (directive)
//	      ─▶ the team is convened ─▶ the fault is handled
//	      ─▶ probes pass, payments return in steps (ramp) ─▶ debrief
//
// A person acts through [Service]. What follows by itself is done by
// [Service.Run], which looks at the state, not at events: it suspects incidents
// from alerts that the plan's rules match, ends tasks whose action has succeeded,
// records limits that are at risk or breached, and passes tasks that nobody took to
// their deputies. Every control node may run it; the journal takes each step once.
package response

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/authority"
	"holdfast/internal/callout"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/ramp"
	"holdfast/internal/reconciliation"
	"holdfast/internal/roster"
	"holdfast/internal/traffic"
)

// Prober runs one probe of a plan for an incident.
type Prober interface {
	Probe(ctx context.Context, p plan.Probe, incident string) incident.ProbeRan
}

// Service carries out acts on incidents. The caller has checked that the actor
// may act; that a second person is one is checked by the nouns.
type Service struct {
	Desk       *journal.Desk
	Incidents  *incident.Book
	Alerts     *alert.Book
	Plans      *plan.Book
	Directives *directive.Book
	Gates      *enrolment.Book
	Notices    *notify.Book
	Sender     *notify.Service
	Roster     *roster.Book
	Authority  authority.Nouns
	Series     *traffic.Series
	// Sources tells which advice source each process of a gate names, by boot id; nil
	// knows none.
	Sources func() map[string]string
	// Fences tells what each process of a gate says of its fence; nil knows none.
	Fences   func() map[string]directive.Fence
	Timeline *Timeline
	// Obligations have the moments of an incident that people set; nil has none.
	Obligations *obligation.Book
	// Stage says who is to tell next what became of a payment of unknown outcome, as its
	// screen does; nil says nothing. It is called under the state's lock.
	Stage      func(enrolment.Unknown) string
	Prober     Prober
	Automation Automation
	// Zone is the operator's: the plan's bands are times of its clock. Nil is UTC.
	Zone *time.Location
	// ClosedOut reports whether the close-out of a stand-in was signed, or none is needed
	// since no gate stood in by it. Nil knows of
	// none. It is called under the state's lock.
	ClosedOut func(directive string) bool
	// Lost says what was lost track of of a stand-in whose source is gone for good; false
	// of any other. Nil knows of none. It is called under the state's lock.
	Lost func(directive string) ([]reconciliation.Untraced, bool)
	// Documents keep when watchdogs were heard.
	Documents journal.Documents
	Log       *slog.Logger

	Heard    Heard
	Debriefs Debriefs

	rules    rules
	judged   judged
	branches conditions
	waited   judged
}

type decision func(now time.Time) ([]journal.Draft, error)

func (s *Service) do(ctx context.Context, by holdfast.Actor, decide decision) error {
	_, err := s.Desk.Do(ctx, by, decide)
	return err
}

// maxAlerts is how many alerts one act takes: each is a fact of the same append.
const maxAlerts = 500

// Suspect opens an incident from alerts that nobody has dealt with, or from
// none. It returns the incident's id.
func (s *Service) Suspect(ctx context.Context, by holdfast.Actor, title string, alerts []string) (id string, err error) {
	alerts = slices.Compact(slices.Sorted(slices.Values(alerts)))
	if len(alerts) > maxAlerts {
		return "", holdfast.Errorf(holdfast.TooLarge, "at most %d alerts at once; attach the others to the incident", maxAlerts).At("alerts")
	}
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(s.Incidents, incident.SuspectedFact{Title: title, Titles: s.titlesOf(title, alerts), Alerts: alerts, Cause: s.causeOf(alerts, now)}, now)
		if err != nil {
			return nil, err
		}
		return s.attach(drafts, id, "", alerts)
	})
	return id, err
}

func (s *Service) attach(drafts []journal.Draft, id, rule string, alerts []string) ([]journal.Draft, error) {
	for _, a := range alerts {
		more, err := alert.Attach(s.Alerts.Alert(a), id, rule, nil)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, more...)
	}
	return drafts, nil
}

// Attach joins an alert to an incident that is not over.
func (s *Service) Attach(ctx context.Context, by holdfast.Actor, id, alertID string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		drafts, err := incident.AddAlert(s.Incidents.Incident(id), incident.AlertAdded{Alert: alertID})
		if err != nil {
			return nil, err
		}
		drafts, err = s.attach(drafts, id, "", []string{alertID})
		return s.voiding(drafts, err, "incident.alert-added", id)
	})
}

// Confirm sets the level of a suspected incident and starts the procedure that
// the published plan has for it.
func (s *Service) Confirm(ctx context.Context, by holdfast.Actor, id string, level holdfast.Level, note string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		p, ok := s.Plans.Current("", now)
		if !ok {
			return nil, holdfast.Errorf(holdfast.Conflict, "no plan is published, so there is no procedure to run")
		}
		proc, ok := p.Plan().Procedure(level)
		if !ok {
			return nil, holdfast.Errorf(holdfast.Invalid, "the plan in force has no procedure for level %s", level).At("level")
		}
		ref := incident.PlanRef{ID: p.ID, Revision: p.Number, Hash: p.Hash}
		in := s.Incidents.Incident(id)
		if in == nil {
			return incident.Confirm(nil, level, ref, proc, note)
		}
		return incident.Confirm(in, level, ref, proc, note, s.seen(in, now)...)
	})
}

// Dismiss ends a suspicion that was none.
func (s *Service) Dismiss(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		if in != nil && in.State == incident.Suspected {
			if err := s.nothingHeld(id); err != nil {
				return nil, err
			}
		}
		return incident.Dismiss(in, reason)
	})
}

// Take says that the actor does a task.
func (s *Service) Take(ctx context.Context, by holdfast.Actor, id, task string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.Take(in, task, by) })
}

// Done ends a task that a person did.
func (s *Service) Done(ctx context.Context, by holdfast.Actor, id, task, note string, evidence []incident.Evidence) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.Done(in, task, note, evidence)
	})
}

// Note adds to the timeline.
func (s *Service) Note(ctx context.Context, by holdfast.Actor, id, task, text string, evidence []incident.Evidence) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.Note(in, task, text, evidence)
	})
}

// EndStage ends a stage without tasks.
func (s *Service) EndStage(ctx context.Context, by holdfast.Actor, id string, k procedure.StageKind, note string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.EndStage(in, k, note) })
}

// AskSkip asks for a stage to be skipped.
func (s *Service) AskSkip(ctx context.Context, by holdfast.Actor, id string, k procedure.StageKind, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.AskSkip(in, k, reason) })
}

// AnswerSkip is the second person's answer to the wish to skip a stage.
func (s *Service) AnswerSkip(ctx context.Context, by holdfast.Actor, id string, k procedure.StageKind, granted bool, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		if granted {
			return incident.GrantSkip(in, k, by)
		}
		return incident.RefuseSkip(in, k, reason)
	})
}

// Close ends an incident, keeping its figures as they are now.
func (s *Service) Close(ctx context.Context, by holdfast.Actor, id string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		if in == nil {
			return incident.Close(in, incident.Figures{}, nil)
		}
		if err := s.nothingHeld(id); err != nil {
			return nil, err
		}
		return incident.Close(in, s.Figures(in), s.Debriefs.Ready)
	})
}

// nothingHeld refuses to end an incident that leaves a directive behind: in
// force, or still to be answered and then in force for an incident that is over; or
// payments that nobody has accounted for. Those of incidents that were merged into it
// are its own.
func (s *Service) nothingHeld(id string) error {
	whole := s.Incidents.Whole(id)
	for _, part := range whole {
		if held := s.Directives.InForce(part); len(held) > 0 {
			return holdfast.Errorf(holdfast.Conflict, "directive %s of incident %s is still in force; lift it before the incident is closed", held[0].ID, part)
		}
	}
	for _, d := range s.Directives.All() {
		if slices.Contains(whole, d.Incident) && d.State == directive.Proposed {
			return holdfast.Errorf(holdfast.Conflict, "directive %s of incident %s waits for approval; approve or refuse it before the incident is closed", d.ID, d.Incident)
		}
	}
	return s.closedOut(whole)
}

func (s *Service) on(ctx context.Context, by holdfast.Actor, id string, decide func(*incident.Incident) ([]journal.Draft, error)) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return decide(s.Incidents.Incident(id)) })
}

// Direct proposes the directive that a task of the procedure names, and puts it
// in force if the plan pre-authorises it. It returns the directive's id.
func (s *Service) Direct(ctx context.Context, by holdfast.Actor, id, task string) (ordered string, err error) {
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		in := s.Incidents.Incident(id)
		t, err := in.OpenTask(task)
		if err != nil {
			return nil, err
		}
		if t.Directive == nil {
			return nil, holdfast.Errorf(holdfast.Invalid, "task %s names no directive", task)
		}
		for _, d := range s.Directives.All() {
			if d.Incident == id && d.Task == task && (d.State == directive.Proposed || d.State == directive.InForce) {
				return nil, holdfast.Errorf(holdfast.Conflict, "directive %s of this task is %s already", d.ID, d.State)
			}
		}
		if d := s.standing(in, t); d != nil {
			return nil, holdfast.Errorf(holdfast.Conflict, "directive %s of incident %s is in force and does what this task would do", d.ID, id)
		}
		p, err := s.proposal(in, t, now)
		if err != nil {
			return nil, err
		}
		ordered, drafts, err = directive.Propose(s.Directives, p, t.Directive.PreAuthorised, s.gateProcesses())
		return drafts, err
	})
	return ordered, err
}

func (s *Service) proposal(in *incident.Incident, t procedure.Task, now time.Time) (directive.Proposal, error) {
	lang := holdfast.ZhHant
	if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
		lang = rev.Plan().Language
	}
	d := t.Directive
	p := directive.Proposal{
		Kind: posture.Kind(d.Kind), Scope: d.Scope, Share: d.Percent / 100, Rate: d.RatePerSecond,
		Incident: in.ID, Task: t.ID, Drain: d.Drain.D(), Reason: cmp.Or(d.Reason.In(lang), in.TitleIn(lang)),
	}
	switch d.Kind {
	case procedure.DirectiveStandIn:
		by, err := s.temporary(StandInWish{Temporary: d.Temporary, Incident: in.ID}, now)
		if err != nil {
			return p, err
		}
		p.Scope, p.StandIn = by.Scope, StandInBy(by, d.Planned)
	case procedure.DirectiveReroute:
		by, err := s.reroute(d.Temporary, in.ID, now)
		if err != nil {
			return p, err
		}
		p.Scope, p.Reroute = by.Scope, RerouteBy(by)
	}
	return p, nil
}

// RampTo brings payments to a step of the task's ramp: 0 is stopped. seen is the
// position of the posture that the actor looked at, or 0.
func (s *Service) RampTo(ctx context.Context, by holdfast.Actor, id, task string, step int, seen holdfast.Position) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in := s.Incidents.Incident(id)
		return ramp.To(s.hands(in), in, task, step, seen, now)
	})
}

func (s *Service) hands(in *incident.Incident) ramp.Hands {
	h := ramp.Hands{Directives: s.Directives, Gates: s.gateProcesses(), Unsigned: func(id string) []string {
		return s.ToCloseOut(s.Incidents.Whole(id))
	}}
	if in != nil {
		h.Times = ramp.Times(s.Plans, in)
	}
	return h
}

// KeepRamp keeps payments on the step that the actor looked at and has it judged anew.
func (s *Service) KeepRamp(ctx context.Context, by holdfast.Actor, id, task string, step int, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
		return incident.KeepRamp(in, task, step, reason)
	})
}

// CloseRamp closes a ramp out.
func (s *Service) CloseRamp(ctx context.Context, by holdfast.Actor, id, task, note string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in := s.Incidents.Incident(id)
		return ramp.CloseOut(s.hands(in), in, task, note, s.Gates.UnresolvedCount(), by, now)
	})
}

// Probe runs the probes of a task once and records what they showed.
func (s *Service) Probe(ctx context.Context, by holdfast.Actor, id, task string) ([]incident.ProbeRan, error) {
	probes, err := s.probesOf(id, task)
	if err != nil {
		return nil, err
	}
	var results []incident.ProbeRan
	for _, p := range probes {
		if len(results) > 0 && s.taskClosed(id, task) {
			break // what the others have shown before, with this result, was enough
		}
		r := s.Prober.Probe(ctx, p, id)
		results = append(results, r)
		if err := s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) {
			return incident.Probed(in, task, r, func(probe string) int { return timesOf(probes, probe) })
		}); err != nil {
			return results, err
		}
	}
	return results, nil
}

func (s *Service) taskClosed(id, task string) (closed bool) {
	s.Desk.State.View(func() { closed = s.Incidents.Incident(id).Tasks[task].Status.Closed() })
	return closed
}

func (s *Service) probesOf(id, task string) (probes []plan.Probe, err error) {
	s.Desk.State.View(func() {
		in := s.Incidents.Incident(id)
		t, openErr := in.OpenTask(task)
		if openErr != nil {
			err = openErr
			return
		}
		rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision)
		if len(t.Probes) == 0 || !ok {
			err = holdfast.Errorf(holdfast.Invalid, "task %s names no probes", task)
			return
		}
		for _, name := range t.Probes {
			if p, ok := rev.Plan().Probe(name); ok {
				probes = append(probes, p)
			}
		}
	})
	return probes, err
}

func timesOf(probes []plan.Probe, id string) int {
	for _, p := range probes {
		if p.ID == id {
			return p.Times
		}
	}
	return 1
}

func (s *Service) gateProcesses() []string {
	return (&directive.Service{Gates: s.Gates}).GateProcesses()
}

// Run does what follows by itself, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, end := s.Desk.State.WatchFacts(func(f holdfast.Fact) bool { return !notify.OfAttempt(f) || notify.Arrived(f) })
	defer end()
	for {
		if err := s.follow(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("the response cannot go on now", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-watch:
		case <-time.After(s.lookAgain(5 * time.Second)): // a limit is due, or a step failed
		}
	}
}

// follow takes every step that is due. Each is decided anew on the state it is
// written against, so a step that another node took meanwhile is not taken twice.
func (s *Service) follow(ctx context.Context) error {
	by := holdfast.Self("response")
	if err := s.group(ctx, by); err != nil {
		return err
	}
	for _, next := range []decision{s.endTasks, s.tellLimits} {
		if err := s.do(ctx, by, next); err != nil {
			return err
		}
	}
	if err := s.judgeLevels(ctx, by); err != nil {
		return err
	}
	for _, next := range []decision{s.takeBranches, s.watchConditions} {
		if err := s.do(ctx, by, next); err != nil {
			return err
		}
	}
	return nil
}

// endTasks ends the tasks whose action has succeeded.
func (s *Service) endTasks(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.Open() {
		for i, stage := range in.Procedure.Stages {
			if in.Stages[i].Status != procedure.Open {
				continue
			}
			for _, t := range stage.Tasks {
				if note, ok := s.succeeded(in, stage.Kind, t, now); ok && in.Tasks[t.ID].Status == procedure.Open {
					return incident.Succeed(in, t.ID, note), nil
				}
			}
		}
	}
	return nil, nil
}

// carried reports whether a directive does what it is for: it is confirmed, and a
// stand-in was opened.
func carried(d *directive.Directive) bool {
	return d.Confirmation != nil && (d.StandIn == nil && d.Reroute == nil || d.Opening != nil)
}

func (s *Service) succeeded(in *incident.Incident, stage procedure.StageKind, t procedure.Task, now time.Time) (note string, ok bool) {
	switch {
	case t.Directive != nil:
		for _, d := range s.Directives.All() {
			// One that was lifted before the task opened is of an earlier phase.
			if d.Incident == in.ID && d.Task == t.ID && carried(d) && (d.State == directive.InForce || !d.IssuedAt.Before(in.Tasks[t.ID].Opened)) {
				return "directive " + d.ID + " is confirmed", true
			}
		}
		if d := s.standing(in, t); d != nil && carried(d) {
			return "directive " + d.ID + " is confirmed", true
		}
	case t.Notice != nil:
		return callout.Succeeded(s.Notices, s.Roster, in, stage, t, now)
	}
	return "", false
}
