package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/directive"
	"holdfast/internal/view"
)

func (s *shell) directive() *cobra.Command {
	return group("directive", "Instructions to the gates: stop, limit, lift",
		s.directiveList(), s.directiveShow(),
		s.propose("stop", "Stop payments; with --wait, return when the stop is confirmed"),
		s.propose("limit", "Admit only a share of the payers, or so many payments per second"),
		s.directiveLift(), s.directiveGrantLift(), s.directiveRefuseLift(), s.directiveApprove(), s.directiveRefuse(),
	)
}

var directiveHead = []any{"DIRECTIVE", "KIND", "STATE", "CONFIRMED", "GATES", "SCOPE", "REASON"}

func directiveRow(p *page, d view.Directive) {
	kind := d.Kind
	if d.Share > 0 {
		kind += fmt.Sprintf(" %g%%", d.Share*100)
	}
	if d.Rate > 0 {
		kind += fmt.Sprintf(" %g/s", d.Rate)
	}
	if d.Amount > 0 {
		kind += fmt.Sprintf(" %d %s/s", d.Amount, d.Currency)
	}
	confirmed := clock(d.Confirmed)
	if d.Confirmed.IsZero() && d.State == string(directive.InForce) {
		confirmed = "NOT CONFIRMED"
	}
	why := d.Reason
	if !d.Why.IsZero() {
		why = p.in(d.Why)
	}
	p.row(d.ID, kind, d.State, confirmed, fmt.Sprintf("%d/%d", d.Totals.Settled, d.Totals.Gates), d.Scope, why)
}

