package access

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Options is what a [Service] is made of.
type Options struct {
	// Desk writes; its state folds Book.
	Desk      *journal.Desk
	Book      *Book
	Documents journal.Documents
	// SessionLife is how long a session lasts at most; zero means 12 hours.
	SessionLife time.Duration
	// SessionIdle is how long one lasts without use; zero means 1 hour.
	SessionIdle time.Duration
	// Cost is that of a password set from now on; zero means [DefaultCost].
	Cost Cost
	// NewID and Secret make ids and secrets in the form of [holdfast.NewID] and
	// [holdfast.Secret], which nil means.
	NewID, Secret func() string
}

// Service manages accounts, signs people in and knows tokens. It is safe for
// concurrent use.
type Service struct {
	desk       *journal.Desk
	book       *Book
	documents  journal.Documents
	life, idle time.Duration
	cost       Cost
	newID      func() string
	secret     func() string
	attempts   *Limiter
	clients    *Limiter
	turns      chan struct{}
}

// New makes a service.
func New(o Options) (*Service, error) {
	if o.SessionLife == 0 {
		o.SessionLife = 12 * time.Hour
	}
	if o.SessionIdle == 0 {
		o.SessionIdle = time.Hour
	}
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost
	}
	if o.NewID == nil {
		o.NewID = holdfast.NewID
	}
	if o.Secret == nil {
		o.Secret = holdfast.Secret
	}
	if o.Desk == nil || o.Book == nil || o.Documents == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "access needs a desk, a book and documents")
	}
	if o.SessionLife < 0 || o.SessionIdle < 0 || o.SessionIdle > o.SessionLife {
		return nil, holdfast.Errorf(holdfast.Invalid, "a session that lasts %s, and %s without use: the second cannot be longer", o.SessionLife, o.SessionIdle)
	}
	if err := o.Cost.check(); err != nil {
		return nil, err
	}
	return &Service{
		desk: o.Desk, book: o.Book, documents: o.Documents,
		life: o.SessionLife, idle: o.SessionIdle, cost: o.Cost,
		newID: o.NewID, secret: o.Secret,
		attempts: NewLimiter(accountEvery, accountBurst, limiterSize),
		clients:  NewLimiter(clientEvery, clientBurst, limiterSize),
		turns:    make(chan struct{}, computations),
	}, nil
}

// Bootstrap makes the first account, an admin. Once there was one, the code is
// Conflict.
func (s *Service) Bootstrap(ctx context.Context, name, password string) error {
	return s.withPassword(ctx, Self("first start"), name, password, func(credential string) ([]journal.Draft, error) {
		return open(s.book, name, credential)
	})
}

// CreateAccount makes an account. An empty password leaves it without one: its
// tokens act, but no one signs in.
func (s *Service) CreateAccount(ctx context.Context, by Principal, n NewAccount, password string) error {
	decide := func(credential string) ([]journal.Draft, error) { return create(s.book, by, n, credential) }
	if password != "" {
		return s.withPassword(ctx, by, n.Name, password, decide)
	}
	_, err := s.desk.Do(ctx, by.Actor, func(time.Time) ([]journal.Draft, error) { return decide("") })
	return err
}

// ChangeAccount alters an account.
func (s *Service) ChangeAccount(ctx context.Context, by Principal, name string, c Changes) error {
	_, err := s.desk.Do(ctx, by.Actor, func(time.Time) ([]journal.Draft, error) {
		return change(s.book, by, name, c)
	})
	return err
}

// SetPassword gives an account a new password, and ends its sessions. It takes
// the right to manage access; for one's own there is [Service.ChangePassword].
func (s *Service) SetPassword(ctx context.Context, by Principal, name, password string) error {
	if err := by.Require(ManageAccess); err != nil {
		return err
	}
	return s.withPassword(ctx, by, name, password, func(credential string) ([]journal.Draft, error) {
		return setPassword(s.book, by, name, credential)
	})
}

