package cli

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// reconciliation are the commands on what became of what gates approved.
func (s *shell) reconciliation() []*cobra.Command {
	return []*cobra.Command{s.reconcile(), s.queue(), s.lookedAfter(), s.lookAfter(), s.shadow(), s.exceptions(), s.exceptionResolve(), s.reconciliationAnswer(), s.standInClose(), s.standInLost()}
}

// tally says a number of payments and their sum.
func tally(t standin.Tally, currency string) string {
	if currency == "" {
		return strconv.FormatInt(t.Count, 10)
	}
	return fmt.Sprintf("%d / %s", t.Count, locale.For(holdfast.En).Money(holdfast.Money{Minor: t.Amount, Currency: currency}))
}

func holds(ok bool) string {
	if ok {
		return "holds"
	}
	return "DOES NOT HOLD"
}

func (s *shell) reconcile() *cobra.Command {
	cmd := s.api("GET /reconciliation", "reconcile", "Prove that what gates approved adds up; code 3 if it does not. What two people gave up is shown, not judged", func(c *call) error {
		answer, err := c.pass("directive").do(nil)
		if err != nil {
			return err
		}
		var v view.Reconciliation
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("the answer cannot be read: %w", err)
		}
		err = present(c.shell, answer, func(p *page, v view.Reconciliation) {
			if len(v.Sources) == 0 {
				p.line("no gate tells of stand-in")
			}
			for _, of := range v.Sources {
				sourceFigures(p, of)
			}
			for _, u := range v.Untold {
				for _, line := range untoldSaid(u) {
					p.line("%s", line)
				}
			}
			if v.Unresolved > 0 {
				p.line("exceptions that wait for people: %d; see holdfast stand-in exceptions", v.Unresolved)
			}
		})
		if err == nil && !v.Holds {
			return &silent{&ending{exitUnconfirmed, "it does not hold"}}
		}
		return err
	})
	cmd.Flags().String("directive", "", "only of this directive")
	return cmd
}

func sourceFigures(p *page, of reconciliation.Source) {
	p.line("source %s: %d of %d shards told, the oldest figures of %s", of.ID, of.Heard, of.Shards, clock(of.AsOf))
	for _, a := range of.Accounts {
		opened := "opened at " + clock(a.Opened)
		if a.Opened.IsZero() {
			opened = "of which the source does not know any more"
		}
		p.line("directive %s, %s, %s", a.Directive, opened, accountSaid(a))
		for _, m := range a.Missing {
			p.line("told before and not told any more: %s %s; queued %s", m.Kind, tally(m.Approved, m.Currency), tally(m.Queued, m.Currency))
		}
		p.row("KIND", "APPROVED", "DELIVERED", "PENDING", "EXCEPTION", "REVERSED", "DIFFERENCE")
		for _, l := range a.Lines {
			p.row(l.Kind.String(), tally(l.Approved, l.Currency), tally(l.Delivered, l.Currency), tally(l.Pending, l.Currency),
				tally(l.Exception, l.Currency), tally(l.Reversed, l.Currency), tally(l.Difference, l.Currency))
		}
	}
	if of.Pending.Count > 0 {
		p.line("%d wait to be forwarded, the oldest since %s; %.1f a second are settled, %.1f may be sent; nothing pending at %s", of.Pending.Count, clock(of.Oldest), of.Rate, of.Budget, clock(of.Clears))
	}
	if c := of.CutOff; c != nil {
		p.line("%s", cutOffSaid(c))
	}
	for _, a := range of.Alarms {
		p.line("alarm of gate %s: %s", a.Gate, reconciliation.Say(locale.For(p.lang), a.Alarm))
	}
}

// accountSaid says how far an account is, and whether it holds: of what was given up nobody
// can say so.
func accountSaid(a reconciliation.Account) string {
	state := "stands in"
	if !a.Ended.IsZero() {
		state = "ended at " + clock(a.Ended)
	}
	switch {
	case a.GoneBack:
		return state + ", its source gone back to an older backup: it " + holds(a.Holds)
	case a.Lost:
		return state + ", its source given up: WHAT IT HAD LEFT IS LOST TRACK OF"
	case a.Settled:
		state += " and closed"
	}
	return state + ": it " + holds(a.Holds)
}

