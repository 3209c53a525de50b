package settlement

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// longestNote is the length of a note or reason in bytes; it fits what a shard keeps.
const longestNote = 1000

// Nouns are what decisions ask. Use them under the state's lock.
type Nouns struct {
	Book *Book
	// Gates are the gates in service, by name.
	Gates func() []string
	// Above is the amount, in minor units, above which a payment that no profile of
	// stand-in knows takes two people; -1 if the plan names none.
	Above func() int64
}

func (n Nouns) file(id string) (*File, error) {
	if f, found := n.Book.File(id); found {
		return f, nil
	}
	return nil, holdfast.Errorf(holdfast.NotFound, "there is no settlement file %q", id)
}

func (n Nouns) save(m Mapping) ([]journal.Draft, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	return n.Book.draft(holdfast.NewSubject(mappingNoun, m.Name), kindSaved, m), nil
}

// offer decides on a file that was read. One that is on its way already is not taken
// twice.
func (n Nouns) offer(id string, o offered) ([]journal.Draft, error) {
	for _, f := range n.Book.files {
		if f.Hash == o.Hash && f.Day == o.Day && !f.Over() && !n.stuck(f) {
			return nil, holdfast.Errorf(holdfast.Conflict, "the file is on its way already, as %s", f.ID).At("file")
		}
	}
	if len(n.Gates()) == 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "no gate is in service: only gates know what the file is compared with")
	}
	return n.Book.draft(subject(id), kindOffered, o), nil
}

// stuck reports whether a file waits only for gates that are out of service: their shards
// are others' by now, and these have to compare it anew.
func (n Nouns) stuck(f *File) bool {
	inService := n.Gates()
	return f.State == Ordered && !slices.ContainsFunc(f.Left(), func(g string) bool { return slices.Contains(inService, g) })
}

// Missing lists the gates in service that have not compared a file.
func (n Nouns) Missing(f *File) (missing []string) {
	if f.State != Offered {
		return nil
	}
	for _, g := range n.Gates() {
		if !answeredBy(f.Compared, g) {
			missing = append(missing, g)
		}
	}
	return missing
}

// Takes reports whether carrying a file out takes two people.
func (f *File) Takes() bool {
	return slices.ContainsFunc(f.Compared, func(a Answer) bool { return a.Two > 0 })
}

func (n Nouns) confirm(id, note string) ([]journal.Draft, error) {
	note = payment.Mask(strings.TrimSpace(note))
	f, err := n.file(id)
	switch {
	case err != nil:
		return nil, err
	case f.State != Offered:
		return nil, holdfast.Errorf(holdfast.Conflict, "the settlement file %s was decided on already", id)
	}
	if missing := n.Missing(f); len(missing) > 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "not all gates have compared the file; missing: %s", strings.Join(missing, ", "))
	}
	if Changed(f.Compared) == 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "the file changes nothing: there is nothing to confirm")
	}
	if err := noted(note); err != nil {
		return nil, err
	}
	if f.Takes() {
		return n.Book.draft(subject(id), kindAsked, said{note}), nil
	}
	return n.Book.draft(subject(id), kindOrdered, said{note}), nil
}

func (n Nouns) answer(by holdfast.Actor, id string, granted bool, reason string) ([]journal.Draft, error) {
	f, err := n.file(id)
	switch {
	case err != nil:
		return nil, err
	case f.State != Asked:
		return nil, holdfast.Errorf(holdfast.Conflict, "the settlement file %s does not wait for a second person", id)
	case !granted:
		reason = payment.Mask(strings.TrimSpace(reason))
		if err := noted(reason); err != nil {
			return nil, err
		}
		return n.Book.draft(subject(id), kindRefused, said{reason}), nil
	case by.SameParty(*f.ConfirmedBy):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked for %s yourself: it takes a second person", id)
	}
	return n.Book.draft(subject(id), kindOrdered, said{}), nil
}

func (n Nouns) withdraw(id, reason string) ([]journal.Draft, error) {
	reason = payment.Mask(strings.TrimSpace(reason))
	f, err := n.file(id)
	switch {
	case err != nil:
		return nil, err
	case f.State != Offered && f.State != Asked:
		return nil, holdfast.Errorf(holdfast.Conflict, "the settlement file %s was decided on already", id)
	}
	if err := noted(reason); err != nil {
		return nil, err
	}
	return n.Book.draft(subject(id), kindWithdrawn, said{reason}), nil
}

// told decides on what a gate said of a whole file.
func (n Nouns) told(gate, id string, carry bool, a Answer) []journal.Draft {
	f, found := n.Book.File(id)
	if !found || answeredBy(f.answers(carry), gate) || carry != (f.State == Ordered) || !carry && f.State != Offered {
		return nil
	}
	kind := kindCompared
	if carry {
		kind = kindCarried
	}
	return n.Book.draft(subject(id), kind, a)
}

func noted(text string) error {
	if text == "" || len(text) > longestNote {
		return holdfast.Errorf(holdfast.Invalid, "say why, in at most %d bytes", longestNote).At("note")
	}
	return nil
}
