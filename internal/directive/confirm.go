package directive

import (
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
)

// Standing is where one gate stands towards a directive.
type Standing string

const (
	// Acknowledged: the gate enforces it.
	Acknowledged Standing = "acknowledged"
	// LeaseOut: the gate has not answered, but it is strict and the last lease it
	// can have has run out.
	LeaseOut Standing = "lease-out"
	// Joined: the gate came after the directive and has no older posture.
	Joined Standing = "joined-later"
	// Missing: the gate has not answered and may still admit payments.
	Missing Standing = "missing"
	// Observing: the gate has answered but only counts.
	Observing Standing = "observing"
	// Gone: this run of the gate has ended, or a person has said so, before it
	// enforced the directive. Unless it listed what it had in flight, that is not
	// known.
	Gone Standing = "gone"
)

// Settled reports whether the gate no longer holds up the confirmation.
func (s Standing) Settled() bool {
	return s == Acknowledged || s == LeaseOut || s == Joined || s == Gone
}

// Row is what is known of a directive at one gate.
type Row struct {
	Gate     string    `json:"gate"`
	Boot     string    `json:"boot"`
	Standing Standing  `json:"standing"`
	At       time.Time `json:"at,omitzero"`
	// Known says whether the gate has listed what it had in flight. If not, the
	// numbers below mean nothing: they are not known, not zero.
	Known    bool `json:"known"`
	InFlight int  `json:"in_flight"`
	// Drained says whether the drain is over; until then Done, NotDone and
	// Unknown are not final.
	Drained bool `json:"drained"`
	Done    int  `json:"done"`
	NotDone int  `json:"not_done"`
	Unknown int  `json:"unknown"`
}

// Confirmation says that a directive is in force everywhere.
type Confirmation struct {
	Position  holdfast.Position `json:"position"`
	Issued    time.Time         `json:"issued"`
	Confirmed time.Time         `json:"confirmed"`
	Gates     []Row             `json:"gates"`
}

// LeaseFactor is how many leases a confirmer waits: the drift bound of 0.2
// covers two clocks of which one is slewed by up to 1/12, the most that common
// time daemons do.
const LeaseFactor = 1.2

// Judge says where each gate stands towards a directive in force at position
// at, and whether it is confirmed: every gate in service has acknowledged, or
// is strict and can have no lease any more, or came later with no older
// posture. waited says that LeaseFactor × L have passed since a barrier that the
// judging node began after it read the directive has returned.
//
// Without any gate in service nothing is confirmed: there is nothing that could
// hold a payment.
func Judge(at holdfast.Position, gates []*enrolment.Incarnation, waited bool) (rows []Row, confirmed bool) {
	return judge(span{at, 0}, gates, waited)
}

// span is from where to where in the journal a directive was in force; 0 means
// that it still is.
type span struct{ from, to holdfast.Position }

func (s span) over(p holdfast.Position) bool { return s.to != 0 && p > s.to }

func judge(s span, gates []*enrolment.Incarnation, waited bool) (rows []Row, confirmed bool) {
	all, inService := true, 0
	for _, g := range gates {
		if s.over(g.Enrolled) {
			continue
		}
		r := row(s, g)
		r.Standing = standing(s, g, waited)
		if a, ok := g.AckOf(s.from, s.to); ok && r.Standing == Acknowledged {
			r.At = a.At
		}
		if !g.Gone {
			inService++
		}
		all = all && r.Standing.Settled()
		rows = append(rows, r)
	}
	return rows, all && inService > 0
}

func standing(s span, g *enrolment.Incarnation, waited bool) Standing {
	_, acknowledged := g.AckOf(s.from, s.to)
	switch {
	case acknowledged && !g.Observes():
		return Acknowledged
	case g.Gone && !s.over(g.GoneAt):
		return Gone
	case acknowledged:
		return Observing
	case g.Strict() && g.Enrolled > s.from:
		return Joined
	case g.Strict() && waited:
		return LeaseOut
	default:
		return Missing
	}
}

// row fills in what the gate has said of its payments in flight.
func row(s span, g *enrolment.Incarnation) Row {
	r := Row{Gate: g.Gate, Boot: g.Boot}
	if _, ok := g.AckOf(s.from, s.to); !ok {
		return r
	}
	stop := g.StopAt(s.from)
	if stop == nil {
		return r
	}
	r.Known, r.InFlight = true, len(stop.InFlight)
	if d := stop.Drained; d != nil {
		r.Drained = true
		r.Done, r.NotDone, r.Unknown = d.Done, d.NotDone, len(d.Unknown)
	}
	return r
}

// Confirm decides on the fact that a directive is confirmed.
func Confirm(d *Directive, gates []*enrolment.Incarnation, waited bool, now time.Time) []journal.Draft {
	if d == nil || d.State != InForce || d.Confirmation != nil {
		return nil
	}
	rows, confirmed := Judge(d.Position, gates, waited)
	if !confirmed {
		return nil
	}
	c := Confirmation{Position: d.Position, Issued: d.IssuedAt, Confirmed: now.UTC(), Gates: rows}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindConfirmed, c)}
}

// Progress returns the rows to show for a directive: those of its confirmation
// if it has one, else as they are now or were when it was lifted, with what the
// gates have said of their payments in flight since.
func Progress(d *Directive, gates *enrolment.Book) []Row {
	if d.State == Proposed || d.State == Refused {
		return nil
	}
	in := span{d.Position, d.ended}
	if d.Confirmation == nil {
		rows, _ := judge(in, gates.Concerned(d.Position), false)
		return rows
	}
	rows := make([]Row, len(d.Confirmation.Gates))
	for n, r := range d.Confirmation.Gates {
		rows[n] = r
		if i := gates.Gate(r.Gate).Incarnation(r.Boot); i != nil {
			rows[n] = row(in, i)
			rows[n].Standing, rows[n].At = r.Standing, r.At
		}
	}
	return rows
}

// Totals sums rows. NotKnown counts gates that have not said what they had in
// flight; the sums do not include them. Drained says that every gate has
// reported the end of its drain.
type Totals struct {
	Gates    int  `json:"gates"`
	Settled  int  `json:"settled"`
	InFlight int  `json:"in_flight"`
	Done     int  `json:"done"`
	NotDone  int  `json:"not_done"`
	Unknown  int  `json:"unknown"`
	NotKnown int  `json:"not_known"`
	Drained  bool `json:"drained"`
}

// Sum adds up rows.
func Sum(rows []Row) Totals {
	t := Totals{Gates: len(rows), Drained: len(rows) > 0}
	for _, r := range rows {
		if r.Standing.Settled() {
			t.Settled++
		}
		t.Drained = t.Drained && r.Drained
		if !r.Known {
			t.NotKnown++
			continue
		}
		t.InFlight += r.InFlight
		t.Done += r.Done
		t.NotDone += r.NotDone
		t.Unknown += r.Unknown
	}
	return t
}