func cutOffSaid(c *reconciliation.CutOff) string {
	switch c.State {
	case reconciliation.InTime:
		return "that is before the day's cut-off at " + clock(c.At)
	case reconciliation.TooLate:
		return "WARNING: they will not be delivered before the day's cut-off at " + clock(c.At)
	case reconciliation.Passed:
		return "WARNING: payments from before the day's cut-off at " + clock(c.Missed) + " are not delivered"
	}
	return "nothing is delivered now: nobody can tell whether it will be before the day's cut-off at " + clock(c.At)
}

func (s *shell) queue() *cobra.Command {
	cmd := s.api("GET /reconciliation/queue", "queue", "Payments that stand-in queued for the primary: what waits and what has expired", func(c *call) error {
		return show(c.pass("directive", "q"), nil, func(p *page, v view.Queue) {
			p.row("DIRECTIVE", "QUEUED", "DONE", "DECLINED", "WAITING", "EXPIRED", "EXCEPTION", "WITHDRAWN", "DIFFERENCE")
			for _, a := range v.Accounts {
				p.row(a.Directive, tally(a.Queued, a.Currency), tally(a.Done, a.Currency), tally(a.Declined, a.Currency), tally(a.Waiting, a.Currency),
					tally(a.Expired, a.Currency), tally(a.Exception, a.Currency), tally(a.Withdrawn, a.Currency), tally(a.Difference, a.Currency))
			}
			p.line("%d wait, %d have expired and %d of these nobody has looked after; gates list %d and %d of them", v.AllWaiting, v.AllExpired, v.AllOpen, len(v.Waiting), len(v.Expired))
			p.row("STATE", "PAYMENT", "AMOUNT", "PAYER", "QUEUED", "EXPIRES", "REASON", "RESPONSIBLE", "LOOKED AFTER")
			queueRows(p, "waiting", v.Waiting)
			queueRows(p, "expired", v.Expired)
		})
	})
	f := cmd.Flags()
	f.String("directive", "", "only those of a directive")
	f.String("q", "", "only those that hold a text")
	return cmd
}

func queueRows(p *page, state string, list []view.Queued) {
	for _, q := range list {
		p.row(state, payment.Mask(q.Identity), locale.For(holdfast.En).Money(holdfast.Money{Minor: q.Amount, Currency: q.Currency}), q.Payer, q.At, q.Until, q.Reason, q.Owner.ID, careSaid(q.Decision))
	}
}

// careSaid says how far it is that somebody looked after an expired payment.
func careSaid(d *reconciliation.Decision) string {
	if d == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s, %s", d.ID, d.Care, d.State)
}

