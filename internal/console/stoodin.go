package console

import (
	"encoding/json"
	"strings"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// reconciled puts a fact of what was decided on payments in words: on an exception, or
// on the close-out of a directive.
func reconciled(words *locale.Printer, e view.Event) (text, detail string, ok bool) {
	if !strings.HasPrefix(e.Kind, "reconciliation.") {
		return "", "", false
	}
	var b struct {
		ID                    string
		Exception             *standin.OpenException
		How                   standin.Resolution
		Expired               standin.QueuedPayment
		Care                  standin.Care
		Note, Reason, Failure string
		Figures               []standin.Balance
		Lost                  json.RawMessage // of what was asked for it is an object
	}
	_ = json.Unmarshal(e.Body, &b) // a body of another shape leaves fields empty
	_, directive := holdfast.Subject(e.Subject).Split()
	detail = b.Note + b.Reason + b.Failure // a fact has one of them
	switch {
	case e.Kind == "reconciliation.looked-after":
		text = words.T("fact.reconciliation.looked-after", "id", b.ID, "identity", payment.Mask(b.Expired.Identity), "amount", words.Money(holdfast.Money{Minor: b.Expired.Amount, Currency: b.Expired.Currency}), "care", words.T("queue.care."+b.Care.String()))
	case e.Kind == "reconciliation.asked" && len(b.Lost) > 0:
		text = words.T("fact.reconciliation.asked-lost", "directive", directive)
	case e.Kind == "reconciliation.agreed" && len(b.Lost) > 0:
		text = words.T("fact.reconciliation.agreed-lost", "directive", directive)
	case e.Kind == "reconciliation.gone-back":
		text = words.T("fact.reconciliation.gone-back", "directive", directive)
	case e.Kind == "reconciliation.asked" && b.Exception == nil:
		text = words.T("fact.reconciliation.asked-close", "directive", directive)
	case e.Kind == "reconciliation.asked":
		text = words.T("fact.reconciliation.asked", "id", b.ID, "identity", payment.Mask(b.Exception.Identity), "amount", amountOf(words, b.Exception), "how", words.T("exceptions.how."+b.How.String()))
	case e.Kind == "reconciliation.agreed" && len(b.Figures) > 0:
		text = words.T("fact.reconciliation.agreed-close", "directive", directive)
	case e.Kind == "reconciliation.carried" && b.Failure != "":
		text = words.T("fact.reconciliation.carried-failed", "id", b.ID)
	default:
		text = words.T("fact."+e.Kind, "id", b.ID)
	}
	return text, detail, true
}

func amountOf(words *locale.Printer, e *standin.OpenException) string {
	return words.Money(holdfast.Money{Minor: e.Amount, Currency: e.Currency})
}

// stoodIn writes, for each stand-in of the incident, its account as it was told last or
// signed, and what people decided on its exceptions.
func (b *chronicle) stoodIn(r view.Record) {
	if len(r.Incident.StoodIn) == 0 {
		return
	}
	b.heading(b.T("reconcile.title"))
	for _, s := range r.Incident.StoodIn {
		b.line(0, "%s · %s %s", s.Directive, b.T("reconcile.opened"), b.at(s.Opened))
		if !s.Ended.IsZero() {
			b.line(1, "%s %s", b.T("reconcile.ended"), b.at(s.Ended))
		}
		b.account(s)
		b.closeOut(s.CloseOut)
		b.lost(s)
		for i := range r.Decided {
			switch d := &r.Decided[i]; {
			case d.Directive != s.Directive:
			case d.Ends():
				b.decision(d)
			case d.Cares():
				b.care(d)
			}
		}
	}
}

func (b *chronicle) account(s view.StoodIn) {
	if s.Account == nil {
		b.line(1, "%s", b.T("stood-in.untold"))
		return
	}
	holds := "reconcile.holds-not"
	if s.Account.Holds {
		holds = "reconcile.holds"
	}
	b.line(1, "%s %s · %s", b.T("reconcile.as-of"), b.at(s.AsOf), b.T(holds))
	for _, l := range s.Account.Lines {
		b.balance(l.Balance)
	}
	if n := s.Account.Unattended; n > 0 {
		b.line(2, "%s", b.T("reconcile.unattended", "n", b.Int(n)))
	}
}

func (b *chronicle) balance(l standin.Balance) {
	b.line(2, "%s · %s", b.T("reconcile.kind."+l.Kind.String()), l.Currency)
	for _, part := range []struct {
		key string
		standin.Tally
	}{
		{"reconcile.approved", l.Approved}, {"reconcile.delivered", l.Delivered}, {"reconcile.pending", l.Pending},
		{"reconcile.exception", l.Exception}, {"reconcile.reversed", l.Reversed},
	} {
		b.line(3, "%s: %s · %s", b.T(part.key), b.Int(part.Count), b.Money(holdfast.Money{Minor: part.Amount, Currency: l.Currency}))
	}
}

func (b *chronicle) closeOut(d *reconciliation.Decision) {
	if d == nil {
		b.line(1, "%s", b.T("stood-in.unsigned"))
		return
	}
	b.line(1, "%s %s %s: %s", b.T("reconcile.signed"), d.By, b.at(d.At), d.Note)
	if d.Second == nil {
		b.line(1, "%s", b.T("reconcile.waits-second"))
		return
	}
	b.line(1, "%s %s %s", b.T("reconcile.countersigned"), d.Second, b.at(d.Answered))
	for _, l := range d.Figures {
		b.balance(l)
	}
}

// lost writes that the source is gone for good, and what was lost track of.
func (b *chronicle) lost(s view.StoodIn) {
	if s.Lost == nil {
		return
	}
	l := s.Lost.Lost
	what, hint := "lost.given-up", "lost.track-hint"
	if l.GoneBack {
		what, hint = "lost.gone-back", "lost.missing-hint"
	}
	b.line(1, "%s · %s: %s", b.T(what), b.T("lost.evidence"), l.Evidence)
	told := b.T("lost.never")
	if !l.Told.IsZero() {
		told = b.at(l.Told) + " · " + b.T("lost.shards", "heard", itoa(l.Heard), "shards", itoa(l.Shards))
	}
	b.line(2, "%s: %s", b.T("lost.told"), told)
	if s.Contradicted() {
		b.line(1, "%s %s %s: %s", b.T("reconcile.signed"), s.Lost.By, b.at(s.Lost.At), s.Lost.Note)
		if s.Lost.Second != nil {
			b.line(1, "%s %s %s", b.T("reconcile.countersigned"), s.Lost.Second, b.at(s.Lost.Answered))
		}
		b.line(1, "%s %s", b.T("lost.contradicted", "gate", s.Lost.Gate), b.at(s.Lost.Contradicted))
		return
	}
	b.line(2, "%s", b.T(hint))
	for _, u := range s.Untraced {
		b.line(2, "%s · %s", b.T("reconcile.kind."+u.Kind.String()), u.Currency)
		b.line(3, "%s: %s · %s", b.T("lost.track"), b.Int(u.Count), b.Money(holdfast.Money{Minor: u.Amount, Currency: u.Currency}))
		b.line(3, "%s: %s · %s", b.T("lost.queued"), b.Int(u.Queued.Count), b.Money(holdfast.Money{Minor: u.Queued.Amount, Currency: u.Currency}))
	}
	if len(l.Exceptions) > 0 {
		b.line(2, "%s:", b.T("lost.named"))
	}
	for i := range l.Exceptions {
		e := &l.Exceptions[i]
		b.line(3, "%s · %s · %s · %s", payment.Mask(e.Identity), amountOf(b.Printer, e), b.T("exceptions.why."+e.Why.String()), b.at(e.Decided))
	}
}

func (b *chronicle) decision(d *reconciliation.Decision) {
	e := d.Exception
	b.line(1, "%s  %s · %s · %s", d.ID, payment.Mask(e.Identity), amountOf(b.Printer, e), b.T("exceptions.why."+e.Why.String()))
	b.known(e)
	b.line(2, "%s · %s", b.T("exceptions.how."+d.How.String()), b.T("exceptions.state."+string(d.State)))
	b.line(2, "%s %s %s: %s", b.T("exceptions.owner"), d.By, b.at(d.At), d.Note)
	if d.Second != nil {
		b.line(2, "%s %s %s", d.Second, b.at(d.Answered), d.Reason)
	}
	if !d.Carried.IsZero() {
		b.line(2, "%s %s %s", d.Gate, b.at(d.Carried), d.Failure)
	}
}

// care writes what somebody did about a payment that expired in the queue.
func (b *chronicle) care(d *reconciliation.Decision) {
	e := d.Expired
	b.line(1, "%s  %s · %s · %s %s", d.ID, payment.Mask(e.Identity), b.Money(holdfast.Money{Minor: e.Amount, Currency: e.Currency}), b.T("queue.expired-at"), b.at(e.Until))
	b.line(2, "%s · %s", b.T("queue.care."+d.Care.String()), b.T("exceptions.state."+string(d.State)))
	b.line(2, "%s %s %s: %s", b.T("exceptions.owner"), d.By, b.at(d.At), d.Note)
	if !d.Carried.IsZero() {
		b.line(2, "%s %s %s", d.Gate, b.at(d.Carried), d.Failure)
	}
}

// known writes what was known of an exception when people decided on it.
func (b *chronicle) known(e *standin.OpenException) {
	b.line(2, "%s %s · %s %s · %s %s", b.T("exceptions.decided-at"), b.at(e.Decided), b.T("exceptions.attempts"), b.Int(int64(e.Attempts)), b.T("exceptions.inquiries"), b.Int(int64(e.Inquiries)))
	if r := e.Reply; r != nil {
		status := ""
		if r.Status > 0 {
			status = " HTTP " + itoa(int(r.Status))
		}
		b.line(2, "%s: %s%s %s", b.T("exceptions.said"), b.T("exceptions.said."+r.Said.String()), status, b.at(e.Replied))
	}
	if f := e.Filed; f != nil {
		said := b.T("exceptions.file-absent")
		if f.Line > 0 {
			said = b.T("exceptions.said.not-done")
			if f.Done {
				said = b.T("exceptions.said.done")
			}
			said += " · " + b.Money(holdfast.Money{Minor: f.Amount, Currency: f.Currency}) + " · " + b.T("settlement.line") + " " + itoa(f.Line)
		}
		b.line(2, "%s %s: %s", b.T("exceptions.file"), f.File, said)
	}
}
