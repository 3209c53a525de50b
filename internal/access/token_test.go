package access

import (
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

func TestIssue(t *testing.T) {
	b := bookOf(t,
		making(NewAccount{Name: "mei", Roles: []Role{Duty}}),
		making(NewAccount{Name: "root", Roles: []Role{Admin, Commander}}))
	now := newClock().now
	mei, _ := b.Account("mei")
	root, _ := b.Account("root")
	rootToken := root.Principal()
	rootToken.Token, rootToken.Actions = "7", Actions{ManageAccess, Read}
	good := NewToken{Account: "mei", Name: "ci", Scopes: Actions{Read}}
	with := func(edit func(*NewToken)) NewToken { n := good; edit(&n); return n }
	tests := []struct {
		name  string
		by    Principal
		new   NewToken
		code  holdfast.Code
		field string
	}{
		{"by an admin", boss, good, "", ""},
		{"by the account itself", mei.Principal(), good, "", ""},
		{"by a token of the account", func() Principal { p := mei.Principal(); p.Token = "7"; return p }(), good, holdfast.Forbidden, ""},
		{"for another account", mei.Principal(), with(func(n *NewToken) { n.Account = "root" }), holdfast.Forbidden, ""},
		{"by nobody", Principal{}, good, holdfast.Unauthenticated, ""},
		{"no such account", boss, with(func(n *NewToken) { n.Account = "zoe" }), holdfast.NotFound, ""},
		{"more than the account has", boss, with(func(n *NewToken) { n.Scopes = Actions{Read, Approve} }), holdfast.Invalid, "scopes"},
		{"no such right", boss, with(func(n *NewToken) { n.Scopes = Actions{"fly"} }), holdfast.Invalid, "scopes"},
		{"no scope", boss, with(func(n *NewToken) { n.Scopes = nil }), holdfast.Invalid, "scopes"},
		{"no name", boss, with(func(n *NewToken) { n.Name = "" }), holdfast.Invalid, "name"},
		{"long name", boss, with(func(n *NewToken) { n.Name = strings.Repeat("x", 65) }), holdfast.TooLarge, "name"},
		{"expires now", boss, with(func(n *NewToken) { n.Expires = now }), holdfast.Invalid, "expires"},
		{"expires later", boss, with(func(n *NewToken) { n.Expires = now.Add(time.Second) }), "", ""},
		{"token begets less", rootToken, NewToken{Account: "root", Name: "x", Scopes: Actions{Read}}, "", ""},
		{"token begets more", rootToken, NewToken{Account: "root", Name: "x", Scopes: Actions{Read, Approve}}, holdfast.Forbidden, "scopes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := issue(b, tt.by, tt.new, "id", "secret", now)
			wantCode(t, err, tt.code)
			wantField(t, err, tt.field)
		})
	}
}

// issueFor issues a token of an account.
func (n *node) issueFor(t *testing.T, account string, scopes ...Action) (text, id string) {
	t.Helper()
	text, id, err := n.IssueToken(t.Context(), boss, NewToken{Account: account, Name: "t", Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return text, id
}

func TestTokenActsWithWhatItsAccountStillHas(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei", Commander)
	text, id := n.issueFor(t, "mei", Read, Approve)
	p, err := n.ByToken(text)
	if err != nil {
		t.Fatal(err)
	}
	if words(p.Actions) != "approve, read" || p.Token != id || p.Actor.Via != id || p.Actor.ID != "mei" {
		t.Errorf("the token acts as %+v", p)
	}
	if err := n.ChangeAccount(t.Context(), boss, "mei", Changes{Roles: &[]Role{Viewer}}); err != nil {
		t.Fatal(err)
	}
	if p, _ = n.ByToken(text); words(p.Actions) != "read" {
		t.Errorf("after the account lost the role its token may %v", p.Actions)
	}
}

func TestTokenEnds(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, n *node, id string) error
	}{
		{"revoked", func(t *testing.T, n *node, id string) error { return n.RevokeToken(t.Context(), boss, id) }},
		{"expired", func(_ *testing.T, n *node, _ string) error { n.clock.advance(time.Hour); return nil }},
		{"account disabled", func(t *testing.T, n *node, _ string) error {
			return n.ChangeAccount(t.Context(), boss, "mei", Changes{Disabled: ptr(true)})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNode(t, newStore())
			n.create(t, "mei")
			text, id, err := n.IssueToken(t.Context(), boss, NewToken{
				Account: "mei", Name: "t", Scopes: Actions{Read}, Expires: n.clock.Now().Add(time.Hour),
			})
			if err != nil {
				t.Fatal(err)
			}
			n.clock.advance(59 * time.Minute)
			if _, err := n.ByToken(text); err != nil {
				t.Fatal(err)
			}
			n.clock.advance(-59 * time.Minute)
			if err := tt.end(t, n, id); err != nil {
				t.Fatal(err)
			}
			_, err = n.ByToken(text)
			wantCode(t, err, holdfast.Unauthenticated)
		})
	}
}