func (s *shell) lookedAfter() *cobra.Command {
	cmd := s.api("GET /reconciliation/queue/looked-after", "looked-after", "Payments that expired in the queue and that people have looked after, those first that were last", func(c *call) error {
		return show(c.paging().pass("directive", "q"), nil, func(p *page, v view.Page[view.Queued]) {
			p.row("PAYMENT", "DIRECTIVE", "AMOUNT", "EXPIRED", "DECISION", "DONE", "BY", "AT", "NOTE")
			for _, q := range v.Items {
				d := q.Decision
				p.row(payment.Mask(q.Identity), q.Directive, locale.For(holdfast.En).Money(holdfast.Money{Minor: q.Amount, Currency: q.Currency}), q.Until, d.ID, d.Care.String(), d.By.String(), d.At, d.Note)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	f := cmd.Flags()
	f.String("directive", "", "only those of a directive")
	f.String("q", "", "only those that hold a text")
	return paged(cmd)
}

func (s *shell) lookAfter() *cobra.Command {
	var in reconciliation.CareForm
	var care string
	cmd := s.api("POST /reconciliation/queue/looked-after", "look-after", "Say what was done about payments that expired in the queue", func(c *call) error {
		if err := in.Care.UnmarshalText([]byte(care)); err != nil {
			return err
		}
		answer, err := c.do(in)
		if err != nil {
			return err
		}
		var made api.CreatedAll
		if err := json.Unmarshal(answer, &made); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		c.print(answer)
		if len(made.IDs) == 1 {
			c.say("1 payment is looked after; the gates are told")
		} else {
			c.say("%d payments are looked after; the gates are told", len(made.IDs))
		}
		return nil
	})
	f := cmd.Flags()
	f.StringArrayVar(&in.Payments, "payment", nil, "the payment's identity; may be repeated")
	f.StringVar(&care, "care", "", "told (the customer knows), asked-again (to pay once more) or nothing (to do)")
	f.StringVar(&in.Note, "note", "", "what was done, and how")
	f.StringVar(&in.Source, "source", "", "the advice source in whose queue they expired; where several have one of an identity")
	return required(cmd, "payment", "care", "note")
}

func (s *shell) exceptions() *cobra.Command {
	cmd := s.api("GET /reconciliation/exceptions", "exceptions", "Payments of stand-in that people decide on, the oldest first", func(c *call) error {
		return show(c.paging().pass("decided", "directive", "q"), nil, func(p *page, v view.Page[view.Exception]) {
			p.row("PAYMENT", "DIRECTIVE", "AMOUNT", "WHY", "SINCE", "ATTEMPTS", "INQUIRIES", "PRIMARY SAID", "EXPIRES", "FILE", "DECISION", "STATE")
			for _, e := range v.Items {
				var d reconciliation.Decision
				if e.Decision != nil {
					d = *e.Decision
				}
				p.row(payment.Mask(e.Identity), e.Directive, locale.For(holdfast.En).Money(holdfast.Money{Minor: e.Amount, Currency: e.Currency}), e.Why.String(), e.Since, ofAllowed(e.Attempts, e.Terms, false), ofAllowed(e.Inquiries, e.Terms, true), replySaid(e.Reply), dueOf(e), fileSaid(e.File), d.ID, string(d.State))
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	f := cmd.Flags()
	f.Bool("decided", false, "those that people have decided on")
	f.String("directive", "", "only those of a directive")
	f.String("q", "", "only those that hold a text")
	return paged(cmd)
}

// ofAllowed says how many attempts, or inquiries, were made of those that the profile allows.
func ofAllowed(n int, t *view.ExceptionTerms, asked bool) string {
	switch {
	case t == nil:
		return strconv.Itoa(n)
	case asked:
		return fmt.Sprintf("%d/%d", n, t.Inquiries)
	}
	return fmt.Sprintf("%d/%d", n, t.Attempts)
}

func replySaid(r *standin.Reply) string {
	switch {
	case r == nil:
		return ""
	case r.Status == 0:
		return r.Said.String()
	}
	return fmt.Sprintf("%s (%d)", r.Said, r.Status)
}

func dueOf(e view.Exception) string {
	if e.Terms == nil || e.Terms.Expires.IsZero() {
		return ""
	}
	return clock(e.Terms.Expires)
}

// fileSaid says what a settlement file says of an exception.
func fileSaid(f *view.ExceptionFile) string {
	switch {
	case f == nil:
		return ""
	case f.Line == 0:
		return f.Day + " not in it"
	}
	said := "not done"
	if f.Done {
		said = "done"
	}
	return fmt.Sprintf("%s line %d: %s, %s", f.Day, f.Line, said, locale.For(holdfast.En).Money(holdfast.Money{Minor: f.Amount, Currency: f.Currency}))
}

func (s *shell) exceptionResolve() *cobra.Command {
	var in reconciliation.Form
	var how string
	cmd := s.api("POST /reconciliation/exceptions", "resolve", "Say how an exception ends", func(c *call) error {
		if err := in.How.UnmarshalText([]byte(how)); err != nil {
			return err
		}
		return c.create(in, "decision %s is recorded; where it takes two people it waits for the second")
	})
	f := cmd.Flags()
	f.StringVar(&in.Identity, "payment", "", "the payment's identity")
	f.StringVar(&in.Source, "source", "", "the advice source that has it; where several have one of this identity")
	f.StringVar(&how, "how", "", "retry, confirm (the primary has done it), reverse, accept or write-off")
	f.StringVar(&in.Note, "note", "", "why")
	return required(cmd, "payment", "how", "note")
}

func (s *shell) reconciliationAnswer() *cobra.Command {
	return s.secondAnswers("POST /reconciliation/decisions/{id}/answer", "answer DECISION", "Consent, as a second person, to how an exception ends, to a close-out or to a lost source, or refuse",
		"why not; without it you consent", "decision %s is refused", "decision %s is agreed; gates that it concerns are told")
}

func (s *shell) standInClose() *cobra.Command {
	var in api.CloseOut
	cmd := s.api("POST /reconciliation/close-outs", "close", "Ask for a directive to be closed: nothing may be left to explain; a second person signs, too", func(c *call) error {
		return c.create(in, "close-out %s waits for a second person")
	})
	f := cmd.Flags()
	f.StringVar(&in.Directive, "directive", "", "the directive")
	f.StringVar(&in.Note, "note", "", "what is signed")
	return required(cmd, "directive", "note")
}

func (s *shell) standInLost() *cobra.Command {
	var in reconciliation.LostForm
	cmd := s.api("POST /reconciliation/losses", "lost", "Ask for a directive to be closed out though its advice source is gone for good; a second person signs, too", func(c *call) error {
		return c.create(in, "decision %s waits for a second person; what is not known to be delivered is lost track of")
	})
	f := cmd.Flags()
	f.StringVar(&in.Directive, "directive", "", "the directive")
	f.StringVar(&in.Reason, "reason", "", "what happened to the source")
	f.StringVar(&in.Evidence, "evidence", "", "where it is kept what shows that")
	return required(cmd, "directive", "reason", "evidence")
}

// untoldSaid says what is known of a stand-in of which nobody tells.
func untoldSaid(u view.UntoldStandIn) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	told := "nobody ever told of it"
	if !u.Told.IsZero() {
		told = fmt.Sprintf("it was last told of at %s, by %d of %d shards", clock(u.Told), u.Heard, u.Shards)
	}
	say("directive %s, lifted at %s, source %s: %s", u.Directive, clock(u.Lifted), u.Source, told)
	if u.GoneBack {
		say("the source tells less than it told: it was restored from an older backup; restore a newer one if there is one")
	}
	for _, g := range u.Gates {
		say("gate %s is in service and names that source", g)
	}
	track := "lost track of"
	switch d := u.Decision; {
	case d == nil:
		track = "would be lost track of"
		if u.GoneBack {
			say("if there is no newer backup: holdfast stand-in lost --directive %s", u.Directive)
		} else {
			say("if the source is gone for good: holdfast stand-in lost --directive %s", u.Directive)
		}
	case u.Contradicted():
		say("CONTRADICTED: %s gave the source up, and gate %s told of it at %s; close the directive out", d.ID, d.Gate, clock(d.Contradicted))
		return lines
	case !u.GivenUp():
		track = "would be lost track of"
		say("said to be gone for good in %s, which waits for a second person: %s; evidence: %s", d.ID, d.Note, d.Lost.Evidence)
	default:
		say("given up by %s, %s: %s; evidence: %s", d.ID, d.State, d.Note, d.Lost.Evidence)
	}
	if !u.GoneBack {
		track += ", at least"
	}
	for _, t := range u.Untraced {
		say("%s: %s %s; queued %s", track, t.Kind, tally(t.Tally, t.Currency), tally(t.Queued, t.Currency))
	}
	return lines
}
