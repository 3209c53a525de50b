package access

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Session is one signed-in browser.
type Session struct {
	// ID is the SHA-256 of the secret. Knowing it lets no one in.
	ID      string    `json:"id"`
	Account string    `json:"account"`
	Created time.Time `json:"created"`
	// Seen is when it was last used, give or take a tenth of the idle time.
	Seen time.Time `json:"seen"`
	// Client is the address that signed in.
	Client netip.Addr `json:"client"`

	epoch string
}

// stored is the body of a session's document.
type stored struct {
	Account string     `json:"account"`
	Epoch   string     `json:"epoch"`
	Created time.Time  `json:"created"`
	Seen    time.Time  `json:"seen"`
	Client  netip.Addr `json:"client"`
}

const sessionPrefix = "session/"

// open starts a session of an account as it was when its password was checked:
// if it has changed since, the session is void from the start.
func (s *Service) open(ctx context.Context, a Account, client netip.Addr) (secret string, _ Session, err error) {
	now := s.desk.Now().UTC()
	secret = s.secret()
	n := Session{ID: digest(secret).String(), Account: a.Name, Created: now, Seen: now, Client: client, epoch: a.epoch}
	if err := s.keep(ctx, n, 0); err != nil {
		return "", Session{}, fmt.Errorf("start a session of %s: %w", a.Name, err)
	}
	return secret, n, nil
}

func (s *Service) keep(ctx context.Context, n Session, revision holdfast.Revision) error {
	body, err := json.Marshal(stored{n.Account, n.epoch, n.Created, n.Seen, n.Client})
	if err != nil {
		return err
	}
	_, err = s.documents.PutDocument(ctx, journal.Document{
		Key: sessionPrefix + n.ID, Revision: revision, Body: body, Expires: s.expiry(n),
	})
	return err
}

// expiry is when a session ends if it is not used any more.
func (s *Service) expiry(n Session) time.Time {
	end, idle := n.Created.Add(s.life), n.Seen.Add(s.idle)
	if idle.Before(end) {
		return idle
	}
	return end
}

func readSession(d journal.Document) (Session, error) {
	var body stored
	if err := json.Unmarshal(d.Body, &body); err != nil {
		return Session{}, fmt.Errorf("document %s: %w", d.Key, err)
	}
	return Session{
		ID: d.Key[len(sessionPrefix):], Account: body.Account, Created: body.Created, Seen: body.Seen,
		Client: body.Client, epoch: body.Epoch,
	}, nil
}

// counts reports whether the session is one of a as the account is now.
// Disabling an account moves its epoch, and a disabled one starts no session.
func (s *Service) counts(n Session, a Account, now time.Time) bool {
	return n.Account == a.Name && n.epoch == a.epoch && now.Before(s.expiry(n))
}

// BySession returns who stands behind a session's secret, and the session. The
// code is Unauthenticated if there is no such session or it has ended.
func (s *Service) BySession(ctx context.Context, secret string) (Principal, Session, error) {
	ended := holdfast.Errorf(holdfast.Unauthenticated, "the session has ended; sign in again")
	if !isRandom(secret, secretLength) {
		return Principal{}, Session{}, ended
	}
	d, err := s.documents.Document(ctx, sessionPrefix+digest(secret).String())
	if holdfast.CodeOf(err) == holdfast.NotFound {
		return Principal{}, Session{}, ended
	}
	if err != nil {
		return Principal{}, Session{}, fmt.Errorf("look up a session: %w", err)
	}
	n, err := readSession(d)
	if err != nil {
		return Principal{}, Session{}, err
	}
	a, now := s.account(n.Account), s.desk.Now().UTC()
	if !s.counts(n, a, now) {
		return Principal{}, Session{}, ended
	}
	// Each use need not be written down. A use that could not be is no reason to
	// turn away someone who is signed in: another request wrote, or the next will.
	if now.Sub(n.Seen) >= s.idle/10 {
		seen := n
		seen.Seen = now
		if s.keep(ctx, seen, d.Revision) == nil {
			n = seen
		}
	}
	return a.Principal(), n, nil
}

// SignOut ends the session with this secret. Ending none is no error.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	return s.documents.DeleteDocument(ctx, sessionPrefix+digest(secret).String())
}

// Sessions lists the sessions of an account that count now. It takes the right
// to manage access, or to be that account.
func (s *Service) Sessions(ctx context.Context, by Principal, account string) ([]Session, error) {
	if !by.owns(account) {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	a, now := s.account(account), s.desk.Now()
	var all []Session
	const page = 500
	for after := ""; ; {
		docs, err := s.documents.ListDocuments(ctx, sessionPrefix, after, page)
		if err != nil {
			return nil, fmt.Errorf("list the sessions of %s: %w", account, err)
		}
		for _, d := range docs {
			n, err := readSession(d)
			if err != nil {
				return nil, err
			}
			if s.counts(n, a, now) {
				all = append(all, n)
			}
			after = d.Key
		}
		if len(docs) < page {
			return all, nil
		}
	}
}

// EndSession ends one session of an account by its id.
func (s *Service) EndSession(ctx context.Context, by Principal, account, id string) error {
	all, err := s.Sessions(ctx, by, account)
	if err != nil {
		return err
	}
	for _, n := range all {
		if n.ID == id {
			return s.documents.DeleteDocument(ctx, sessionPrefix+id)
		}
	}
	return holdfast.Errorf(holdfast.NotFound, "account %s has no such session", account)
}

// EndSessions ends all sessions of an account at once, on every node.
func (s *Service) EndSessions(ctx context.Context, by Principal, account string) error {
	_, err := s.desk.Do(ctx, by.Actor, func(time.Time) ([]journal.Draft, error) {
		return endSessions(s.book, by, account)
	})
	return err
}
