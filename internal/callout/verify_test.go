package callout

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
)

// The message that leaves holds a link that confirms the address; what the
// journal keeps does not.
func TestVerifierSendsALinkThatTheJournalDoesNotHold(t *testing.T) {
	t.Parallel()
	store, people, notices := journal.NewMemory("test"), roster.NewBook(), notify.NewBook()
	state := journal.NewState(store, store.Genesis(), people, notices)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- state.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	desk := &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}
	key, err := LinkKey(ctx, store)
	if again, _ := LinkKey(ctx, store); err != nil || len(key) != 32 || string(again) != string(key) {
		t.Fatalf("keys %x, then %x, %v", key, again, err)
	}
	v := &Verifier{
		Roster: roster.New(desk, people), Notices: &notify.Service{Desk: desk, Book: notices}, Key: key, Operator: "Bank",
		Page: func(ask string) string { return "https://node.example/confirm/" + ask }, Language: holdfast.ZhHant, Zone: time.UTC, Now: desk.Now,
	}
	by := holdfast.Self("test")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(v.Roster.Record(ctx, by, roster.Person{ID: "mei", Name: "梅", Lang: holdfast.En, Contacts: []roster.Contact{{Channel: roster.SMTP, Address: "mei@example.com"}}}))
	must(v.Ask(ctx, by, "person/mei", roster.SMTP, "mei@example.com"))

	facts, err := store.Read(ctx, 0, 100)
	must(err)
	var ask notify.Notice
	for _, f := range facts {
		if f.Kind == "notice.asked" {
			must(f.Decode(&ask))
		}
	}
	sent := v.Fill(notify.Message{Notice: ask})
	_, link, found := strings.Cut(sent.Body, "https://")
	if !found || ask.Lang != holdfast.En || !strings.Contains(sent.Body, "mei@example.com") {
		t.Fatalf("sent %q", sent.Body)
	}
	link, _, _ = strings.Cut(link, "\n")
	u, err := url.Parse("https://" + link)
	must(err)
	secret, id := u.Query().Get("key"), strings.TrimPrefix(u.Path, "/confirm/")
	for _, f := range facts {
		if secret == "" || strings.Contains(string(f.Body), secret) {
			t.Fatalf("the secret %q stands in the fact %s", secret, f.Kind)
		}
	}
	must(v.Roster.Confirm(ctx, id, secret))
	p, err := v.Roster.Person("mei")
	must(err)
	if !p.Contacts[0].Verified.Equal(now) {
		t.Errorf("verified %v", p.Contacts[0].Verified)
	}
	other := notify.Message{Notice: notify.Notice{Incident: "INC-1", Body: "a {link}"}}
	if got := v.Fill(other); got.Body != other.Body {
		t.Errorf("another message became %q", got.Body)
	}
}
