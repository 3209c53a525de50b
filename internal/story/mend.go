package story

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"holdfast/internal/access"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/debrief"
	"holdfast/internal/incident"
	"holdfast/internal/view"
)

// From the emergency team to the debrief.

// notes are what people write when they end a task by hand.
var notes = map[string]string{
	"decide-course":     "The gates stand in for small payments; others wait. Technology restores the primary; operations list what is unknown; next meeting in 30 minutes.",
	"establish-extent":  "All channels, all customers, since the alert. No sign of an attack or a leak.",
	"tell-customers":    "A statement is published: small payments go on, others wait, no money is lost, beware of fraud.",
	"report-outside":    "Reported to the regulator by phone and in writing; the receipt is on file.",
	"agree-reopening":   "Cause known, repair verified by a second person, unknown payments settled one by one.",
	"reconcile":         "Counts and amounts agree with the primary; no difference.",
	"assemble-timeline": "Timeline and figures are taken from the record.",
	"find-causes":       "Direct cause: the primary's process ended. Root cause: no second instance was ready.",
	"set-improvements":  "See the debrief.",
}

// done ends a task by hand.
func (s *story) done(ctx context.Context, by *client.Client, task string, files ...incident.Evidence) error {
	note := notes[task]
	if note == "" {
		note = "Done."
	}
	if err := by.Do(ctx, http.MethodPost, s.path("/tasks/"+task+"/take"), nil, nil); err != nil {
		return err
	}
	if err := by.Do(ctx, http.MethodPost, s.path("/tasks/"+task+"/done"), api.Done{Note: note, Evidence: files}, nil); err != nil {
		return err
	}
	s.say("%s: %s", task, note)
	return nil
}

// finish ends every task of a stage that a person ends and nobody has ended, also
// those that open as others end.
func (s *story) finish(ctx context.Context, by *client.Client, stage string) error {
	for {
		if err := s.refresh(ctx); err != nil {
			return err
		}
		open := s.openByHand(stage)
		if len(open) == 0 {
			return nil
		}
		for _, task := range open {
			if err := s.done(ctx, by, task); err != nil {
				return fmt.Errorf("task %s: %w", task, err)
			}
		}
	}
}

func (s *story) openByHand(stage string) (open []string) {
	for _, st := range s.in.Stages {
		for _, t := range st.Tasks {
			if st.Kind == stage && t.Kind == "manual" && t.Status == "open" {
				open = append(open, t.ID)
			}
		}
	}
	return open
}

func (s *story) convene(ctx context.Context) error {
	const task = "convene-team"
	if err := s.until(ctx, "the convening of the team", func(ctx context.Context) (bool, error) {
		err := s.refresh(ctx)
		n := s.task(task).Notice
		return n != nil && len(n.People) > 0, err
	}); err != nil {
		return err
	}
	s.say("%d members of the team are called; %d must acknowledge.", len(s.task(task).Notice.People), s.task(task).Notice.Need)
	if err := s.acknowledge(ctx, s.commander, task, "", ""); err != nil {
		return err
	}
	if err := s.acknowledge(ctx, s.duty, task, "zhao.jishu", "is in the room"); err != nil {
		return err
	}
	if err := s.ended(ctx, task); err != nil {
		return err
	}
	return s.finish(ctx, s.commander, "convene")
}

func (s *story) handle(ctx context.Context) error {
	if err := s.done(ctx, s.commander, "establish-extent"); err != nil {
		return err
	}
	if err := s.world.Do(ctx, http.MethodDelete, "/faults", nil, nil); err != nil {
		return err
	}
	s.say("The primary is repaired and runs again; nothing is forwarded yet.")
	file := strings.NewReader("systemd[1]: primary.service: started again\nprimary: ready, ledger read up to its end\n")
	var log incident.Evidence
	if err := s.duty.Do(ctx, http.MethodPost, "/evidence?name=repair.log&type=text%2Fplain", file, &log); err != nil {
		return err
	}
	notes := "The process was started again; its log is attached."
	in := api.Done{Note: notes, Evidence: []incident.Evidence{log}}
	if err := s.duty.Do(ctx, http.MethodPost, s.path("/tasks/repair/done"), in, nil); err != nil {
		return err
	}
	s.say("repair: %s (%s, %d bytes)", notes, log.Name, log.Size)
	if err := s.clear(ctx); err != nil {
		return err
	}
	return s.finish(ctx, s.duty, "handle")
}

// clear waits until the gates have asked the primary about every payment whose
// outcome was unknown.
func (s *story) clear(ctx context.Context) error {
	left := -1
	if err := s.until(ctx, "an outcome for each unknown payment", func(ctx context.Context) (bool, error) {
		open, err := client.Get[view.Page[unknown]](ctx, s.duty, "/unknowns?limit=1")
		if err == nil && open.Total != left {
			left = open.Total
			s.say("Payments of unknown outcome: %d; the gates inquire at the primary.", left)
		}
		return left == 0, err
	}); err != nil {
		return err
	}
	settled, err := s.settled(ctx)
	if err != nil {
		return err
	}
	s.Unknown = len(settled)
	in := api.Done{Note: fmt.Sprintf("%d payments were unknown; each was asked about and is settled, see holdfast unknowns --settled.", s.Unknown)}
	s.say("clear-unknown: %s", in.Note)
	return s.duty.Do(ctx, http.MethodPost, s.path("/tasks/clear-unknown/done"), in, nil)
}

