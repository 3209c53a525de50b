package access

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

var client = netip.MustParseAddr("192.0.2.7")

func TestSessionEnds(t *testing.T) {
	const next = "another long password"
	tests := []struct {
		name  string
		do    func(t *testing.T, n *node, secret string) error
		lives bool
	}{
		{"used within the hour", func(t *testing.T, n *node, _ string) error { n.clock.advance(time.Hour - time.Second); return nil }, true},
		{"idle for an hour", func(t *testing.T, n *node, _ string) error { n.clock.advance(time.Hour); return nil }, false},
		{"used for twelve hours", func(t *testing.T, n *node, secret string) error {
			for range 12*6 - 1 {
				n.clock.advance(10 * time.Minute)
				n.principal(t, secret)
			}
			n.clock.advance(10 * time.Minute)
			return nil
		}, false},
		{"signed out", func(t *testing.T, n *node, secret string) error { return n.SignOut(t.Context(), secret) }, false},
		{"another signed out", func(t *testing.T, n *node, _ string) error { return n.SignOut(t.Context(), holdfast.Secret()) }, true},
		{"all ended", func(t *testing.T, n *node, _ string) error { return n.EndSessions(t.Context(), boss, "mei") }, false},
		{"all ended by the account", func(t *testing.T, n *node, secret string) error {
			return n.EndSessions(t.Context(), n.principal(t, secret), "mei")
		}, false},
		{"this one ended", func(t *testing.T, n *node, secret string) error {
			return n.EndSession(t.Context(), n.principal(t, secret), "mei", digest(secret).String())
		}, false},
		{"new password", func(t *testing.T, n *node, _ string) error { return n.SetPassword(t.Context(), boss, "mei", next) }, false},
		{"own new password", func(t *testing.T, n *node, _ string) error {
			return n.ChangePassword(t.Context(), Attempt{Account: "mei", Password: right, Client: client}, next)
		}, false},
		{"disabled", func(t *testing.T, n *node, _ string) error {
			return n.ChangeAccount(t.Context(), boss, "mei", Changes{Disabled: ptr(true)})
		}, false},
		{"disabled and enabled again", func(t *testing.T, n *node, _ string) error {
			if err := n.ChangeAccount(t.Context(), boss, "mei", Changes{Disabled: ptr(true)}); err != nil {
				return err
			}
			return n.ChangeAccount(t.Context(), boss, "mei", Changes{Disabled: ptr(false)})
		}, false},
		{"other roles", func(t *testing.T, n *node, _ string) error {
			return n.ChangeAccount(t.Context(), boss, "mei", Changes{Roles: &[]Role{Duty}})
		}, true},
		{"document lost", func(t *testing.T, n *node, _ string) error {
			n.store.lose(t)
			return nil
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := newNode(t, newStore())
			n.create(t, "mei")
			secret := n.signIn(t, "mei")
			n.principal(t, secret)
			if err := tt.do(t, n, secret); err != nil {
				t.Fatal(err)
			}
			_, _, err := n.BySession(t.Context(), secret)
			if tt.lives {
				wantCode(t, err, "")
			} else {
				wantCode(t, err, holdfast.Unauthenticated)
			}
		})
	}
}

func TestSessionHasTheRightsOfNow(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei", Duty)
	secret := n.signIn(t, "mei")
	if err := n.ChangeAccount(t.Context(), boss, "mei", Changes{Roles: &[]Role{Viewer}}); err != nil {
		t.Fatal(err)
	}
	if p := n.principal(t, secret); p.May(RunIncident) {
		t.Error("the session keeps the rights of the moment it began")
	}
}

func TestSignInReplacesTheSession(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	old := n.signIn(t, "mei")
	planted := holdfast.Secret() // a secret the browser brought that is no session's
	for _, brought := range []string{old, planted} {
		secret, s, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: right, Client: client, Replaces: brought})
		if err != nil {
			t.Fatal(err)
		}
		if secret == brought || s.Account != "mei" || s.Client != client {
			t.Errorf("session %+v under %s", s, secret)
		}
		_, _, err = n.BySession(t.Context(), brought)
		wantCode(t, err, holdfast.Unauthenticated)
		n.principal(t, secret)
	}
}

