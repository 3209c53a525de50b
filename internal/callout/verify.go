package callout

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
)

// Verifier sends messages with a link, by which an address of the roster is
// confirmed to work. The link's secret is an HMAC of the message's id; the
// journal holds its hash and, in the notice's text, a place that [Verifier.Fill]
// fills as the message leaves, so that nobody who reads the journal can confirm
// in another's name.
type Verifier struct {
	Roster  *roster.Service
	Notices *notify.Service
	// Key is what [LinkKey] returns.
	Key []byte
	// Page makes the address of the page of a message.
	Page func(ask string) string
	// Operator and Language are the installation's.
	Operator string
	Language holdfast.Lang
	Zone     *time.Location
	Now      func() time.Time
}

// Ask sends a message with a link to an address of a person or a party. Asking
// again makes a new link, and the former works no more.
func (v *Verifier) Ask(ctx context.Context, by holdfast.Actor, at holdfast.Subject, channel roster.Channel, address string) error {
	id, name, lang, err := v.whom(at)
	if err != nil {
		return err
	}
	ask := holdfast.NewID()
	hash := holdfast.Hash(sha256.Sum256([]byte(v.secret(ask))))
	if err := v.Roster.AskContact(ctx, by, at, channel, address, ask, hash); err != nil {
		return err
	}
	words := locale.For(lang)
	operator := v.Operator
	if operator == "" {
		operator = "Holdfast"
	}
	return v.Notices.Ask(ctx, by, notify.Notice{
		ID:       notify.ID(roster.NoticeSubject, ask, id, string(channel), address, 0),
		Incident: roster.NoticeSubject, Task: ask, Person: id, PersonName: name,
		Channel: string(channel), Address: address, Lang: lang,
		Subject: words.T("verify.subject", "operator", operator),
		Body: words.T("verify.body", "name", name, "operator", operator, "address", address,
			"time", words.Time(v.Now().Add(roster.LinkLife), v.Zone), "link", linkPlace),
	})
}

// whom finds the person or the party of a subject.
func (v *Verifier) whom(at holdfast.Subject) (id, name string, lang holdfast.Lang, err error) {
	noun, id := at.Split()
	if noun == "party" {
		p, err := v.Roster.Party(id)
		return string(at), p.Name, v.language(p.Lang), err
	}
	p, err := v.Roster.Person(id)
	return id, p.Name, v.language(p.Lang), err
}

func (v *Verifier) language(own holdfast.Lang) holdfast.Lang {
	if own != "" {
		return own
	}
	return v.Language
}

func (v *Verifier) secret(ask string) string { return secret(v.Key, toConfirm, ask) }

// Fill puts the link into a message of verification that is about to leave.
func (v *Verifier) Fill(m notify.Message) notify.Message {
	if m.Incident == roster.NoticeSubject {
		m.Body = strings.ReplaceAll(m.Body, linkPlace, address(v.Page(m.Task), v.secret(m.Task), m.Lang))
	}
	return m
}

// linkKey is the document that holds the key of links, one for all control nodes.
// If it is lost, the links that are out work no more.
const linkKey = "roster/link-key"

// LinkKey returns the key that makes the secrets of links, made when there is
// none.
func LinkKey(ctx context.Context, documents journal.Documents) ([]byte, error) {
	for {
		d, err := documents.Document(ctx, linkKey)
		if holdfast.CodeOf(err) != holdfast.NotFound {
			if err != nil {
				return nil, fmt.Errorf("the key of confirmation links: %w", err)
			}
			return d.Body, nil
		}
		key := make([]byte, sha256.Size)
		rand.Read(key) // never fails, by its contract
		_, err = documents.PutDocument(ctx, journal.Document{Key: linkKey, Body: key})
		if err != nil && holdfast.CodeOf(err) != holdfast.Conflict {
			return nil, fmt.Errorf("the key of confirmation links: %w", err)
		}
	}
}