func (s *story) probe(ctx context.Context) error {
	const task = "test-functions"
	return s.until(ctx, "the passing of all probes", func(ctx context.Context) (bool, error) {
		ran, err := client.Post[[]incident.ProbeRan](ctx, s.duty, s.path("/tasks/"+task+"/probe"), nil)
		if err != nil {
			return false, err
		}
		for _, r := range ran {
			verdict := "passed"
			if !r.Passed {
				verdict = "FAILED"
			}
			s.say("%s %s: %s", r.Probe, verdict, r.Detail)
		}
		err = s.refresh(ctx)
		return s.task(task).Status == "done", err
	})
}

// enforced waits until what the incident has in force is confirmed.
func (s *story) enforced(ctx context.Context) error {
	if err := s.refresh(ctx); err != nil {
		return err
	}
	for _, d := range s.in.Directives {
		if d.State != "in-force" {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, patience)
		_, err := s.duty.AwaitConfirmed(wait, d.ID)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *story) debrief(ctx context.Context) error {
	if err := s.finish(ctx, s.commander, "review"); err != nil {
		return err
	}
	if err := s.ended(ctx, "all-clear"); err != nil {
		return err
	}
	s.say("The all clear has reached %d people.", len(s.task("all-clear").Notice.People))
	if err := s.writeDebrief(ctx); err != nil {
		return err
	}
	if err := s.signDebrief(ctx); err != nil {
		return err
	}
	if err := s.commander.Do(ctx, http.MethodPost, s.path("/close"), nil, nil); err != nil {
		return err
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	f := s.in.Figures
	s.say("Incident %s is closed. From alert to stop confirmed: %v; to recovery: %v. Declined meanwhile: %d attempts.",
		s.Incident, span(f.Detected, f.StopConfirmed), span(f.Detected, f.Recovered), f.Declined)
	return nil
}

func span(from, to time.Time) time.Duration { return to.Sub(from).Round(100 * time.Millisecond) }

// writeDebrief says what happened, asks why twice, and what will change.
func (s *story) writeDebrief(ctx context.Context) error {
	text := func(t string) *string { return &t }
	sheet := debrief.Sheet{
		Summary: text("The primary lost answers and then went down. Payments were stopped, then the gates stood in for small ones; the primary was repaired, what was stood in for was forwarded, every unknown payment was settled, and payments came back in four steps, of which one was taken back by itself when the primary failed again."),
		Well:    text("The gates' own counts raised the alert within seconds, and the stop was confirmed by every gate."),
		Badly:   text("One of two gates had nowhere to keep decisions, so that its payments were held while the other stood in."),
		Lucky:   text("It happened at an hour with few payments."),
	}
	if err := s.commander.Do(ctx, http.MethodPut, s.path("/debrief"), sheet, nil); err != nil {
		return err
	}
	why := debrief.CauseForm{Why: "The primary's process ended.", Kind: debrief.Contributing, Class: "equipment", Evidence: []debrief.Evidence{{Text: "The gates counted no answer from it from then on."}}}
	first, err := client.Post[client.Created](ctx, s.commander, s.path("/debrief/causes"), why)
	if err != nil {
		return err
	}
	why = debrief.CauseForm{Parent: first.ID, Why: "No second instance was ready to take over.", Kind: debrief.Root, Class: "capacity", Evidence: []debrief.Evidence{{Text: "The configuration names one address of the primary."}}}
	if err := s.commander.Do(ctx, http.MethodPost, s.path("/debrief/causes"), why, nil); err != nil {
		return err
	}
	better := debrief.ImprovementForm{What: "Run a second instance of the primary", Owner: "zhao.jishu", Due: s.Now().AddDate(0, 1, 0).Format(time.DateOnly), Chapter: "recovery"}
	return s.commander.Do(ctx, http.MethodPost, s.path("/debrief/improvements"), better, nil)
}

// signDebrief has it signed by the commander and a superior, as the plan asks.
func (s *story) signDebrief(ctx context.Context) error {
	superior, leave, err := s.as(ctx, s.Superior, []access.Action{access.Read})
	if err != nil {
		return err
	}
	defer leave()
	if err := s.commander.Do(ctx, http.MethodPost, s.path("/debrief/present"), nil, nil); err != nil {
		return err
	}
	for _, person := range []*client.Client{s.commander, superior} {
		if err := person.Do(ctx, http.MethodPost, s.path("/debrief/sign"), api.Signing{Round: 1}, nil); err != nil {
			return err
		}
	}
	s.say("The commander and a superior have signed the debrief; its figures are frozen.")
	return nil
}
