package access

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Kinds of facts.
const (
	kindFirst         = "access.opened"
	kindCreated       = "account.created"
	kindChanged       = "account.changed"
	kindPasswordSet   = "account.password-set"
	kindSessionsEnded = "account.sessions-ended"
	kindIssued        = "token.issued"
	kindRevoked       = "token.revoked"
)

// first is the subject of the one fact that records the first account.
const first holdfast.Subject = "access/first"

func accountSubject(name string) holdfast.Subject { return holdfast.NewSubject("account", name) }

func tokenSubject(id string) holdfast.Subject { return holdfast.NewSubject("token", id) }

// created is the body of account.created.
type created struct {
	Display string        `json:"display,omitempty"`
	Roles   []Role        `json:"roles"`
	Person  string        `json:"person,omitempty"`
	Lang    holdfast.Lang `json:"lang,omitempty"`
}

// passwordSet is the body of account.password-set. Credential names the
// document that holds the verifier.
type passwordSet struct {
	Credential string `json:"credential"`
}

// issued is the body of token.issued.
type issued struct {
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Scopes  Actions   `json:"scopes"`
	Expires time.Time `json:"expires,omitzero"`
	// SHA256 is the digest of the secret.
	SHA256 holdfast.Hash `json:"sha256"`
}

// Book is the projection of accounts and tokens. Read it through [Service], or
// inside [journal.State.View].
type Book struct {
	opened   bool
	accounts map[string]Account
	tokens   map[string]Token
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{accounts: map[string]Account{}, tokens: map[string]Token{}}
}

var _ journal.Projection = (*Book)(nil)

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	switch f.Kind {
	case kindFirst:
		b.opened = true
		return nil
	case kindCreated:
		return b.create(f)
	case kindChanged, kindPasswordSet, kindSessionsEnded:
		return b.change(f)
	case kindIssued:
		return b.issue(f)
	case kindRevoked:
		return b.revoke(f)
	default:
		return nil
	}
}

func (b *Book) create(f holdfast.Fact) error {
	var body created
	if err := f.Decode(&body); err != nil {
		return err
	}
	name := f.Subject.ID()
	b.accounts[name] = Account{
		Name: name, Display: body.Display, Roles: body.Roles, Person: body.Person, Lang: body.Lang,
		Created: f.Time, revision: f.Revision, epoch: f.Append,
	}
	return nil
}

func (b *Book) change(f holdfast.Fact) error {
	a, ok := b.accounts[f.Subject.ID()]
	if !ok {
		return holdfast.Errorf(holdfast.Damaged, "no fact before this one made account %s", f.Subject.ID())
	}
	a.revision = f.Revision
	switch f.Kind {
	case kindChanged:
		var body Changes
		if err := f.Decode(&body); err != nil {
			return err
		}
		a = body.to(a)
		if a.Disabled {
			a.epoch = f.Append
		}
	case kindPasswordSet:
		var body passwordSet
		if err := f.Decode(&body); err != nil {
			return err
		}
		a.credential, a.HasPassword, a.epoch = body.Credential, true, f.Append
	case kindSessionsEnded:
		a.epoch = f.Append
	}
	b.accounts[a.Name] = a
	return nil
}

func (b *Book) issue(f holdfast.Fact) error {
	var body issued
	if err := f.Decode(&body); err != nil {
		return err
	}
	id := f.Subject.ID()
	b.tokens[id] = Token{
		ID: id, Account: body.Account, Name: body.Name, Scopes: body.Scopes,
		Issued: f.Time, Expires: body.Expires, digest: body.SHA256, revision: f.Revision,
	}
	return nil
}

func (b *Book) revoke(f holdfast.Fact) error {
	t, ok := b.tokens[f.Subject.ID()]
	if !ok {
		return holdfast.Errorf(holdfast.Damaged, "no fact before this one issued token %s", f.Subject.ID())
	}
	t.Revoked, t.revision = f.Time, f.Revision
	b.tokens[t.ID] = t
	return nil
}

// Account returns the account with a name.
func (b *Book) Account(name string) (Account, bool) {
	a, ok := b.accounts[name]
	a.Roles = slices.Clone(a.Roles)
	return a, ok
}

// May reports whether an actor is an account that may do something now.
func (b *Book) May(by holdfast.Actor, a Action) bool {
	return by.Kind == holdfast.Account && b.accounts[by.ID].Actions().Has(a)
}

// Accounts lists all accounts by name.
func (b *Book) Accounts() []Account {
	var all []Account
	for _, name := range slices.Sorted(maps.Keys(b.accounts)) {
		a, _ := b.Account(name)
		all = append(all, a)
	}
	return all
}

// Tokens lists the tokens of an account, the newest first, with those revoked
// and expired.
func (b *Book) Tokens(account string) []Token {
	var all []Token
	for _, t := range b.tokens {
		if t.Account == account {
			t.Scopes = slices.Clone(t.Scopes)
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(x, y Token) int {
		return cmp.Or(y.Issued.Compare(x.Issued), cmp.Compare(x.ID, y.ID))
	})
	return all
}
