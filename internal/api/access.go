package api

import "holdfast/internal/access"

func (a *API) accounts(*call) (any, error) { return a.Access.Accounts(), nil }

func (a *API) createAccount(c *call) (any, error) {
	in, err := body[NewAccount](c)
	if err != nil {
		return nil, err
	}
	n := access.NewAccount{Name: in.Name, Display: in.Display, Roles: in.Roles, Person: in.Person, Lang: in.Lang}
	return struct{}{}, a.Access.CreateAccount(c.r.Context(), c.who, n, in.Password)
}

func (a *API) changeAccount(c *call) (any, error) {
	in, err := body[access.Changes](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Access.ChangeAccount(c.r.Context(), c.who, c.path("name"), in)
}

func (a *API) setPassword(c *call) (any, error) {
	in, err := body[Password](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Access.SetPassword(c.r.Context(), c.who, c.path("name"), in.Password)
}

// tokens lists the caller's own, or, with the right to manage access, another
// account's.
func (a *API) tokens(c *call) (any, error) {
	account := c.query("account")
	if account == "" {
		account = c.who.Account
	}
	if account != c.who.Account {
		if err := c.who.Require(access.ManageAccess); err != nil {
			return nil, err
		}
	}
	list := a.Access.Tokens(account)
	if list == nil {
		list = []access.Token{}
	}
	return list, nil
}

func (a *API) issueToken(c *call) (any, error) {
	in, err := body[NewToken](c)
	if err != nil {
		return nil, err
	}
	if in.Account == "" {
		in.Account = c.who.Account
	}
	text, id, err := a.Access.IssueToken(c.r.Context(), c.who, access.NewToken{
		Account: in.Account, Name: in.Name, Scopes: in.Scopes, Expires: in.Expires,
	})
	return Issued{ID: id, Token: text}, err
}

func (a *API) revokeToken(c *call) (any, error) {
	return nil, a.Access.RevokeToken(c.r.Context(), c.who, c.path("id"))
}