func (s *shell) directiveList() *cobra.Command {
	return paged(s.api("GET /directives", "list", "List directives, newest first", func(c *call) error {
		return show(c.paging(), nil, func(p *page, v view.Page[view.Directive]) {
			p.row(directiveHead...)
			for _, d := range v.Items {
				directiveRow(p, d)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	}))
}

func (s *shell) directiveShow() *cobra.Command {
	var wait waiting
	cmd := s.api("GET /directives/{id}", "show DIRECTIVE", "Show one directive and how far each gate is", func(c *call) error {
		if wait.wait {
			return wait.confirmed(c, c.args[0])
		}
		return show(c, nil, writeDirective)
	})
	wait.flags(cmd)
	return cmd
}

// writeDirective says how far a directive is carried out: per gate, and for the
// payments that were in flight.
func writeDirective(p *page, d view.Directive) {
	p.line("directive %s: %s, scope %s, %s", d.ID, d.Kind, d.Scope, d.State)
	if !d.IssuedAt.IsZero() {
		p.line("issued %s at position %d", clock(d.IssuedAt), d.Position)
	}
	switch {
	case !d.Confirmed.IsZero():
		p.line("CONFIRMED %s, after %v", clock(d.Confirmed), time.Duration(d.ConfirmedAfterMillis)*time.Millisecond)
	case d.State == string(directive.InForce):
		p.line("NOT CONFIRMED: a gate that is missing may still admit payments")
	case d.State == string(directive.Proposed):
		p.line("NOT IN FORCE: it waits for a second person: holdfast directive approve %s", d.ID)
	}
	if len(d.Gates) == 0 {
		return
	}
	p.row("GATE", "STANDING", "AT", "IN FLIGHT", "DONE SINCE", "NOT DONE", "UNKNOWN")
	for _, g := range d.Gates {
		switch {
		case !g.Known:
			p.row(g.Gate, g.Standing, g.At, "not known", "not known", "not known", "not known")
		case !g.Drained:
			p.row(g.Gate, g.Standing, g.At, g.InFlight, "draining", "draining", "draining")
		default:
			p.row(g.Gate, g.Standing, g.At, g.InFlight, g.Done, g.NotDone, g.Unknown)
		}
	}
	if t := d.Totals; t.NotKnown > 0 {
		p.line("%d of %d gates have not said what they had in flight", t.NotKnown, t.Gates)
	}
}

// propose makes a command that proposes one kind of directive.
func (s *shell) propose(kind, short string) *cobra.Command {
	in := api.Propose{Kind: kind}
	var drain time.Duration
	var percent float64
	var wait waiting
	cmd := s.api("POST /directives", kind, short, func(c *call) error {
		in.DrainSeconds, in.Share = drain.Seconds(), percent/100
		return wait.propose(c, in)
	})
	f := cmd.Flags()
	f.StringVar(&in.Scope, "scope", "", `"all", or an expression over payment fields, such as 'channel == "app"'`)
	f.StringVar(&in.Reason, "reason", "", "why, told to everyone who asks")
	f.StringVar(&in.Incident, "incident", "", "the incident it belongs to")
	if kind == "stop" {
		f.DurationVar(&drain, "drain", 0, "how long payments in flight may take to answer (default: the gate's, 30s)")
	} else {
		f.Float64Var(&percent, "percent", 0, "share of payers to admit, above 0, up to 100")
		f.Float64Var(&in.Rate, "rate", 0, "payments per second over all gates")
	}
	wait.flags(cmd)
	return required(cmd, "scope", "reason")
}

// waiting holds the flags of commands that can wait for a confirmation.
type waiting struct {
	wait    bool
	timeout time.Duration
}

func (w *waiting) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.wait, "wait", false, "return when it is confirmed; code 3 if it is not by the timeout")
	cmd.Flags().DurationVar(&w.timeout, "timeout", 2*time.Minute, "how long to wait")
}

// propose makes the directive and, if asked, waits for it.
func (w *waiting) propose(c *call, in any) error {
	answer, err := c.do(in)
	if err != nil {
		return err
	}
	var made client.Created
	if err := json.Unmarshal(answer, &made); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	if w.wait {
		return w.confirmed(c, made.ID)
	}
	c.print(answer)
	c.say("directive %s is made; whether it is confirmed: holdfast directive show %s --wait", made.ID, made.ID)
	return nil
}

// confirmed waits for a directive and prints how far it is, whatever that is.
func (w *waiting) confirmed(c *call, id string) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.cmd.Context(), w.timeout)
	defer cancel()
	_, waitErr := node.AwaitConfirmed(ctx, id)
	if code := holdfast.CodeOf(waitErr); code == holdfast.Unauthenticated || code == holdfast.Forbidden || code == holdfast.NotFound {
		return waitErr
	}
	last, cancelLast := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancelLast()
	answer, err := raw(last, node, http.MethodGet, "/directives/"+url.PathEscape(id), nil)
	if err != nil {
		return &ending{exitUnconfirmed, fmt.Sprintf("directive %s is not known to be confirmed: %v", id, errors.Join(waitErr, err))}
	}
	if err := present(c.shell, answer, writeDirective); err != nil {
		return err
	}
	var d view.Directive
	if err := json.Unmarshal(answer, &d); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	switch {
	case d.Confirmed.IsZero():
		return &ending{exitUnconfirmed, fmt.Sprintf("directive %s is %s and NOT confirmed", id, d.State)}
	case d.State != string(directive.InForce):
		return &ending{exitUnconfirmed, fmt.Sprintf("directive %s is %s: what was confirmed holds no longer", id, d.State)}
	}
	return nil
}

func (s *shell) directiveLift() *cobra.Command {
	var in api.Lift
	cmd := s.api("POST /directives/{id}/lift", "lift DIRECTIVE", "Lift a directive, or ask a second person to", func(c *call) error {
		answer, err := c.do(in)
		if err != nil {
			return err
		}
		var done api.Lifted
		if err := json.Unmarshal(answer, &done); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		c.print(answer)
		if done.Lifted {
			c.say("directive %s is lifted", c.args[0])
		} else {
			c.say("directive %s stays in force until a second person consents: holdfast directive lift-approve %s", c.args[0], c.args[0])
		}
		return nil
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	cmd.Flags().Uint64Var((*uint64)(&in.Revision), "revision", 0, "the revision you looked at; refused if it changed since (default: the present one)")
	return required(cmd, "reason")
}

func (s *shell) directiveApprove() *cobra.Command {
	return s.api("POST /directives/{id}/approve", "approve DIRECTIVE", "Approve, as a second person; it goes into force", func(c *call) error {
		return c.act(nil, "directive %s is in force", c.args[0])
	})
}

func (s *shell) directiveRefuse() *cobra.Command {
	return s.because("POST /directives/{id}/refuse", "refuse DIRECTIVE", "Refuse, or take back, a proposal", "directive %s is refused")
}
