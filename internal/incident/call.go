package incident

import (
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// What came of a call.
const (
	// Reached: the person himself was told. It counts as his acknowledgement.
	Reached = "reached"
	// NotReached: nobody answered, or somebody who could not take it.
	NotReached = "not-reached"
	// Voicemail: a message was left, which is not known to have been heard.
	Voicemail = "voicemail"
)

// CallResults lists what can come of a call.
var CallResults = []string{Reached, NotReached, Voicemail}

// Called records a call that somebody made by hand for a task's notice.
type Called struct {
	Task string `json:"task"`
	// Person is an id of the roster; Name is the name as it was then.
	Person string `json:"person"`
	Name   string `json:"person_name"`
	// Number is what was dialled, if it was said.
	Number string `json:"number,omitempty"`
	Result string `json:"result"`
	// At is when the call was made.
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

func (Called) kind() string { return "incident.called" }

// Call is a recorded call.
type Call struct {
	Called
	By       holdfast.Actor
	Recorded time.Time
	// Round is that of the notices at the level of the time.
	Round int
}

// maxCallNote is in characters.
const maxCallNote = 500

// RecordCall records a call. It may be recorded while the incident is not over, also
// for a task that is done; the time of the call lies in the incident's.
func RecordCall(in *Incident, c Called, now time.Time) ([]journal.Draft, error) {
	if in == nil || in.State != Active {
		return nil, errState(in, Active)
	}
	if _, t, ok := in.Procedure.Task(c.Task); !ok || t.Notice == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "incident %s has no task %q that tells people", in.ID, c.Task).At("task")
	}
	switch {
	case c.Result != Reached && c.Result != NotReached && c.Result != Voicemail:
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is not what comes of a call: write reached, not-reached or voicemail", c.Result).At("result")
	case utf8.RuneCountInString(c.Note) > maxCallNote || utf8.RuneCountInString(c.Number) > maxCallNote:
		return nil, holdfast.Errorf(holdfast.Invalid, "write the note in one line of up to %d characters", maxCallNote).At("note")
	}
	if c.At.IsZero() {
		c.At = now
	}
	if c.At.After(now.Add(time.Minute)) || c.At.Before(in.Opened.Add(-time.Minute)) {
		return nil, holdfast.Errorf(holdfast.Invalid, "a call was made between the opening of the incident and now").At("at")
	}
	c.At = c.At.UTC().Truncate(time.Microsecond)
	c.Note, c.Number = payment.Mask(strings.Join(strings.Fields(c.Note), " ")), strings.Join(strings.Fields(c.Number), " ")
	return in.draft(c), nil
}

func (c Called) fold(in *Incident, f holdfast.Fact) {
	in.Calls = append(in.Calls[:len(in.Calls):len(in.Calls)], Call{Called: c, By: f.Actor, Recorded: f.Time, Round: in.Round()})
}

// ReachedByCall returns the first call for a task in which a person was told.
func (in *Incident) ReachedByCall(task, person string) (Call, bool) {
	for _, c := range in.Calls {
		if c.Task == task && c.Person == person && c.Round == in.Round() && c.Result == Reached {
			return c, true
		}
	}
	return Call{}, false
}
