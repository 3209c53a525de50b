package reconciliation

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// longestNote is the length of a note that gates are told, in bytes; it fits what a shard
// keeps. What stays here, as reasons of refusals do, may have as many characters.
const longestNote = 1000

// oldFigures is the age from which figures are not signed any more: gates tell every
// two seconds.
const oldFigures = time.Minute

// Nouns are what decisions ask. Use them under the state's lock.
type Nouns struct {
	Book *Book
	// Above is the amount, in minor units, above which an exception of a directive
	// takes two people, 0 if its profile names none. Where the profile is not known,
	// every end takes two.
	Above func(directive string) (amount int64, known bool)
	// Owner is the role that looks after what expires in the queue under a directive, ""
	// if that is not known; Fills tells whether the person of an account fills a role.
	Owner func(directive string) string
	Fills func(account, role string, now time.Time) bool
	// Directive is the directive of a number; nil if there is none.
	Directive func(id string) *directive.Directive
	Gates     *enrolment.Book
	// Named tells which advice source each process of a gate names, by boot id.
	Named func() map[string]string
}

// Form is what a person wants done about an exception.
type Form struct {
	Identity string             `json:"identity"`
	How      standin.Resolution `json:"how"`
	Note     string             `json:"note"`
	// Source is the advice source that has the exception. It may be left out, unless several
	// have one of this identity.
	Source string `json:"source,omitempty"`
}

// ask decides on what a person wants done about an exception that gates told of.
func (n Nouns) ask(f Form, open []Open) (string, []journal.Draft, error) {
	f.Note = payment.Mask(strings.TrimSpace(f.Note))
	if err := noted(f.Note); err != nil {
		return "", nil, err
	}
	open = slices.DeleteFunc(slices.Clone(open), func(o Open) bool { return o.Identity != f.Identity || f.Source != "" && o.Source != f.Source })
	switch len(open) {
	case 0:
		return "", nil, holdfast.Errorf(holdfast.NotFound, "no gate tells of an open exception of the payment %q", payment.Mask(f.Identity)).At("identity")
	case 1:
	default:
		var sources []string
		for _, o := range open {
			sources = append(sources, o.Source)
		}
		return "", nil, holdfast.Errorf(holdfast.Conflict, "several advice sources have an exception of the payment %q: name one of %s", payment.Mask(f.Identity), strings.Join(sources, ", ")).At("source")
	}
	e := open[0]
	if d, active := n.Book.Active(e.Source, f.Identity); active {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "%s was decided on already, in %s", payment.Mask(f.Identity), d.ID).At("identity")
	}
	if !slices.Contains(Allowed(e.OpenException), f.How) {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "an exception of this kind does not end so").At("how")
	}
	above, known := n.Above(e.Directive)
	two := f.How == standin.WriteOff || f.How != standin.Retry && (!known || e.Amount > above)
	id := n.Book.nextID(e.Directive)
	return id, n.Book.draft(e.Directive, kindAsked, asked{
		ID: id, Source: e.Source, Shard: e.Shard, Exception: &e.OpenException, How: f.How, Note: f.Note, Two: two,
	}), nil
}

// askClose decides on the wish to close a directive.
func (n Nouns) askClose(directive, note string, sources []Source, now time.Time) (string, []journal.Draft, error) {
	note = payment.Mask(strings.TrimSpace(note))
	if err := noted(note); err != nil {
		return "", nil, err
	}
	if err := n.unasked(directive); err != nil {
		return "", nil, err
	}
	s, _, err := closable(directive, sources, now)
	if err != nil {
		return "", nil, err
	}
	id := n.Book.nextID(directive)
	return id, n.Book.draft(directive, kindAsked, asked{ID: id, Source: s.ID, Note: note, Two: true}), nil
}

// unasked refuses a second close-out beside one that was asked for or signed.
func (n Nouns) unasked(directive string) error {
	if d, some := n.Book.Closing(directive); some {
		return holdfast.Errorf(holdfast.Conflict, "the close-out of %s was asked for already, in %s", directive, d.ID)
	}
	return nil
}

