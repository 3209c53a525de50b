package access

import (
	"holdfast"
	"holdfast/internal/journal"
)

// NewAccount is what it takes to make an account.
type NewAccount struct {
	Name    string
	Display string
	// Roles is the viewer's alone if it is empty.
	Roles  []Role
	Person string
	Lang   holdfast.Lang
}

// create makes an account. A credential, if there is one, gives it a password
// from its first moment.
func create(b *Book, by Principal, n NewAccount, credential string) ([]journal.Draft, error) {
	if err := by.Require(ManageAccess); err != nil {
		return nil, err
	}
	if !holdfast.ValidName(n.Name) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q cannot name an account: use 1 to 64 lower-case letters, digits, '-', '_' and '.', a letter or digit first", n.Name).At("name")
	}
	if _, ok := b.accounts[n.Name]; ok {
		return nil, holdfast.Errorf(holdfast.Conflict, "there is an account %s already; choose another name", n.Name).At("name")
	}
	if len(b.accounts) >= maxAccounts {
		return nil, holdfast.Errorf(holdfast.TooLarge, "there are %d accounts, which is the most there can be", maxAccounts)
	}
	if len(n.Roles) == 0 {
		n.Roles = []Role{Viewer}
	}
	roles, err := checkRoles(n.Roles)
	if err != nil {
		return nil, err
	}
	if err := checkDisplay(n.Display); err != nil {
		return nil, err
	}
	if err := checkLang(n.Lang); err != nil {
		return nil, err
	}
	if err := checkPerson(b, n.Name, n.Person); err != nil {
		return nil, err
	}
	s := accountSubject(n.Name)
	drafts := []journal.Draft{journal.NewDraft(s, 0, kindCreated, created{
		Display: n.Display, Roles: roles, Person: n.Person, Lang: n.Lang,
	})}
	if credential != "" {
		drafts = append(drafts, journal.NewDraft(s, 1, kindPasswordSet, passwordSet{Credential: credential}))
	}
	return drafts, nil
}

// open makes the first account, an admin with a password.
func open(b *Book, name, credential string) ([]journal.Draft, error) {
	if b.opened || len(b.accounts) > 0 {
		return nil, holdfast.Errorf(holdfast.Conflict, "there are accounts already; an admin among them can make others")
	}
	drafts, err := create(b, Self("first start"), NewAccount{Name: name, Roles: []Role{Admin}}, credential)
	if err != nil {
		return nil, err
	}
	return append(drafts, journal.NewDraft(first, 0, kindFirst, struct {
		Account string `json:"account"`
	}{name})), nil
}
