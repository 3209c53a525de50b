package roster

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"holdfast"
)

func hashOf(secret string) holdfast.Hash { return sha256.Sum256([]byte(secret)) }

// A link works once, for a day, with its own secret only; a new one ends it.
func TestConfirmByLink(t *testing.T) {
	t.Parallel()
	s, store := newService(t)
	clock := now
	s.desk.Now = func() time.Time { return clock }
	ctx, at := t.Context(), holdfast.Subject("person/mei")
	s.must(t, s.Record(ctx, by, mei()))
	ask := func(id, secret string) error {
		return s.AskContact(ctx, by, at, Webhook, "https://im.example.com/hook/7?x=1", id, hashOf(secret))
	}
	s.must(t, ask("ask1", "one"))
	wantCode(t, ask("ask2", "two"), holdfast.TooMany)
	wantCode(t, s.AskContact(ctx, by, at, Phone, "+886 2 5550-0101", "x", hashOf("x")), holdfast.Invalid)
	wantCode(t, s.AskContact(ctx, by, at, SMTP, "other@example.com", "x", hashOf("x")), holdfast.NotFound)
	wantCode(t, s.AskContact(ctx, by, "person/nobody", SMTP, "mei@example.com", "x", hashOf("x")), holdfast.NotFound)
	clock = clock.Add(2 * time.Minute)
	s.must(t, ask("ask2", "two"))
	for _, tt := range [][2]string{{"ask1", "one"}, {"ask2", "one"}, {"ask2", ""}, {"", ""}, {"none", "two"}} {
		wantCode(t, s.Confirm(ctx, tt[0], tt[1]), holdfast.NotFound)
	}
	if a, err := s.Link("ask2", "two"); err != nil || !a.Open(clock) || a.Subject != at {
		t.Errorf("the link leads to %+v, %v", a, err)
	}
	s.must(t, s.Confirm(ctx, "ask2", "two"))
	wantCode(t, s.Confirm(ctx, "ask2", "two"), holdfast.Conflict)
	p, err := s.Person("mei")
	s.must(t, err)
	if !p.Contacts[1].Verified.Equal(clock) || p.Contacts[2].Verified.Equal(clock) {
		t.Errorf("verified are %+v", p.Contacts)
	}
	facts, err := store.Read(ctx, 0, 100)
	s.must(t, err)
	for _, f := range facts {
		if strings.Contains(string(f.Body), `"two"`) {
			t.Errorf("the secret stands in the fact %s: %s", f.Kind, f.Body)
		}
	}

	clock = clock.Add(time.Hour)
	s.must(t, ask("ask3", "three"))
	clock = clock.Add(LinkLife)
	wantCode(t, s.Confirm(ctx, "ask3", "three"), holdfast.Conflict)
	s.must(t, ask("ask4", "four"))
	s.must(t, s.Leave(ctx, by, "mei", "moved"))
	wantCode(t, s.Confirm(ctx, "ask4", "four"), holdfast.Conflict)
}

// Who reached someone by phone records it, for a party as for a person, and a
// later import does not take it back.
func TestReachedByHand(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	acme := Party{ID: "acme", Name: "Acme", Kind: "acquirer", Contacts: []Contact{{Label: "duty desk", Channel: Phone, Address: "110"}}}
	s.must(t, s.RecordParties(ctx, by, acme))
	s.must(t, s.Reached(ctx, by, "party/acme", Phone, "110", "spoke to Ms Wu"))
	wantCode(t, s.Reached(ctx, by, "party/acme", Phone, "119", ""), holdfast.NotFound)
	s.must(t, s.RecordParties(ctx, by, acme))
	p, err := s.Party("acme")
	s.must(t, err)
	if !p.Contacts[0].Verified.Equal(now) {
		t.Errorf("verified %v", p.Contacts[0].Verified)
	}
	back, err := DecodeParties("p", EncodeParties([]Party{p}))
	if err != nil || len(back) != 1 || !back[0].equal(p) {
		t.Errorf("came back as %+v, %v", back, err)
	}
	s.must(t, s.RemoveParty(ctx, by, "acme", "contract ended"))
	_, err = s.Party("acme")
	wantCode(t, err, holdfast.NotFound)
}

func TestDeputiesAndRoles(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	m := with(func(p *Person) { p.Deputies = []Deputy{{Person: "zhao", Role: "duty-officer"}, {Person: "lin"}} })
	if got := fields(s.Record(ctx, by, m)); got != "people[0].deputies[0].person people[0].deputies[1].person" {
		t.Errorf("deputies who are nowhere: fields %q", got)
	}
	s.must(t, s.Record(ctx, by, m, lin(), Person{ID: "zhao", Name: "趙"}))
	want := map[string]RoleCover{
		"commander":    {Role: "commander", Holders: []string{"lin", "mei"}, Deputies: []string{}},
		"duty-officer": {Role: "duty-officer", Holders: []string{"mei"}, Deputies: []string{"zhao", "lin"}},
	}
	for _, r := range s.book.Roles() {
		if w := want[r.Role]; strings.Join(r.Holders, " ") != strings.Join(w.Holders, " ") || strings.Join(r.Deputies, " ") != strings.Join(w.Deputies, " ") || r.Covered() != (r.Role == "commander") {
			t.Errorf("%+v, want %+v", r, w)
		}
	}
	s.must(t, s.Leave(ctx, by, "mei", "moved"))
	h, err := s.Held("mei", now, now)
	s.must(t, err)
	if len(h.Roles) != 2 || !h.Roles[0].Last || h.Roles[1].Last || h.Roles[0].Role != "duty-officer" {
		t.Errorf("the role that lost its last holder is not told: %+v", h.Roles)
	}
	_, err = s.Held("nobody", now, now)
	wantCode(t, err, holdfast.NotFound)
}