// closable refuses what must not be closed.
func closable(directive string, sources []Source, now time.Time) (*Source, *Account, error) {
	s, a := Find(sources, directive)
	switch {
	case a == nil:
		return nil, nil, holdfast.Errorf(holdfast.NotFound, "no gate tells that the directive %q stood in", directive)
	case a.GoneBack:
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "the advice source of %s tells less than it told: it was restored from an older backup; restore a newer one, or give up what is missing", directive)
	case s.stands(directive):
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "the directive %s still stands in: lift it first", directive)
	case s.Heard < s.Shards || now.Sub(s.AsOf) > oldFigures:
		return nil, nil, s.incomplete()
	case !a.Explained:
		return nil, nil, holdfast.Errorf(holdfast.Conflict, "of the directive %s something is pending, unresolved or does not add up: nothing may be left to explain", directive)
	}
	return s, a, nil
}

// answer decides on a second person's answer. Whoever asked may take it back.
func (n Nouns) answer(by holdfast.Actor, id string, granted bool, reason string, sources []Source, now time.Time) ([]journal.Draft, error) {
	d, found := n.Book.Decision(id)
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no decision %q, on an exception, a close-out or a lost source", id)
	}
	if d.State != Asked {
		return nil, holdfast.Errorf(holdfast.Conflict, "the decision %s was answered already", id)
	}
	if !granted {
		reason = payment.Mask(strings.TrimSpace(reason))
		if err := reasoned(reason); err != nil {
			return nil, err
		}
		return n.Book.draft(d.Directive, kindRefused, answered{ID: id, Reason: reason}), nil
	}
	if by.SameParty(d.By) {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked for %s yourself: it takes a second person", id)
	}
	body := answered{ID: id}
	switch {
	case d.Lost != nil:
		if err := n.agreeLost(d, sources, now); err != nil {
			return nil, err
		}
		body.Lost = true
	case d.Closes():
		_, a, err := closable(d.Directive, sources, now)
		if err != nil {
			return nil, err
		}
		for _, l := range a.Lines {
			body.Figures = append(body.Figures, l.Balance)
		}
	}
	return n.Book.draft(d.Directive, kindAgreed, body), nil
}

// carried decides on what a gate says became of an order: one at a time, since each
// changes the revision.
func (n Nouns) carried(list []standin.Carried) []journal.Draft {
	for _, c := range list {
		d, found := n.Book.Decision(c.ID)
		if i := strings.LastIndex(c.ID, closing); !found && i > 0 {
			d, found = n.Book.Decision(c.ID[:i])
		}
		// What was void since its source was given up may have been carried out before.
		if !found || d.State != Ordered && d.State != Void || d.Closes() && c.Refused == "" {
			continue
		}
		return n.Book.draft(d.Directive, kindCarried, answered{ID: d.ID, Failure: c.Refused})
	}
	return nil
}

// orders lists what the deciders of a gate with a source are to carry out: of one that it had
// before it can do nothing. What was looked after has room of
// its own: many expire at once, and nothing else waits for them.
func (n Nouns) orders(gate, source string, sources []Source) []standin.Order {
	var list, cares []standin.Order
	for _, id := range n.Book.ids {
		d := n.Book.decisions[id]
		if d.State != Ordered || d.Source != source {
			continue
		}
		for i := range sources {
			switch s := &sources[i]; {
			case s.ID != d.Source:
			case d.Cares():
				cares = append(cares, s.orders(gate, d)...)
			default:
				list = append(list, s.orders(gate, d)...)
			}
		}
	}
	return append(list[:min(len(list), standin.MaxOrders)], cares[:min(len(cares), standin.MaxCares)]...)
}

func (s *Source) orders(gate string, d *Decision) (list []standin.Order) {
	if !d.Closes() {
		if s.shards[d.Shard].gate == gate {
			list = append(list, d.order(d.Shard))
		}
		return list
	}
	for n, of := range s.shards {
		closed := slices.ContainsFunc(of.Standing, func(t standin.Standing) bool { return t.Directive == d.Directive && t.Closed.IsZero() })
		if of.gate == gate && closed {
			list = append(list, d.order(n))
		}
	}
	slices.SortFunc(list, func(a, b standin.Order) int { return a.Shard - b.Shard })
	return list
}

func noted(text string) error {
	if text == "" || len(text) > longestNote {
		return holdfast.Errorf(holdfast.Invalid, "say why, in at most %d bytes; a Chinese character takes three", longestNote).At("note")
	}
	return nil
}

// reasoned judges a reason of which no gate is told.
func reasoned(text string) error {
	if text == "" || utf8.RuneCountInString(text) > longestNote {
		return holdfast.Errorf(holdfast.Invalid, "say why, in at most %d characters", longestNote).At("reason")
	}
	return nil
}
