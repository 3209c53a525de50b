package access

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// bookOf folds the facts that acts decide, each as one append.
func bookOf(t *testing.T, acts ...func(b *Book) ([]journal.Draft, error)) *Book {
	t.Helper()
	b, head := NewBook(), journal.NewMemory("test").Genesis()
	for _, act := range acts {
		drafts, err := act(b)
		if err != nil {
			t.Fatal(err)
		}
		var facts []holdfast.Fact
		facts, head = journal.Seal(head, journal.Append{ID: holdfast.NewID(), Facts: drafts, Time: newClock().now})
		for _, f := range facts {
			if err := b.Apply(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	return b
}

func making(n NewAccount) func(b *Book) ([]journal.Draft, error) {
	return func(b *Book) ([]journal.Draft, error) { return create(b, boss, n, "") }
}

func ptr[T any](v T) *T { return &v }

func TestCreate(t *testing.T) {
	b := bookOf(t, making(NewAccount{Name: "mei", Person: "p-mei"}))
	tests := []struct {
		name  string
		by    Principal
		new   NewAccount
		code  holdfast.Code
		field string
	}{
		{"good", boss, NewAccount{Name: "lin", Display: "林", Roles: []Role{Duty}, Person: "p-lin", Lang: holdfast.ZhHans}, "", ""},
		{"without the right", Account{Name: "x", Roles: []Role{Commander}}.Principal(), NewAccount{Name: "lin"}, holdfast.Forbidden, ""},
		{"nobody", Principal{}, NewAccount{Name: "lin"}, holdfast.Unauthenticated, ""},
		{"bad name", boss, NewAccount{Name: "Lin Wei"}, holdfast.Invalid, "name"},
		{"no name", boss, NewAccount{}, holdfast.Invalid, "name"},
		{"name taken", boss, NewAccount{Name: "mei"}, holdfast.Conflict, "name"},
		{"no such role", boss, NewAccount{Name: "lin", Roles: []Role{"root"}}, holdfast.Invalid, "roles"},
		{"two lines", boss, NewAccount{Name: "lin", Display: "a\nb"}, holdfast.Invalid, "display"},
		{"long display", boss, NewAccount{Name: "lin", Display: strings.Repeat("林", 65)}, holdfast.TooLarge, "display"},
		{"longest display", boss, NewAccount{Name: "lin", Display: strings.Repeat("林", 64)}, "", ""},
		{"no such language", boss, NewAccount{Name: "lin", Lang: "fr"}, holdfast.Invalid, "lang"},
		{"person has an account", boss, NewAccount{Name: "lin", Person: "p-mei"}, holdfast.Conflict, "person"},
		{"bad person", boss, NewAccount{Name: "lin", Person: "P 1"}, holdfast.Invalid, "person"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drafts, err := create(b, tt.by, tt.new, "")
			wantCode(t, err, tt.code)
			if err == nil && len(drafts) != 1 {
				t.Errorf("%d facts", len(drafts))
			}
			wantField(t, err, tt.field)
		})
	}
}

func wantField(t *testing.T, err error, want string) {
	t.Helper()
	if e, ok := err.(*holdfast.Error); ok && e.Field != want {
		t.Errorf("field %q, want %q", e.Field, want)
	}
}

func TestLeastRightByDefault(t *testing.T) {
	b := bookOf(t, making(NewAccount{Name: "mei"}))
	a, _ := b.Account("mei")
	if got := words(a.Actions()); got != "acknowledge, read, read-archive" {
		t.Errorf("a new account may %s", got)
	}
}

func TestChange(t *testing.T) {
	b := bookOf(t,
		making(NewAccount{Name: "root", Roles: []Role{Admin}}),
		making(NewAccount{Name: "mei", Display: "Mei", Roles: []Role{Duty}, Person: "p-mei"}),
		making(NewAccount{Name: "lin"}))
	mei, _ := b.Account("mei")
	owner := mei.Principal()
	ownToken := owner
	ownToken.Token = "7"
	tests := []struct {
		name    string
		by      Principal
		account string
		c       Changes
		code    holdfast.Code
		body    string
	}{
		{"roles, sorted and once", boss, "mei", Changes{Roles: &[]Role{Viewer, Duty, Viewer}}, "", `{"roles":["duty","viewer"]}`},
		{"only what differs", boss, "mei", Changes{Display: ptr("Mei"), Disabled: ptr(true)}, "", `{"disabled":true}`},
		{"nothing differs", boss, "mei", Changes{Roles: &[]Role{Duty}, Lang: ptr(holdfast.Lang(""))}, "", ""},
		{"link taken away", boss, "mei", Changes{Person: ptr("")}, "", `{"person":""}`},
		{"link of another", boss, "lin", Changes{Person: ptr("p-mei")}, holdfast.Conflict, ""},
		{"no role left", boss, "mei", Changes{Roles: &[]Role{}}, holdfast.Invalid, ""},
		{"no such account", boss, "zoe", Changes{}, holdfast.NotFound, ""},
		{"own language", owner, "mei", Changes{Lang: ptr(holdfast.En)}, "", `{"lang":"en"}`},
		{"own language by token", ownToken, "mei", Changes{Lang: ptr(holdfast.En)}, holdfast.Forbidden, ""},
		{"another's language", owner, "lin", Changes{Lang: ptr(holdfast.En)}, holdfast.Forbidden, ""},
		{"own roles", owner, "mei", Changes{Lang: ptr(holdfast.En), Roles: &[]Role{Admin}}, holdfast.Forbidden, ""},
		{"nobody's nothing", Principal{}, "", Changes{}, holdfast.Unauthenticated, ""},
		{"last admin disabled", boss, "root", Changes{Disabled: ptr(true)}, holdfast.Conflict, ""},
		{"last admin demoted", boss, "root", Changes{Roles: &[]Role{Viewer}}, holdfast.Conflict, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drafts, err := change(b, tt.by, tt.account, tt.c)
			wantCode(t, err, tt.code)
			var body string
			if len(drafts) > 0 {
				body = string(drafts[0].Body)
			}
			if body != tt.body {
				t.Errorf("body %s, want %s", body, tt.body)
			}
		})
	}
}

func TestLastAdminMayGoOnceThereIsAnother(t *testing.T) {
	b := bookOf(t,
		making(NewAccount{Name: "root", Roles: []Role{Admin}}),
		making(NewAccount{Name: "zoe", Roles: []Role{Admin}}))
	if _, err := change(b, boss, "root", Changes{Disabled: ptr(true)}); err != nil {
		t.Fatal(err)
	}
}

func TestBookRefusesHoles(t *testing.T) {
	tests := []struct {
		subject holdfast.Subject
		kind    string
		body    string
		code    holdfast.Code
	}{
		{"account/mei", kindChanged, `{}`, holdfast.Damaged},
		{"token/7", kindRevoked, `{}`, holdfast.Damaged},
		{"account/mei", kindCreated, `{"roles":3}`, holdfast.Internal},
		{"token/7", kindIssued, `[]`, holdfast.Internal},
		{"incident/1", "incident.opened", `[]`, ""},
	}
	for _, tt := range tests {
		err := NewBook().Apply(holdfast.Fact{Subject: tt.subject, Kind: tt.kind, Body: []byte(tt.body)})
		wantCode(t, err, tt.code)
	}
}

func TestBootstrap(t *testing.T) {
	n := newNode(t, newStore())
	wantCode(t, n.Bootstrap(t.Context(), "root", "short"), holdfast.Invalid)
	if err := n.Bootstrap(t.Context(), "root", right); err != nil {
		t.Fatal(err)
	}
	p := n.principal(t, n.signIn(t, "root"))
	if !p.May(ManageAccess) || p.May(RunIncident) {
		t.Errorf("the first admin may %v", p.Actions)
	}
	wantCode(t, n.Bootstrap(t.Context(), "other", right), holdfast.Conflict)
	if kept := n.store.documents(t, "credential/"); len(kept) != 1 {
		t.Errorf("verifiers kept: %d", len(kept))
	}
}

// TestBootstrapOnce lets several nodes make a first account, each another name,
// and all decide before any of them writes.
func TestBootstrapOnce(t *testing.T) {
	s := newStore()
	names := []string{"a", "b", "c", "d"}
	var deciding sync.WaitGroup
	deciding.Add(len(names))
	arrived := make(chan struct{}, len(names))
	s.fail = func(act string) error {
		if act != "append" {
			return nil
		}
		select {
		case arrived <- struct{}{}:
			deciding.Done()
			deciding.Wait()
		default: // decided anew
		}
		return nil
	}
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		n := newNode(t, s)
		wg.Go(func() { errs[i] = n.Bootstrap(t.Context(), name, right) })
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else {
			wantCode(t, err, holdfast.Conflict)
		}
	}
	if made != 1 || len(newNode(t, s).Accounts()) != 1 {
		t.Errorf("%d first accounts were made: %v", made, errs)
	}
	if kept := s.documents(t, "credential/"); len(kept) != 1 {
		t.Errorf("verifiers of accounts that were never made are kept: %d", len(kept))
	}
}

