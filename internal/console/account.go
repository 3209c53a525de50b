package console

import (
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/access"
)

type accountPage struct {
	Account  access.Account
	Tokens   []token
	Sessions []session
	Rights   []access.Action
	Push     devicesPart
	// Secret is a token that was just issued.
	Secret string
}

type token struct {
	ID, Name string
	Actions  access.Actions
	Expires  time.Time
}

type session struct {
	ID          string
	Since, Used time.Time
	Present     bool
}

func (c *Console) account(v *visit) error { return c.accountWith(v, "") }

// tokens lists an account's live tokens.
func (c *Console) tokens(account string) (list []token) {
	for _, t := range c.Access.Tokens(account) {
		if t.Live(c.Desk.Now()) {
			list = append(list, token{t.ID, t.Name, t.Scopes, t.Expires})
		}
	}
	return list
}

func (c *Console) accountWith(v *visit, secret string) error {
	name := v.who().Account
	a, err := c.Access.Account(name)
	if err != nil {
		return err
	}
	own := accountPage{Account: a, Secret: secret, Tokens: c.tokens(name)}
	sessions, err := c.Access.Sessions(v.r.Context(), v.who(), name)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		own.Sessions = append(own.Sessions, session{s.ID, s.Created, s.Seen, s.ID == v.req.Session.ID})
	}
	for _, r := range access.AllActions() {
		if v.who().May(r) {
			own.Rights = append(own.Rights, r)
		}
	}
	if own.Push, err = c.devices(v); err != nil {
		return err
	}
	return c.show(v, "account", v.words.T("account.title"), false, own)
}

func (c *Console) changePassword(v *visit) error {
	at := access.Attempt{Account: v.who().Account, Password: v.form("old"), Client: v.req.Client}
	if err := c.Access.ChangePassword(v.r.Context(), at, v.form("new")); err != nil {
		return err
	}
	// Every session has ended, this one too.
	c.web.ClearSession(v.w)
	return v.seeOther("/sign-in", "password")
}

func (c *Console) issueToken(v *visit) error {
	secret, err := c.issue(v, v.who().Account)
	if err != nil {
		return err
	}
	return c.accountWith(v, secret) // shown once, so not after a redirect
}

// issue makes a token of an account as the form says and returns its text.
func (c *Console) issue(v *visit, account string) (secret string, err error) {
	n := access.NewToken{Account: account, Name: v.form("name")}
	for _, a := range v.r.PostForm["action"] {
		n.Scopes = append(n.Scopes, access.Action(a))
	}
	if text := v.form("days"); text != "" {
		days, err := strconv.Atoi(text)
		if err != nil || days < 1 || days > 3660 {
			return "", holdfast.Errorf(holdfast.Invalid, "a token is valid for 1 to 3660 days, not %q", text).At("days")
		}
		n.Expires = c.Desk.Now().AddDate(0, 0, days)
	}
	secret, _, err = c.Access.IssueToken(v.r.Context(), v.who(), n)
	return secret, err
}

func (c *Console) revokeToken(v *visit) error {
	if err := c.Access.RevokeToken(v.r.Context(), v.who(), v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/account", "done")
}

func (c *Console) endSession(v *visit) error {
	if err := c.Access.EndSession(v.r.Context(), v.who(), v.who().Account, v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/account", "done")
}

type accountsPage struct {
	Accounts []access.Account
	Roles    []access.Role
}

func (c *Console) accounts(v *visit) error {
	return c.show(v, "accounts", v.words.T("accounts.title"), false, accountsPage{c.Access.Accounts(), access.Roles()})
}

func (v *visit) roles() []access.Role {
	roles := []access.Role{}
	for _, r := range v.r.PostForm["role"] {
		roles = append(roles, access.Role(r))
	}
	return roles
}

func (c *Console) createAccount(v *visit) error {
	n := access.NewAccount{Name: v.form("name"), Display: v.form("display"), Roles: v.roles()}
	if err := c.Access.CreateAccount(v.r.Context(), v.who(), n, v.form("password")); err != nil {
		return err
	}
	return v.seeOther("/accounts", "saved")
}

type accountEditPage struct {
	Account access.Account
	Roles   []access.Role
	Tokens  []token
	// Rights are those that a token of the account can have.
	Rights []access.Action
	// Secret is a token that was just issued.
	Secret string
}

func (c *Console) accountEdit(v *visit) error { return c.accountEditWith(v, "") }

func (c *Console) accountEditWith(v *visit, secret string) error {
	a, err := c.Access.Account(v.path("name"))
	if err != nil {
		return err
	}
	own := accountEditPage{a, access.Roles(), c.tokens(a.Name), a.Actions(), secret}
	return c.show(v, "accountedit", a.Name, false, own)
}

// issueTokenFor gives a program's account, which nobody signs in to, its token.
func (c *Console) issueTokenFor(v *visit) error {
	secret, err := c.issue(v, v.path("name"))
	if err != nil {
		return err
	}
	return c.accountEditWith(v, secret)
}

func (c *Console) revokeTokenOf(v *visit) error {
	if err := c.Access.RevokeToken(v.r.Context(), v.who(), v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/accounts/"+v.path("name"), "done")
}

func (c *Console) changeAccount(v *visit) error {
	roles := v.roles()
	display, person, disabled := v.form("display"), v.form("person"), v.form("disabled") != ""
	changes := access.Changes{Display: &display, Roles: &roles, Person: &person, Disabled: &disabled}
	if err := c.Access.ChangeAccount(v.r.Context(), v.who(), v.path("name"), changes); err != nil {
		return err
	}
	return v.seeOther("/accounts", "saved")
}

func (c *Console) setPassword(v *visit) error {
	if err := c.Access.SetPassword(v.r.Context(), v.who(), v.path("name"), v.form("password")); err != nil {
		return err
	}
	return v.seeOther("/accounts/"+v.path("name"), "password")
}
