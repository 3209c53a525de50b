package notify

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const kindLapsed = "notice.acknowledgement-lapsed"

// Lapsed says that an acknowledgement counts no more: the person did not take up what
// he was told of within the time that the plan gives.
type Lapsed struct {
	Person string    `json:"person"`
	Name   string    `json:"person_name,omitempty"`
	Due    time.Time `json:"due"`
	// Late is by how many seconds it came to pass later.
	Late int64 `json:"late,omitempty"`
}

// Lapse states that a person's acknowledgement of a task's notices counts no more.
// It changes nothing if he has not acknowledged.
func Lapse(b *Book, incident, taskID string, round int, person string, due, now time.Time) []journal.Draft {
	p := b.Told(incident, taskID, round, person)
	if p == nil || !p.Acknowledged() {
		return nil
	}
	d := p.Deliveries[0]
	body := Lapsed{Person: person, Name: p.Name, Due: due, Late: int64(max(0, now.Sub(due)) / time.Second)}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, kindLapsed, body)}
}

func (b *Book) applyLapsed(d *Delivery, f holdfast.Fact) {
	if p := b.person(d.Notice, d.Person); p != nil {
		p.Ack, p.Lapsed = nil, f.Time
	}
}

// AcknowledgeNotice records that the person whom one notice tells has taken note, as
// [Service.Acknowledge] does; the notice is used by it, and is so once only.
func (s *Service) AcknowledgeNotice(ctx context.Context, by holdfast.Actor, id, how string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		d := s.Book.Notice(id)
		if d == nil {
			return nil, holdfast.Errorf(holdfast.NotFound, "there is no notice %q", id)
		}
		if !d.Used.IsZero() {
			return nil, holdfast.Errorf(holdfast.Conflict, "this link was used already")
		}
		if p := s.Book.person(d.Notice, d.Person); p.Acknowledged() {
			return nil, nil
		}
		body := acknowledged{Person: d.Person, How: how}
		return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, kindAcknowledged, body)}, nil
	})
}

// AcknowledgeDrafts is [Service.Acknowledge] as a part of a larger act.
func AcknowledgeDrafts(b *Book, incident, task string, round int, person, how, note string) ([]journal.Draft, error) {
	return acknowledge(b, incident, task, round, person, how, note)
}

// Told returns a person who is told for a task in a round, or nil.
func (b *Book) Told(incident, task string, round int, person string) *Person {
	return b.person(Notice{Incident: incident, Task: task, Round: round}, person)
}
