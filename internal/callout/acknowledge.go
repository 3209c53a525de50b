package callout

import (
	"context"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
)

// Acks has notices acknowledged by those who got them: by the link in each, which
// works once, for [AckLife] and while the incident goes on, or by the reply code of
// a person's notices for a task, which anybody who is signed in may enter for him.
type Acks struct {
	State     *journal.State
	Incidents *incident.Book
	Book      *notify.Book
	Notices   *notify.Service
	// Key is what [LinkKey] returns.
	Key []byte
	// Page makes the address of the page of a notice.
	Page func(notice string) string
	Now  func() time.Time
	// Tries bounds how often an account may enter a code that is none.
	Tries *access.Limiter
}

// AckLife is how long a notice's link works.
const AckLife = 24 * time.Hour

// What stands in the text of a notice until it leaves.
const (
	acknowledgePlace = "{acknowledge}"
	codePlace        = "{code}"
)

// NewTries returns the bound on codes: five at once, then one a minute for each
// account.
func NewTries() *access.Limiter { return access.NewLimiter(time.Minute, 5, 1000) }

// Fill puts link and code into a notice that wants an acknowledgement and is about
// to leave.
func (a *Acks) Fill(m notify.Message) notify.Message {
	if m.WantAck {
		m.Body = strings.NewReplacer(
			acknowledgePlace, address(a.Page(m.ID), secret(a.Key, toAcknowledge, m.ID), m.Lang),
			codePlace, a.Code(m.Incident, m.Task, m.Person),
		).Replace(m.Body)
	}
	return m
}

// Code is the reply code of a person's notices for a task: six digits, in two groups.
// It tells one of the few people of an incident from the others; against guessing
// stands the bound on tries.
func (a *Acks) Code(incident, task, person string) string {
	n := binary.BigEndian.Uint64(sum(a.Key, toReply, incident, task, person)) % 1_000_000
	return fmt.Sprintf("%03d %03d", n/1000, n%1000)
}

// AckPage is what a notice's link leads to.
type AckPage struct {
	Notice   notify.Notice
	Incident string
	Title    string
	Expires  time.Time
	// At is when the person acknowledged, if he has.
	At time.Time
}

// Admit returns what a notice's link leads to. All that is wrong with a link gets the
// same answer: a stranger learns nothing from it.
func (a *Acks) Admit(id, key string) (p AckPage, err error) {
	found := false
	a.State.View(func() {
		d := a.Book.Notice(id)
		if d == nil || !d.WantAck {
			return
		}
		in := a.Incidents.Incident(d.Incident)
		if in == nil || in.Over() {
			return
		}
		p = AckPage{Notice: d.Notice, Incident: in.ID, Title: in.TitleIn(d.Notice.Lang), Expires: d.Asked.Add(AckLife)}
		if person := a.Book.Told(d.Incident, d.Task, d.Round, d.Person); person.Acknowledged() {
			p.At = person.Ack.At
		} else if !d.Used.IsZero() {
			return // used, and lapsed since: a later notice has a link of its own
		}
		found = a.Now().Before(p.Expires)
	})
	if subtle.ConstantTimeCompare([]byte(key), []byte(secret(a.Key, toAcknowledge, id))) != 1 || !found {
		return AckPage{}, holdfast.Errorf(holdfast.NotFound, "this link does not work, or no longer; ask for a new one")
	}
	return p, nil
}

// Acknowledge states that whoever got a notice has taken note.
func (a *Acks) Acknowledge(ctx context.Context, id, key string) error {
	p, err := a.Admit(id, key)
	if err != nil {
		return err
	}
	by := holdfast.Actor{Kind: holdfast.System, ID: "acknowledgement link", Name: p.Notice.PersonName}
	return a.Notices.AcknowledgeNotice(ctx, by, id, notify.ByLink)
}

// AcknowledgeByCode states that the person whose reply code it is has taken note. It
// returns who that is.
func (a *Acks) AcknowledgeByCode(ctx context.Context, by holdfast.Actor, id, code, note string) (person string, err error) {
	typed := digits(code)
	type match struct{ task, person string }
	var round int
	var matches []match
	a.State.View(func() {
		in := a.Incidents.Incident(id)
		if in == nil || in.Over() {
			err = holdfast.Errorf(holdfast.NotFound, "there is no open incident %q", id)
			return
		}
		round = in.Round()
		for _, stage := range in.Procedure.Stages {
			for _, t := range stage.Tasks {
				for _, p := range a.Book.ByRound(id, t.ID, in.Round()) {
					own := digits(a.Code(id, t.ID, p.ID))
					if p.Deliveries[0].WantAck && subtle.ConstantTimeCompare([]byte(typed), []byte(own)) == 1 {
						matches = append(matches, match{t.ID, p.ID})
					}
				}
			}
		}
	})
	switch {
	case err != nil:
		return "", err
	case len(matches) == 1:
		return matches[0].person, a.Notices.AcknowledgeRound(ctx, by, id, matches[0].task, round, matches[0].person, notify.ByCode, note)
	}
	if err := a.Tries.Take(by.ID, a.Now()); err != nil {
		return "", err
	}
	if len(matches) > 1 {
		return "", holdfast.Errorf(holdfast.Conflict, "this code fits two people of the incident; record it for the person by name").At("code")
	}
	return "", holdfast.Errorf(holdfast.Invalid, "no notice of incident %s has this reply code; it is the six digits at the end of the message", id).At("code")
}

// digits keeps the digits of what was typed: people write a code with spaces, or full
// width.
func digits(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case '0' <= r && r <= '9':
			return r
		case '０' <= r && r <= '９':
			return r - '０' + '0'
		}
		return -1
	}, code)
}