func TestSetPassword(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei", Duty)
	const next = "another long password"
	by := n.principal(t, n.signIn(t, "mei"))
	wantCode(t, n.SetPassword(t.Context(), by, "mei", next), holdfast.Forbidden)
	wantCode(t, n.SetPassword(t.Context(), boss, "zoe", next), holdfast.NotFound)
	wantCode(t, n.SetPassword(t.Context(), boss, "mei", "short"), holdfast.Invalid)
	before := n.store.documents(t, "credential/")
	if err := n.SetPassword(t.Context(), boss, "mei", next); err != nil {
		t.Fatal(err)
	}
	after := n.store.documents(t, "credential/")
	if len(after) != 1 || after[0].Key == before[0].Key {
		t.Errorf("verifiers %v became %v; the old one must go", before, after)
	}
	_, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: right})
	wantCode(t, err, holdfast.Unauthenticated)
	if _, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: next}); err != nil {
		t.Error(err)
	}
}

func TestChangePassword(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	const next = "another long password"
	wantCode(t, n.ChangePassword(t.Context(), Attempt{Account: "mei", Password: wrong}, next), holdfast.Unauthenticated)
	wantCode(t, n.ChangePassword(t.Context(), Attempt{Account: "mei", Password: right}, "short"), holdfast.Invalid)
	if err := n.ChangePassword(t.Context(), Attempt{Account: "mei", Password: right}, next); err != nil {
		t.Fatal(err)
	}
	if _, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: next}); err != nil {
		t.Error(err)
	}
}