func TestSessions(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	n.create(t, "lin")
	first, second := n.signIn(t, "mei"), n.signIn(t, "mei")
	other := n.signIn(t, "lin")
	mei, lin := n.principal(t, first), n.principal(t, other)
	all, err := n.Sessions(t.Context(), mei, "mei")
	if err != nil || len(all) != 2 {
		t.Fatalf("%d sessions, %v", len(all), err)
	}
	_, err = n.Sessions(t.Context(), lin, "mei")
	wantCode(t, err, holdfast.Forbidden)
	wantCode(t, n.EndSessions(t.Context(), lin, "mei"), holdfast.Forbidden)
	wantCode(t, n.EndSession(t.Context(), lin, "lin", digest(second).String()), holdfast.NotFound)
	wantCode(t, n.EndSession(t.Context(), mei, "mei", digest(second).String()), "")
	n.principal(t, first)
	_, _, err = n.BySession(t.Context(), second)
	wantCode(t, err, holdfast.Unauthenticated)
}

func TestSessionsOverManyPages(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	a := n.account("mei")
	const many = 1001
	for range many {
		if _, _, err := n.open(t.Context(), a, client); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := n.Sessions(t.Context(), boss, "mei"); err != nil || len(all) != many {
		t.Errorf("%d sessions, %v", len(all), err)
	}
}

// TestSessionOfAnOldPasswordIsVoid changes the password between its check and
// the session's start.
func TestSessionOfAnOldPasswordIsVoid(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	checked, err := n.authenticate(t.Context(), Attempt{Account: "mei", Password: right, Client: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SetPassword(t.Context(), boss, "mei", "another long password"); err != nil {
		t.Fatal(err)
	}
	secret, _, err := n.open(t.Context(), checked, client)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = n.BySession(t.Context(), secret)
	wantCode(t, err, holdfast.Unauthenticated)
}

func TestUseIsNotWrittenEachTime(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	secret := n.signIn(t, "mei")
	writes := 0
	n.store.fail = func(act string) error {
		if act == "put" {
			writes++
			return holdfast.Errorf(holdfast.Unavailable, "the store is down")
		}
		return nil
	}
	n.clock.advance(5 * time.Minute)
	n.principal(t, secret)
	if writes != 0 {
		t.Error("a use after five minutes was written down")
	}
	n.clock.advance(time.Minute)
	n.principal(t, secret) // lives, though it could not be written
	if writes != 1 {
		t.Errorf("a use after six minutes was written %d times", writes)
	}
}

func TestEndingSessionsOnOneNodeEndsThemOnAll(t *testing.T) {
	s := newStore()
	x, y := newNode(t, s), newNode(t, s)
	x.create(t, "mei")
	secret := x.signIn(t, "mei")
	y.reach(t)
	y.principal(t, secret)
	if err := x.EndSessions(t.Context(), boss, "mei"); err != nil {
		t.Fatal(err)
	}
	y.reach(t)
	_, _, err := y.BySession(t.Context(), secret)
	wantCode(t, err, holdfast.Unauthenticated)
}

// refusals are attempts that must not be told apart.
func refusals(t *testing.T, n *node) map[string]Attempt {
	n.create(t, "mei")
	n.create(t, "off")
	if err := n.ChangeAccount(t.Context(), boss, "off", Changes{Disabled: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if err := n.CreateAccount(t.Context(), boss, NewAccount{Name: "program"}, ""); err != nil {
		t.Fatal(err)
	}
	return map[string]Attempt{
		"wrong password":   {Account: "mei", Password: wrong},
		"no password":      {Account: "mei"},
		"unknown account":  {Account: "zoe", Password: right},
		"disabled account": {Account: "off", Password: right},
		"no password set":  {Account: "program", Password: right},
	}
}

func TestSignInTellsNothingApart(t *testing.T) {
	n := newNode(t, newStore())
	var said string
	for name, at := range refusals(t, n) {
		_, _, err := n.SignIn(t.Context(), at)
		wantCode(t, err, holdfast.Unauthenticated)
		if said == "" {
			said = err.Error()
		}
		if err.Error() != said {
			t.Errorf("%s is told %q, others %q", name, err, said)
		}
	}
}

// TestSignInCostsTheSame takes all turns to compute: each refusal must then wait
// for one, or it would answer sooner than a wrong password does.
func TestSignInCostsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newStore())
		attempts := refusals(t, n)
		for range computations {
			n.turns <- struct{}{}
		}
		for name, at := range attempts {
			began := time.Now()
			_, _, err := n.SignIn(t.Context(), at)
			if holdfast.CodeOf(err) != holdfast.Unavailable || time.Since(began) != computeWait {
				t.Errorf("%s: %v after %v", name, err, time.Since(began))
			}
		}
		<-n.turns
		if _, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: right}); err != nil {
			t.Errorf("with a turn free: %v", err)
		}
	})
}

