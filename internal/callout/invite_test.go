package callout

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
)

// The invitation that leaves holds the link; what the journal keeps does not.
func TestInviterSendsALinkThatTheJournalDoesNotHold(t *testing.T) {
	t.Parallel()
	store, notices := journal.NewMemory("test"), notify.NewBook()
	state := journal.NewState(store, store.Genesis(), notices)
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
	i := &Inviter{
		Notices: &notify.Service{Desk: desk, Book: notices}, Key: []byte("key"), Zone: time.UTC,
		Page: func(draft, reviewer string) string { return "https://node.example/review/" + draft + "/" + reviewer },
	}
	for _, lang := range holdfast.Langs {
		link := "d1/o1/" + string(lang)
		to := Invitation{Plan: holdfast.Text{ZhHant: "預案", ZhHans: "预案", En: "The plan"}, Name: "Wu", Address: "wu@example.com", Lang: lang, Expires: now.Add(time.Hour)}
		if err := i.Invite(ctx, holdfast.Self("test"), link, to); err != nil {
			t.Fatal(err)
		}
		facts, err := store.Read(ctx, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		last := facts[len(facts)-1]
		var n notify.Notice
		if err := last.Decode(&n); err != nil {
			t.Fatal(err)
		}
		address := i.Address(link, lang)
		if !strings.HasPrefix(address, "https://node.example/review/d1/o1?key="+i.Secret(link)) || strings.Contains(string(last.Body), i.Secret(link)) {
			t.Errorf("%s: %s in %s", lang, address, last.Body)
		}
		sent := i.Fill(notify.Message{Notice: n})
		if !strings.Contains(sent.Body, address) || !strings.Contains(sent.Body, "Wu") || !strings.Contains(sent.Subject, to.Plan.In(lang)) || strings.Contains(sent.Body, "{") {
			t.Errorf("%s: sent %q, %q", lang, sent.Subject, sent.Body)
		}
	}
	if i.Secret("d1/o1/a") == i.Secret("d1/o2/a") || len(i.Secret("x")) != 43 {
		t.Error("two links share a secret, or it is short")
	}
	other := notify.Message{Notice: notify.Notice{Incident: "INC-1", Body: "a {link}"}}
	if got := i.Fill(other); got.Body != other.Body {
		t.Errorf("another message became %q", got.Body)
	}
}