func TestRevoke(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei", Duty)
	n.create(t, "lin")
	mei, lin := n.principal(t, n.signIn(t, "mei")), n.principal(t, n.signIn(t, "lin"))
	text, id := n.issueFor(t, "mei", Read)
	self, _ := n.ByToken(text)
	wantCode(t, n.RevokeToken(t.Context(), lin, id), holdfast.Forbidden)
	wantCode(t, n.RevokeToken(t.Context(), lin, "none"), holdfast.Forbidden)
	wantCode(t, n.RevokeToken(t.Context(), boss, "none"), holdfast.NotFound)
	wantCode(t, n.RevokeToken(t.Context(), self, id), "")
	facts := len(n.store.facts(t))
	wantCode(t, n.RevokeToken(t.Context(), mei, id), "")
	if len(n.store.facts(t)) != facts {
		t.Error("revoking twice wrote a fact")
	}
	if got := n.Tokens("mei"); len(got) != 1 || got[0].Revoked.IsZero() {
		t.Errorf("tokens: %+v", got)
	}
}

func TestTokensPerAccount(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	for range maxTokens {
		n.issueFor(t, "mei", Read)
	}
	_, _, err := n.IssueToken(t.Context(), boss, NewToken{Account: "mei", Name: "t", Scopes: Actions{Read}})
	wantCode(t, err, holdfast.Conflict)
	if err := n.RevokeToken(t.Context(), boss, n.Tokens("mei")[0].ID); err != nil {
		t.Fatal(err)
	}
	n.issueFor(t, "mei", Read)
}

func TestByTokenRefuses(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	text, id := n.issueFor(t, "mei", Read)
	_, secret, _ := parseToken(text)
	var said string
	for _, bad := range []string{
		formatToken(id, holdfast.Secret()),
		formatToken(holdfast.NewID(), secret),
		formatToken(id, ""),
		text + "0", text[:len(text)-1], strings.ToUpper(text), " " + text, id, "hf_", "",
	} {
		_, err := n.ByToken(bad)
		wantCode(t, err, holdfast.Unauthenticated)
		if said == "" {
			said = err.Error()
		}
		if err.Error() != said {
			t.Errorf("answers differ: %q and %q", said, err)
		}
	}
}

// TestTokenLaw: whatever the scopes and whatever becomes of the account's roles,
// a token never may what its scopes or its account's roles do not say.
func TestTokenLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roles := rapid.SliceOfN(rapid.SampledFrom(Roles()), 1, 3)
		a := Account{Name: "mei", Roles: roles.Draw(t, "roles"), Disabled: rapid.Bool().Draw(t, "disabled")}
		scopes := rapid.SliceOf(rapid.SampledFrom(AllActions())).Draw(t, "scopes")
		id, secret := holdfast.NewID(), holdfast.Secret()
		b := NewBook()
		b.accounts["mei"] = a
		b.tokens[id] = Token{ID: id, Account: "mei", Scopes: scopes, digest: digest(secret)}
		p, err := b.byToken(formatToken(id, secret), newClock().now)
		if (err != nil) != a.Disabled {
			t.Fatalf("disabled %t, error %v", a.Disabled, err)
		}
		for _, act := range AllActions() {
			if p.May(act) != (Actions(scopes).Has(act) && a.Actions().Has(act)) {
				t.Fatalf("%s: %t with scopes %v and roles %v", act, p.May(act), scopes, a.Roles)
			}
		}
	})
}

// TestChangesOnTwoNodes lets two nodes change one account at once: each decides
// anew on what the other wrote, and nothing is lost.
func TestChangesOnTwoNodes(t *testing.T) {
	s := newStore()
	x, y := newNode(t, s), newNode(t, s)
	x.create(t, "mei")
	y.reach(t)
	errs := make(chan error, 2)
	var wg sync.WaitGroup
	wg.Go(func() { errs <- x.ChangeAccount(t.Context(), boss, "mei", Changes{Display: ptr("梅")}) })
	wg.Go(func() { errs <- y.ChangeAccount(t.Context(), boss, "mei", Changes{Roles: &[]Role{Duty}}) })
	wg.Wait()
	for range 2 {
		wantCode(t, <-errs, "")
	}
	x.reach(t)
	a, err := x.Account("mei")
	if err != nil || a.Display != "梅" || words(a.Roles) != "duty" {
		t.Errorf("account %+v, %v", a, err)
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(formatToken(holdfast.NewID(), holdfast.Secret()))
	f.Add("hf__")
	f.Add("hf_a_b_c")
	f.Fuzz(func(t *testing.T, text string) {
		id, secret, ok := parseToken(text)
		if ok && (formatToken(id, secret) != text || len(text) != len(tokenPrefix)+idLength+1+secretLength) {
			t.Errorf("%q was read as %q, %q", text, id, secret)
		}
	})
}
