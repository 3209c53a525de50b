package roster

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"holdfast"
	"holdfast/internal/journal"
)

// PartyFormat is the first key's value in a file of parties:
//
//	format: holdfast-parties/1
//	parties:
//	  - id: acme-acquiring
//	    name: Acme Acquiring
//	    kind: acquirer
//	    contract: 2026-17, answers within 30 minutes   # may be left out
//	    contacts:
//	      - {label: duty desk, channel: phone, address: "+886 2 5550 0199", verified: 2026-10-01}
const PartyFormat = "holdfast-parties/1"

// PartyKind is what a party is to the operator.
type PartyKind string

// PartyKinds lists the kinds.
var PartyKinds = [...]PartyKind{"acquirer", "issuer", "clearing-house", "network", "cloud", "supplier", "regulator", "other"}

// Party is a third party, with contacts of its own.
type Party struct {
	ID   string    `json:"id" yaml:"id"`
	Name string    `json:"name" yaml:"name"`
	Kind PartyKind `json:"kind" yaml:"kind"`
	// Lang is the language of messages to it; empty leaves it to the operator.
	Lang holdfast.Lang `json:"lang,omitempty" yaml:"lang,omitempty"`
	// Contract says what it owes: number, hours, how fast it answers.
	Contract string    `json:"contract,omitempty" yaml:"contract,omitempty"`
	Contacts []Contact `json:"contacts,omitempty" yaml:"contacts,omitempty"`
}

const (
	kindPartyRecorded = "party.recorded"
	kindPartyRemoved  = "party.removed"
)

func partySubject(id string) holdfast.Subject { return holdfast.NewSubject("party", id) }

func (p Party) clone() Party {
	p.Contacts = slices.Clone(p.Contacts)
	return p
}

func (p Party) equal(q Party) bool {
	return p.ID == q.ID && p.Name == q.Name && p.Kind == q.Kind && p.Lang == q.Lang && p.Contract == q.Contract && slices.EqualFunc(p.Contacts, q.Contacts, Contact.equal)
}

type partyDocument struct {
	Format  string  `yaml:"format"`
	Parties []Party `yaml:"parties"`
}

// DecodeParties reads a file of parties; name is what faults call it. The error
// is a [Faults].
func DecodeParties(name string, src []byte) ([]Party, error) {
	return partiesYAML(name, src).result()
}

func partiesYAML(name string, src []byte) listing[Party] {
	var file partyDocument
	r, err := open(name, src, PartyFormat, &file)
	if err == nil && len(file.Parties) > MaxPeople {
		err = r.whole(holdfast.TooLarge, "the file has %d parties; %d is the limit", len(file.Parties), MaxPeople)
	}
	return listingOf(r, err, "parties", file.Parties, func(i int, p Party) []*holdfast.Error { return checkParty(p, file.Parties[:i]) })
}

// EncodeParties writes parties as [DecodeParties] reads them.
func EncodeParties(parties []Party) []byte {
	b, err := yaml.Dump(partyDocument{Format: PartyFormat, Parties: parties}, yaml.WithIndent(2))
	if err != nil {
		panic("roster: parties in YAML: " + err.Error()) // they are our own types
	}
	return b
}

// checkParty returns what is wrong with a party in a list after others.
func checkParty(p Party, before []Party) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	switch {
	case !holdfast.ValidName(p.ID):
		faults = append(faults, notName(p.ID).At("id"))
	case slices.ContainsFunc(before, func(q Party) bool { return q.ID == p.ID }):
		invalid("id", "the party %q stands in the list twice", p.ID)
	}
	if p.Name == "" || !line(p.Name, maxName) {
		invalid("name", "a party needs a name in one line of up to %d characters, without space around it", maxName)
	}
	if !slices.Contains(PartyKinds[:], p.Kind) {
		var kinds []string
		for _, k := range PartyKinds {
			kinds = append(kinds, string(k))
		}
		invalid("kind", "there is no kind of party %q; write one of %s", p.Kind, strings.Join(kinds, ", "))
	}
	if p.Lang != "" && !slices.Contains(holdfast.Langs[:], p.Lang) {
		invalid("lang", "language %q: write zh-Hant, zh-Hans or en, or leave it out", p.Lang)
	}
	if !line(p.Contract, maxReason) {
		invalid("contract", "the contract is one line of up to %d characters, without space around it", maxReason)
	}
	return slices.Concat(faults, checkContacts(p.Contacts))
}

// removed is the body of party.removed.
type removed struct {
	Reason string `json:"reason"`
}

// removeParty states that the operator no longer deals with a party.
func removeParty(b *Book, id, reason string) ([]journal.Draft, error) {
	if _, ok := b.parties[id]; !ok {
		return nil, noParty(id)
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	s := partySubject(id)
	return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindPartyRemoved, removed{reason})}, nil
}

func noParty(id string) error { return holdfast.Errorf(holdfast.NotFound, "there is no party %q", id) }

func checkReason(reason string) error {
	if reason == "" || !line(reason, maxReason) {
		return holdfast.Errorf(holdfast.Invalid, "say why in one line of up to %d characters", maxReason).At("reason")
	}
	return nil
}
