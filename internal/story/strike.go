package story

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/locale"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/view"
)

// From flowing payments to the confirmed stop.

func (s *story) flow(ctx context.Context) error {
	open, err := client.Get[view.Page[view.Incident]](ctx, s.duty, "/incidents?open=1")
	if err != nil {
		return err
	}
	if len(open.Items) > 0 {
		return holdfast.Errorf(holdfast.Conflict, "incident %s is open: bring it to its end, or start the demo in an empty directory", open.Items[0].ID)
	}
	before, err := s.stats(ctx)
	if err != nil {
		return err
	}
	s.rate = before.Traffic.Rate
	var p view.Posture
	if err := s.until(ctx, "traffic at the gates", func(ctx context.Context) (ok bool, err error) {
		p, err = client.Get[view.Posture](ctx, s.duty, "/posture")
		return p.Traffic.Known && p.Traffic.Done > 0, err
	}); err != nil {
		return err
	}
	s.say("%.0f payments per second are done, through %d gates.", p.Traffic.Done, len(p.Gates))
	return nil
}

// lossSeconds is how long answers are lost before the system is down.
const lossSeconds = 4

func (s *story) fail(ctx context.Context) error {
	loss := fault.Fault{Kind: fault.AnswerLost, Seconds: lossSeconds, Share: 0.3, HoldMS: 1500, Note: "the story: answers are lost"}
	if err := s.world.Do(ctx, http.MethodPost, "/faults", loss, nil); err != nil {
		return err
	}
	s.say("The primary does payments and loses the answers of some: their outcome is unknown to gate and customer.")
	if !pause(ctx, lossSeconds*time.Second) {
		return ctx.Err()
	}
	outage := fault.Fault{Kind: fault.Outage, Seconds: 600, Note: "the story: the payment system is down"}
	if err := s.world.Do(ctx, http.MethodPost, "/faults", outage, nil); err != nil {
		return err
	}
	s.say("The primary is down: connections are refused.")
	return nil
}

func (s *story) detect(ctx context.Context) error {
	// The sandbox's monitor may be first: then the gates' alert joins its incident.
	if err := s.until(ctx, "an incident by the gates' own counts", func(ctx context.Context) (bool, error) {
		open, err := client.Get[view.Page[view.Incident]](ctx, s.duty, "/incidents?open=1")
		if err != nil || len(open.Items) == 0 {
			return false, err
		}
		s.Incident = open.Items[0].ID
		if err := s.refresh(ctx); err != nil {
			return false, err
		}
		for _, a := range s.in.Alerts {
			if a.Source == "gates" {
				return true, nil
			}
		}
		return false, nil
	}); err != nil {
		return err
	}
	for _, a := range s.in.Alerts {
		title := a.Title
		if a.Evidence != nil {
			title = a.Evidence.Title(locale.For(holdfast.En))
		}
		s.say("Alert from %s: %s.", a.Source, title)
	}
	s.say("Incident %s is suspected; the plan's rules suggest level %d.", s.Incident, uint8(s.in.Suggested))
	if e := s.in.Effect; e != nil && e.Known {
		s.say("Confirming level 1 leads to a stop of %.0f payments per second at %d gates.", e.PerSecond, e.Gates)
	}
	return nil
}

func (s *story) confirm(ctx context.Context) error {
	in := api.Confirm{Level: 1, Note: "No payment goes through; two sources agree."}
	if err := s.duty.Do(ctx, http.MethodPost, s.path("/confirm"), in, nil); err != nil {
		return err
	}
	if err := s.refresh(ctx); err != nil {
		return err
	}
	s.say("%s confirms level 1; revision %d of the plan runs.", s.in.ConfirmedBy.Name, s.in.Plan.Revision)
	return nil
}

func (s *story) tell(ctx context.Context) error {
	const task = "tell-superiors"
	if err := s.until(ctx, "the notices to superiors", func(ctx context.Context) (bool, error) {
		err := s.refresh(ctx)
		people := s.task(task).Notice.People
		for _, p := range people {
			if !p.Reached {
				return false, err
			}
		}
		return len(people) > 0, err
	}); err != nil {
		return err
	}
	s.sayTold(task)
	if err := s.readMail(ctx); err != nil {
		return err
	}
	return s.acknowledge(ctx, s.duty, task, "chen.zong", "reached by phone")
}

// sayTold prints who was told by which way.
func (s *story) sayTold(task string) {
	for _, p := range s.task(task).Notice.People {
		var ways []string
		for _, n := range p.Notices {
			ways = append(ways, fmt.Sprintf("%s %s", n.Channel, n.State))
		}
		s.say("%s: %s.", p.Name, strings.Join(ways, ", "))
	}
}

// acknowledge records that a person was told; "" stands for the caller.
func (s *story) acknowledge(ctx context.Context, by *client.Client, task, person, note string) error {
	err := by.Do(ctx, http.MethodPost, s.path("/acknowledge"), api.Acknowledge{Task: task, Person: person, Note: note}, nil)
	if err == nil && person != "" {
		s.say("%s has acknowledged (%s).", person, note)
	} else if err == nil {
		s.say("%s has acknowledged in the console.", s.Second)
	}
	return err
}

// readMail shows the newest mail of the incident in the post office.
func (s *story) readMail(ctx context.Context) error {
	if s.PostOffice == "" {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.PostOffice+"/messages", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return holdfast.Errorf(holdfast.Unavailable, "the post office does not answer").Because(err)
	}
	defer resp.Body.Close()
	var messages []struct {
		By      string   `json:"by"`
		To      []string `json:"to"`
		Subject string   `json:"subject"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&messages); err != nil {
		return fmt.Errorf("read what the post office has: %w", err)
	}
	for _, m := range messages {
		if m.By != "webhook" {
			s.say("In the post office, to %s: %s", strings.Join(m.To, ", "), m.Subject)
			return nil
		}
	}
	return holdfast.Errorf(holdfast.NotFound, "the notice is not in the post office")
}

func (s *story) stop(ctx context.Context) error {
	const task = "stop-payments"
	if err := s.refresh(ctx); err != nil {
		return err
	}
	d := s.task(task).Directive
	s.say("Preview: a stop of scope %s acts on %.0f payments per second at %d gates.", d.Scope, d.Preview.PerSecond, d.Preview.Gates)
	made, err := client.Post[client.Created](ctx, s.duty, s.path("/tasks/"+task+"/direct"), nil)
	if err != nil {
		return err
	}
	s.stopped = made.ID
	s.say("The stop %s is issued: the plan pre-authorises it.", made.ID)
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	stopped, err := s.duty.AwaitConfirmed(wait, made.ID)
	s.sayDirective(stopped)
	return err
}

// sayDirective prints how far a directive is carried out.
func (s *story) sayDirective(d view.Directive) {
	for _, g := range d.Gates {
		if !g.Known {
			s.say("%s: %s; in flight not known.", g.Gate, g.Standing)
			continue
		}
		since := "they drain"
		if g.Drained {
			since = fmt.Sprintf("done %d, not done %d, unknown %d", g.Done, g.NotDone, g.Unknown)
		}
		s.say("%s: %s; in flight at the stop %d: %s.", g.Gate, g.Standing, g.InFlight, since)
	}
	if d.Confirmed.IsZero() {
		s.say("NOT CONFIRMED.")
		return
	}
	s.say("CONFIRMED %d ms after it was issued: no gate admits a payment. Gates whose payments are not known: %d.", d.ConfirmedAfterMillis, d.Totals.NotKnown)
}
