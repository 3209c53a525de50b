package plandoc

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/roster"
)

// The pack has everyone's numbers, says who is missing, and gives a card to each
// role that may stop payments and to no other.
func TestEmergencyPack(t *testing.T) {
	t.Parallel()
	p := builtin()
	people := []roster.Person{{ID: "chen", Name: "陳偉", Roles: []string{"commander"}, Contacts: []roster.Contact{
		{Channel: roster.Phone, Address: "+886 2 5550 0101"}, {Channel: roster.Webhook, Address: "https://im.example.com/secret"},
	}}}
	parties := []roster.Party{{ID: p.Contacts[0].Party, Name: "Acme", Contacts: []roster.Contact{{Channel: roster.Phone, Address: "+886 2 5550 0199"}}}}
	for _, lang := range holdfast.Langs {
		words := locale.For(lang)
		d := EmergencyPack(Pack{Plan: p, People: people, Parties: parties, Gates: []string{"east", "west"}, Made: time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC), Zone: time.UTC}, words)
		all := text(d.Blocks)
		for _, want := range []string{"陳偉", "+886 2 5550 0101", words.T("pack.vacant"), "east, west", "holdfast gate stop --scope all --data DIR", "holdfast gate lift --all --data DIR", "Acme", "+886 2 5550 0199"} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: the pack lacks %q", lang, want)
			}
		}
		if strings.Contains(all, "secret") {
			t.Errorf("%s: the pack holds a webhook's address", lang)
		}
		for _, r := range p.Roles {
			_, _, may := stopAuthority(r)
			if card := words.T("pack.card", "role", r.Name.In(lang)); strings.Contains(all, card) != may {
				t.Errorf("%s: the role %s may stop: %v; its card is there: %v", lang, r.ID, may, !may)
			}
		}
	}
}