func TestSignInRefusesWhatCannotBeAnAccount(t *testing.T) {
	n := newNode(t, newStore())
	for _, at := range []Attempt{
		{Account: "", Password: right},
		{Account: "../mei", Password: right},
		{Account: "mei", Password: strings.Repeat("x", maxPassword+1)},
	} {
		_, _, err := n.SignIn(t.Context(), at)
		wantCode(t, err, holdfast.Unauthenticated)
	}
	if len(n.clients.buckets)+len(n.attempts.buckets) != 0 {
		t.Error("the tables took a name that cannot be an account's")
	}
}

func TestOneClientCannotKeepTheOwnerOut(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	attacker := netip.MustParseAddr("203.0.113.9")
	refused := 0
	for range 600 { // ten minutes of guessing, one each second
		_, _, err := n.SignIn(t.Context(), Attempt{Account: "mei", Password: wrong, Client: attacker})
		if holdfast.CodeOf(err) == holdfast.TooMany {
			refused++
		}
		n.clock.advance(time.Second)
	}
	if tried, most := 600-refused, clientBurst+600/10; tried > most {
		t.Errorf("%d guesses were tried, %d is the most", tried, most)
	}
	n.signIn(t, "mei")
}

func TestManyClientsAreHeldByTheAccount(t *testing.T) {
	n := newNode(t, newStore())
	n.create(t, "mei")
	tried := 0
	for i := range 100 {
		at := Attempt{Account: "mei", Password: wrong, Client: netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", i))}
		if _, _, err := n.SignIn(t.Context(), at); holdfast.CodeOf(err) == holdfast.Unauthenticated {
			tried++
		}
	}
	if tried != accountBurst {
		t.Errorf("%d guesses were tried at once, want %d", tried, accountBurst)
	}
}

func TestComputationsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, newStore())
		release := make(chan struct{})
		var wg sync.WaitGroup
		var mu sync.Mutex
		running, most := 0, 0
		for range 5 {
			wg.Go(func() {
				err := n.compute(context.Background(), func() {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					<-release
					mu.Lock()
					running--
					mu.Unlock()
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		if most != computations {
			t.Errorf("%d computations ran at once, want %d", most, computations)
		}
	})
}

func TestOptions(t *testing.T) {
	desk, book, docs := &journal.Desk{}, NewBook(), journal.NewMemory("test")
	for name, o := range map[string]Options{
		"no desk":           {Book: book, Documents: docs},
		"no book":           {Desk: desk, Documents: docs},
		"no documents":      {Desk: desk, Book: book},
		"idle above life":   {Desk: desk, Book: book, Documents: docs, SessionLife: time.Minute},
		"negative life":     {Desk: desk, Book: book, Documents: docs, SessionLife: -1, SessionIdle: -1},
		"no memory":         {Desk: desk, Book: book, Documents: docs, Cost: Cost{Passes: 1, Lanes: 1}},
		"lanes not covered": {Desk: desk, Book: book, Documents: docs, Cost: Cost{Memory: 15, Passes: 1, Lanes: 2}},
	} {
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