// ChangePassword gives the account of at a new password, if at would sign in;
// at.Replaces is not used. All its sessions end, the one that asks included.
func (s *Service) ChangePassword(ctx context.Context, at Attempt, password string) error {
	if err := checkPassword(at.Account, password); err != nil {
		return err
	}
	a, err := s.authenticate(ctx, at)
	if err != nil {
		return err
	}
	by := a.Principal()
	return s.withPassword(ctx, by, a.Name, password, func(credential string) ([]journal.Draft, error) {
		return setPassword(s.book, by, a.Name, credential)
	})
}

func credentialKey(account, credential string) string {
	return "credential/" + account + "/" + credential
}

// withPassword stores a verifier under a fresh id, appends what decide makes of
// that id, and deletes the verifier it replaced. Until the append names it the
// verifier counts for nothing.
func (s *Service) withPassword(ctx context.Context, by Principal, name, password string, decide func(credential string) ([]journal.Draft, error)) error {
	id := s.newID()
	// What will be refused is refused before it costs a computation.
	var err error
	s.desk.State.View(func() { _, err = decide(id) })
	if err != nil {
		return err
	}
	if err := checkPassword(name, password); err != nil {
		return err
	}
	var v verifier
	if err := s.compute(ctx, func() { v = newVerifier(password, s.cost) }); err != nil {
		return err
	}
	if _, err := s.documents.PutDocument(ctx, journal.Document{Key: credentialKey(name, id), Body: []byte(v.String())}); err != nil {
		return fmt.Errorf("store the password of %s: %w", name, err)
	}
	var before string
	_, err = s.desk.Do(ctx, by.Actor, func(time.Time) ([]journal.Draft, error) {
		before = s.book.accounts[name].credential
		return decide(id)
	})
	if holdfast.CodeOf(err) == holdfast.Doubtful {
		return err // either may be in force; neither can go
	}
	useless := before
	if err != nil {
		useless = id
	}
	if useless == "" {
		return err
	}
	// Internal whatever e is: Unavailable would say that nothing was done.
	if e := s.documents.DeleteDocument(context.WithoutCancel(ctx), credentialKey(name, useless)); e != nil && err == nil {
		return holdfast.Errorf(holdfast.Internal, "the new password of %s is in force, but the verifier of the old one could not be deleted", name).Because(e)
	}
	return err
}

// IssueToken makes a token and returns its text, which cannot be had again.
func (s *Service) IssueToken(ctx context.Context, by Principal, n NewToken) (text, id string, err error) {
	id, secret := s.newID(), s.secret()
	_, err = s.desk.Do(ctx, by.Actor, func(now time.Time) ([]journal.Draft, error) {
		return issue(s.book, by, n, id, secret, now)
	})
	if err != nil {
		return "", "", err
	}
	return formatToken(id, secret), id, nil
}

// RevokeToken ends a token.
func (s *Service) RevokeToken(ctx context.Context, by Principal, id string) error {
	_, err := s.desk.Do(ctx, by.Actor, func(time.Time) ([]journal.Draft, error) {
		return revoke(s.book, by, id)
	})
	return err
}

// ByToken returns who stands behind the text of a token. The code is
// Unauthenticated if there is no such token, it is past its time, was revoked,
// or its account is disabled.
func (s *Service) ByToken(text string) (p Principal, err error) {
	now := s.desk.Now()
	s.desk.State.View(func() { p, err = s.book.byToken(text, now) })
	return p, err
}

// account returns an account, or the zero account if there is none.
func (s *Service) account(name string) (a Account) {
	s.desk.State.View(func() { a, _ = s.book.Account(name) })
	return a
}

// Account returns the account with a name, or code NotFound.
func (s *Service) Account(name string) (Account, error) {
	var a Account
	var err error
	s.desk.State.View(func() { a, err = s.book.find(name) })
	return a, err
}

// Accounts lists all accounts by name.
func (s *Service) Accounts() (all []Account) {
	s.desk.State.View(func() { all = s.book.Accounts() })
	return all
}

// Tokens lists the tokens of an account, the newest first, with those revoked
// and expired.
func (s *Service) Tokens(account string) (all []Token) {
	s.desk.State.View(func() { all = s.book.Tokens(account) })
	return all
}
