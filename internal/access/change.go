package access

import (
	"slices"

	"holdfast"
	"holdfast/internal/journal"
)

// Changes says what shall be different about an account; nil leaves a thing as
// it is. It is also the body of account.changed, which holds what did change.
type Changes struct {
	Display  *string        `json:"display,omitempty"`
	Roles    *[]Role        `json:"roles,omitempty"`
	Person   *string        `json:"person,omitempty"`
	Lang     *holdfast.Lang `json:"lang,omitempty"`
	Disabled *bool          `json:"disabled,omitempty"`
}

// to returns the account with the changes made.
func (c Changes) to(a Account) Account {
	if c.Display != nil {
		a.Display = *c.Display
	}
	if c.Roles != nil {
		a.Roles = *c.Roles
	}
	if c.Person != nil {
		a.Person = *c.Person
	}
	if c.Lang != nil {
		a.Lang = *c.Lang
	}
	if c.Disabled != nil {
		a.Disabled = *c.Disabled
	}
	return a
}

// since drops the changes that a has already.
func (c Changes) since(a Account) Changes {
	c.Display = unless(c.Display, a.Display)
	c.Person = unless(c.Person, a.Person)
	c.Lang = unless(c.Lang, a.Lang)
	c.Disabled = unless(c.Disabled, a.Disabled)
	if c.Roles != nil && slices.Equal(*c.Roles, a.Roles) {
		c.Roles = nil
	}
	return c
}

func unless[T comparable](p *T, same T) *T {
	if p != nil && *p == same {
		return nil
	}
	return p
}

// change alters an account. Whoever is signed in may choose his own language;
// the rest takes the right to manage access.
func change(b *Book, by Principal, name string, c Changes) ([]journal.Draft, error) {
	if !by.owns(name) || c != (Changes{Lang: c.Lang}) {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	a, err := b.find(name)
	if err != nil {
		return nil, err
	}
	if c.Roles != nil {
		roles, err := checkRoles(*c.Roles)
		if err != nil {
			return nil, err
		}
		c.Roles = &roles
	}
	after := c.to(a)
	if err := checkDisplay(after.Display); err != nil {
		return nil, err
	}
	if err := checkLang(after.Lang); err != nil {
		return nil, err
	}
	if err := checkPerson(b, name, after.Person); err != nil {
		return nil, err
	}
	if a.Actions().Has(ManageAccess) && !after.Actions().Has(ManageAccess) && !b.othersManage(name) {
		return nil, holdfast.Errorf(holdfast.Conflict, "%s is the last account that can manage access; give another the role %s first", name, Admin)
	}
	if c = c.since(a); c == (Changes{}) {
		return nil, nil
	}
	return []journal.Draft{journal.NewDraft(accountSubject(name), a.revision, kindChanged, c)}, nil
}

// setPassword puts the verifier with this id in force, which ends the account's
// sessions.
func setPassword(b *Book, by Principal, name, credential string) ([]journal.Draft, error) {
	if !by.owns(name) {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	a, err := b.find(name)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(accountSubject(name), a.revision, kindPasswordSet, passwordSet{Credential: credential})}, nil
}

// endSessions ends every session of an account.
func endSessions(b *Book, by Principal, name string) ([]journal.Draft, error) {
	if !by.owns(name) {
		if err := by.Require(ManageAccess); err != nil {
			return nil, err
		}
	}
	a, err := b.find(name)
	if err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(accountSubject(name), a.revision, kindSessionsEnded, struct{}{})}, nil
}

// owns reports whether the principal is the account itself, in a session. A
// token is not its owner: it has its scopes and no more.
func (p Principal) owns(account string) bool {
	return p.Account != "" && p.Account == account && p.Token == ""
}

func (b *Book) find(name string) (Account, error) {
	a, ok := b.accounts[name]
	if !ok {
		return Account{}, holdfast.Errorf(holdfast.NotFound, "there is no account %q", name)
	}
	return a, nil
}

// othersManage reports whether an account other than this one can manage access.
func (b *Book) othersManage(name string) bool {
	for _, a := range b.accounts {
		if a.Name != name && a.Actions().Has(ManageAccess) {
			return true
		}
	}
	return false
}
