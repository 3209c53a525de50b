package notify

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindAsked        = "notice.asked"
	kindSending      = "notice.sending"
	kindDelivered    = "notice.delivered"
	kindFailed       = "notice.failed"
	kindDoubtful     = "notice.doubtful"
	kindGaveUp       = "notice.gave-up"
	kindAcknowledged = "notice.acknowledged"
)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("notice", id) }

// acknowledged is the body of notice.acknowledged.
type acknowledged struct {
	Person string `json:"person"`
	How    string `json:"how"`
	Note   string `json:"note,omitempty"`
}

// ask states the notices that do not exist yet. Texts that are too long are cut
// rather than refused: a long title must not keep people from being told.
func ask(b *Book, notices []Notice) ([]journal.Draft, error) {
	var drafts []journal.Draft
	asked := map[string]bool{}
	for _, n := range notices {
		if b.all[n.ID] != nil || asked[n.ID] {
			continue
		}
		for name, value := range map[string]string{
			"id": n.ID, "incident": n.Incident, "task": n.Task, "person": n.Person, "channel": n.Channel, "address": n.Address,
		} {
			if value == "" || len(value) > maxAddress || !line(value) {
				return nil, holdfast.Errorf(holdfast.Invalid, "a notice needs a %s in one line of up to %d bytes", name, maxAddress).At(name)
			}
		}
		n = mark(n)
		n.PersonName, n.Subject = oneLine(n.PersonName, maxName), oneLine(n.Subject, maxSubject)
		n.Body = shorten(n.Body, maxBody)
		asked[n.ID] = true
		drafts = append(drafts, journal.NewDraft(subject(n.ID), 0, kindAsked, n))
	}
	return drafts, nil
}

// acknowledge states that a person has taken note of a task's notices. Saying
// so again changes nothing.
func acknowledge(b *Book, incident, taskID string, round int, person, how, note string) ([]journal.Draft, error) {
	p := b.person(Notice{Incident: incident, Task: taskID, Round: round}, person)
	if p == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "no notice of task %s of incident %s goes to %q", taskID, incident, person).At("person")
	}
	if utf8.RuneCountInString(note) > maxNote || !line(note) {
		return nil, holdfast.Errorf(holdfast.Invalid, "write the note in one line of up to %d characters", maxNote).At("note")
	}
	if p.Acknowledged() {
		return nil, nil
	}
	d := p.Deliveries[0]
	body := acknowledged{Person: person, How: how, Note: note}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, kindAcknowledged, body)}, nil
}

func line(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// oneLine makes a text one line of at most n characters.
func oneLine(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + cut
}
