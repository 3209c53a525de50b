package roster

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindDutyScheduled = "duty.scheduled"
	kindDutyEnded     = "duty.ended"
	kindDutyCovered   = "duty.covered"
	kindDutyUncovered = "duty.uncovered"

	// maxCovers is how many covers of a role may still be to come or run.
	maxCovers    = 100
	longestCover = 366 * 24 * time.Hour
)

// uncovered is the body of duty.uncovered, and of duty.ended without an id.
type uncovered struct {
	ID     string `json:"id,omitempty"`
	Reason string `json:"reason"`
}

func dutySubject(role string) holdfast.Subject { return holdfast.NewSubject("duty", role) }

// schedule states duty schedules from now on; those that are so already give no
// fact. It is all or nothing, and the error lists every fault.
func schedule(b *Book, list []Schedule) ([]journal.Draft, error) {
	if len(list) > maxSchedules {
		return nil, holdfast.Errorf(holdfast.TooLarge, "at most %d schedules are recorded at once, not %d", maxSchedules, len(list))
	}
	var drafts []journal.Draft
	var faults []error
	for i, s := range list {
		for _, e := range slices.Concat(checkSchedule(s, list[:i]), checkRoster(b, s)) {
			faults = append(faults, e.At(fmt.Sprintf("schedules[%d].%s", i, e.Field)))
		}
		if d := b.duties[s.Role]; d == nil || !d.schedule.equal(s) {
			at := dutySubject(s.Role)
			drafts = append(drafts, journal.NewDraft(at, b.revisionOf(at), kindDutyScheduled, s))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return drafts, nil
}

// checkRoster returns where a schedule does not agree with the roster.
func checkRoster(b *Book, s Schedule) []*holdfast.Error {
	var faults []*holdfast.Error
	for i, r := range s.Rotations {
		for j, id := range r.People {
			if e := b.checkFills(id, s.Role); e != nil {
				faults = append(faults, e.At(fmt.Sprintf("rotations[%d].people[%d]", i, j)))
			}
		}
	}
	if s.Calendar != "" && b.calendars[s.Calendar] == nil {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, "there is no calendar %q; import it first", s.Calendar).At("calendar"))
	}
	return faults
}

// checkFills refuses who may not be on duty for a role: it takes a holder of the
// role or a deputy of one.
func (b *Book) checkFills(id, role string) *holdfast.Error {
	p, ok := b.people[id]
	if !ok {
		return holdfast.Errorf(holdfast.Invalid, "there is no person %q on the roster", id)
	}
	if slices.Contains(p.Roles, role) {
		return nil
	}
	for _, holder := range b.people {
		if slices.Contains(holder.Roles, role) && slices.ContainsFunc(holder.Deputies, func(d Deputy) bool {
			return d.Person == id && (d.Role == "" || d.Role == role)
		}) {
			return nil
		}
	}
	return holdfast.Errorf(holdfast.Invalid, "%q neither holds the role %q nor is a deputy of who does", id, role)
}

// cover states that a person is on duty in place of another for some time.
func cover(b *Book, role string, c Cover, now time.Time) ([]journal.Draft, error) {
	d := b.duties[role]
	if d == nil {
		return nil, noDuty(role)
	}
	switch {
	case !c.Until.After(c.From):
		return nil, holdfast.Errorf(holdfast.Invalid, "the time must end after it begins").At("until")
	case !c.Until.After(now):
		return nil, holdfast.Errorf(holdfast.Invalid, "the time is over already").At("until")
	case c.Until.Sub(c.From) > longestCover:
		return nil, holdfast.Errorf(holdfast.Invalid, "nobody covers for more than 366 days; change the rotation").At("until")
	case c.Person == c.For:
		return nil, holdfast.Errorf(holdfast.Invalid, "nobody stands in for himself; name another person").At("person")
	case !line(c.Reason, maxReason):
		return nil, holdfast.Errorf(holdfast.Invalid, "write the reason in one line of up to %d characters", maxReason).At("reason")
	}
	if e := b.checkFills(c.Person, role); e != nil {
		return nil, e.At("person")
	}
	if c.For != "" && !d.names(c.For) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is not on duty for the role %q", c.For, role).At("for")
	}
	open := 0
	for _, other := range d.covers {
		if other.Until.After(now) {
			open++
		}
	}
	if open >= maxCovers {
		return nil, holdfast.Errorf(holdfast.Conflict, "the role %q has %d covers, the most there can be; withdraw one, or change the rotation", role, maxCovers)
	}
	at := dutySubject(role)
	c.ID = coverID(b, role)
	c.From, c.Until = c.From.UTC().Truncate(time.Microsecond), c.Until.UTC().Truncate(time.Microsecond)
	return []journal.Draft{journal.NewDraft(at, b.revisionOf(at), kindDutyCovered, c)}, nil
}

// coverID is the id of the next cover of a role: the revision that it makes.
func coverID(b *Book, role string) string {
	return strconv.FormatUint(uint64(b.revisionOf(dutySubject(role))+1), 10)
}

// names reports whether a person stands in a rotation or a cover.
func (d *duty) names(id string) bool {
	return slices.ContainsFunc(d.schedule.Rotations, func(r Rotation) bool { return slices.Contains(r.People, id) }) ||
		slices.ContainsFunc(d.covers, func(c Cover) bool { return c.Person == id })
}

// uncover withdraws a cover.
func uncover(b *Book, role, id, reason string) ([]journal.Draft, error) {
	d := b.duties[role]
	if d == nil {
		return nil, noDuty(role)
	}
	if !slices.ContainsFunc(d.covers, func(c Cover) bool { return c.ID == id }) {
		return nil, holdfast.Errorf(holdfast.NotFound, "the role %q has no cover %q", role, id)
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	at := dutySubject(role)
	return []journal.Draft{journal.NewDraft(at, b.revisionOf(at), kindDutyUncovered, uncovered{id, reason})}, nil
}

// endDuty states that a role has no duty times any more.
func endDuty(b *Book, role, reason string) ([]journal.Draft, error) {
	if b.duties[role] == nil {
		return nil, noDuty(role)
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	at := dutySubject(role)
	return []journal.Draft{journal.NewDraft(at, b.revisionOf(at), kindDutyEnded, uncovered{Reason: reason})}, nil
}

func noDuty(role string) error {
	return holdfast.Errorf(holdfast.NotFound, "the role %q has no duty schedule", role)
}

// applyDuty folds a fact of a role's duty. A new schedule keeps the covers.
func (b *Book) applyDuty(role string, f holdfast.Fact) error {
	d := b.duties[role]
	switch f.Kind {
	case kindDutyScheduled:
		var s Schedule
		if err := f.Decode(&s); err != nil {
			return err
		}
		var covers []Cover
		if d != nil {
			covers = d.covers
		}
		b.duties[role] = newDuty(s, covers)
	case kindDutyEnded:
		delete(b.duties, role)
	case kindDutyCovered:
		var c Cover
		if err := f.Decode(&c); err != nil || d == nil {
			return err
		}
		d.covers = append(slices.Clone(d.covers), c)
	case kindDutyUncovered:
		var u uncovered
		if err := f.Decode(&u); err != nil || d == nil {
			return err
		}
		d.covers = slices.DeleteFunc(slices.Clone(d.covers), func(c Cover) bool { return c.ID == u.ID })
	}
	return nil
}
