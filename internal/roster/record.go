package roster

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// record states how people are from now on; those who are so already give no
// fact. It is all or nothing, and the error lists every fault.
func record(b *Book, people []Person, now time.Time) ([]journal.Draft, error) {
	if len(people) > MaxPeople {
		return nil, holdfast.Errorf(holdfast.TooLarge, "at most %d people are recorded at once, not %d", MaxPeople, len(people))
	}
	var drafts []journal.Draft
	var faults []error
	people, wrong := prepare(b, people, now)
	for i, p := range people {
		before, known := b.people[p.ID]
		for _, e := range wrong[i] {
			faults = append(faults, e.At(fmt.Sprintf("people[%d].%s", i, e.Field)))
		}
		if !known || !before.equal(p) {
			drafts = append(drafts, journal.NewDraft(subject(p.ID), b.revisionOf(subject(p.ID)), kindRecorded, p))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return drafts, nil
}

// prepare returns people as they would be recorded, with what is wrong with each.
func prepare(b *Book, list []Person, now time.Time) (people []Person, wrong [][]*holdfast.Error) {
	for i, p := range list {
		p.Contacts = keepVerified(p.Contacts, b.people[p.ID].Contacts)
		people = append(people, p)
		wrong = append(wrong, slices.Concat(check(p), checkDays(p.Contacts, now), checkUnique(p, list[:i]), checkAccount(b, p, list), checkHere(b, p, list)))
	}
	return people, wrong
}

// checkDays refuses contacts verified in the future. A day has no time zone, so
// it may be tomorrow's in UTC.
func checkDays(contacts []Contact, now time.Time) []*holdfast.Error {
	var faults []*holdfast.Error
	for i, c := range contacts {
		if c.Verified.After(now.Add(24 * time.Hour)) {
			faults = append(faults, holdfast.Errorf(holdfast.Invalid, "the contact cannot have been verified on %s, which is still to come", c.Verified.Format(time.DateOnly)).
				At(fmt.Sprintf("contacts[%d].verified", i)))
		}
	}
	return faults
}

// checkUnique refuses a person whose id or account another of the same list has.
func checkUnique(p Person, before []Person) []*holdfast.Error {
	var faults []*holdfast.Error
	for _, q := range before {
		if p.ID == q.ID {
			faults = append(faults, holdfast.Errorf(holdfast.Invalid, "the person %q stands in the list twice", p.ID).At("id"))
		}
		if p.Account != "" && p.Account == q.Account {
			faults = append(faults, holdfast.Errorf(holdfast.Invalid, "the account %q is %q's in this list; two people do not share one", p.Account, q.ID).At("account"))
		}
	}
	return faults
}

// checkAccount refuses an account that is someone's in the roster, unless the
// list takes it from him.
func checkAccount(b *Book, p Person, list []Person) []*holdfast.Error {
	if p.Account == "" {
		return nil
	}
	for _, q := range b.people {
		if q.Account != p.Account || q.ID == p.ID {
			continue
		}
		if !slices.ContainsFunc(list, func(n Person) bool { return n.ID == q.ID }) {
			return []*holdfast.Error{holdfast.Errorf(holdfast.Conflict, "the account %q is %q's; two people do not share one", p.Account, q.ID).At("account")}
		}
	}
	return nil
}

func noPerson(id string) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no person %q", id)
}

// checkHere refuses new deputies who are neither on the roster nor in the list.
// One who stood there before and has left stays, and shows as missing.
func checkHere(b *Book, p Person, list []Person) []*holdfast.Error {
	var faults []*holdfast.Error
	for i, d := range p.Deputies {
		_, here := b.people[d.Person]
		if !here && !slices.ContainsFunc(list, func(q Person) bool { return q.ID == d.Person }) && !slices.Contains(b.people[p.ID].Deputies, d) {
			faults = append(faults, holdfast.Errorf(holdfast.Invalid, "there is no person %q on the roster", d.Person).At(fmt.Sprintf("deputies[%d].person", i)))
		}
	}
	return faults
}

// recordParties states how parties are from now on, as record does for people.
func recordParties(b *Book, parties []Party, now time.Time) ([]journal.Draft, error) {
	if len(parties) > MaxPeople {
		return nil, holdfast.Errorf(holdfast.TooLarge, "at most %d parties are recorded at once, not %d", MaxPeople, len(parties))
	}
	var drafts []journal.Draft
	var faults []error
	parties, wrong := prepareParties(b, parties, now)
	for i, p := range parties {
		before, known := b.parties[p.ID]
		for _, e := range wrong[i] {
			faults = append(faults, e.At(fmt.Sprintf("parties[%d].%s", i, e.Field)))
		}
		if s := partySubject(p.ID); !known || !before.equal(p) {
			drafts = append(drafts, journal.NewDraft(s, b.revisionOf(s), kindPartyRecorded, p))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return drafts, nil
}

// prepareParties is prepare for parties.
func prepareParties(b *Book, list []Party, now time.Time) (parties []Party, wrong [][]*holdfast.Error) {
	for i, p := range list {
		p.Contacts = keepVerified(p.Contacts, b.parties[p.ID].Contacts)
		parties = append(parties, p)
		wrong = append(wrong, slices.Concat(checkParty(p, list[:i]), checkDays(p.Contacts, now)))
	}
	return parties, wrong
}