func TestPasswordWhenTheStoreFails(t *testing.T) {
	down := holdfast.Errorf(holdfast.Unavailable, "the store is down")
	doubt := holdfast.Errorf(holdfast.Doubtful, "no answer")
	tests := []struct {
		act  string
		err  error
		code holdfast.Code
		kept int // verifiers afterwards
		old  bool
	}{
		{"put", down, holdfast.Unavailable, 1, true},
		{"append", down, holdfast.Unavailable, 1, true},
		{"delete", down, holdfast.Internal, 2, false},
		{"append", doubt, holdfast.Doubtful, 2, true},
	}
	for _, tt := range tests {
		t.Run(tt.act+" "+string(tt.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, newStore())
				n.create(t, "mei")
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				n.store.fail = func(act string) error {
					if act == tt.act {
						return tt.err
					}
					return nil
				}
				wantCode(t, n.SetPassword(ctx, boss, "mei", "another long password"), tt.code)
				n.store.fail = nil
				if kept := n.store.documents(t, "credential/"); len(kept) != tt.kept {
					t.Errorf("verifiers kept: %d", len(kept))
				}
				_, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: right})
				if (err == nil) != tt.old {
					t.Errorf("the old password answers %v", err)
				}
			})
		})
	}
}

func TestLostVerifierCostsANewPassword(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	n.store.lose(t)
	_, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: right})
	wantCode(t, err, holdfast.Unauthenticated)
	if err := n.SetPassword(t.Context(), boss, "mei", right); err != nil {
		t.Fatal(err)
	}
	n.signIn(t, "mei")
}

func TestJournalHoldsNoSecret(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei", Duty)
	session := n.signIn(t, "mei")
	text, _, err := n.IssueToken(t.Context(), boss, NewToken{Account: "mei", Name: "ci", Scopes: Actions{Read}})
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := parseToken(text)
	stored := n.store.documents(t, "credential/")[0].Body
	key := stored[bytes.LastIndexByte(stored, '$')+1:]
	for _, f := range n.store.facts(t) {
		for _, s := range []string{right, session, secret, "argon2", string(key)} {
			if strings.Contains(string(f.Body), s) {
				t.Errorf("%s holds a secret: %s", f.Kind, f.Body)
			}
		}
	}
	for _, d := range n.store.documents(t, "") {
		if strings.Contains(d.Key+string(d.Body), session) {
			t.Errorf("document %s holds a session's secret", d.Key)
		}
	}
}
