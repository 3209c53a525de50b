package notify

import (
	"context"

	"holdfast"
	"holdfast/internal/locale"
)

// TestSubject stands where other notices name their incident, in messages that
// test a channel.
const TestSubject = "test"

// Test sends one message to an address, marked as a test, and returns what became
// of it: final unless ctx ended first. There is one attempt. Whoever tests is, for
// the limit, the person who gets it.
func (s *Service) Test(ctx context.Context, by holdfast.Actor, channel, address, operator string, lang holdfast.Lang) (Delivery, error) {
	words := locale.For(lang)
	task := holdfast.NewID()
	n := Notice{
		ID: ID(TestSubject, task, by.ID, channel, address, 0), Incident: TestSubject, Task: task, Person: "test by " + by.ID, PersonName: by.String(),
		Channel: channel, Address: address, Lang: lang, Once: true,
		Subject: words.T("mark.test-subject", "operator", operator), Body: words.T("mark.test-body", "operator", operator, "who", by.String()),
	}
	watch, end := s.Desk.State.Watch()
	defer end()
	if err := s.Ask(ctx, by, n); err != nil {
		return Delivery{}, err
	}
	for {
		var d Delivery
		s.Desk.State.View(func() { d = *s.Book.Notice(n.ID) })
		if d.State.final() {
			return d, nil
		}
		select {
		case <-ctx.Done():
			return d, nil
		case <-watch:
		}
	}
}

// Tested returns what became of the newest test of an address, or nil.
func (b *Book) Tested(channel, address string) *Delivery { return b.tests[[2]string{channel, address}] }
