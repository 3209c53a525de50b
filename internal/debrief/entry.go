package debrief

import (
	"slices"
	"strconv"
	"time"

	"holdfast"
)

// Entry is what causes and improvements have in common: each is written under an id,
// corrected by being written again, and withdrawn with a reason.
type Entry struct {
	// ID is c1, c2 and so on for causes, i1, i2 and so on for improvements.
	ID string         `json:"id"`
	By holdfast.Actor `json:"by"`
	At time.Time      `json:"at"`
	// Entries counts how often it was written; more than one is a correction.
	Entries   int         `json:"entries"`
	Withdrawn *Withdrawal `json:"withdrawn,omitempty"`
}

// Withdrawal says that an entry no longer counts.
type Withdrawal struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
}

func (e *Entry) entry() *Entry { return e }

// entered is a pointer to something that is an entry.
type entered[E any] interface {
	*E
	entry() *Entry
}

// nextID is the id of the entry after n others.
func nextID(prefix string, n int) string { return prefix + strconv.Itoa(n+1) }

// find returns where an entry stands in a list; -1 if it does not.
func find[E any, P entered[E]](list []E, id string) int {
	return slices.IndexFunc(list, func(x E) bool { return P(&x).entry().ID == id })
}

// standing lists the entries that were not withdrawn.
func standing[E any, P entered[E]](list []E) (kept []E) {
	for _, x := range list {
		if P(&x).entry().Withdrawn == nil {
			kept = append(kept, x)
		}
	}
	return kept
}

// set returns a list with an entry as a fact writes it, new or in the place of the one
// before.
func set[E any, P entered[E]](list []E, id string, x E, f holdfast.Fact) []E {
	list = slices.Clone(list)
	e := P(&x).entry()
	*e = Entry{ID: id, By: f.Actor, At: f.Time, Entries: 1}
	i := find[E, P](list, id)
	if i < 0 {
		return append(list, x)
	}
	e.Entries += P(&list[i]).entry().Entries
	list[i] = x
	return list
}

// withdraw returns a list in which a fact has withdrawn an entry.
func withdraw[E any, P entered[E]](list []E, id, reason string, f holdfast.Fact) []E {
	list = slices.Clone(list)
	if i := find[E, P](list, id); i >= 0 {
		P(&list[i]).entry().Withdrawn = &Withdrawal{reason, f.Actor, f.Time}
	}
	return list
}
