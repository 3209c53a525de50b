package roster

import (
	"crypto/sha256"
	"crypto/subtle"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindContactAsked    = "contact.asked"
	kindContactVerified = "contact.verified"

	// NoticeSubject stands where other notices name their incident, and the id of
	// the message where they name their task.
	NoticeSubject = "roster"

	// LinkLife is how long the link in a message of verification works.
	LinkLife = 24 * time.Hour
	// askPause is the shortest time between two messages to one address, so that
	// nobody floods another's mailbox.
	askPause = time.Minute
	// Fresh is how long a verification counts; then the contact is to be verified
	// again.
	Fresh = 180 * 24 * time.Hour
)

// The ways in which a contact was found to work.
const (
	ByLink  = "link"
	Reached = "reached"
)

// asked is the body of contact.asked. The link's secret itself stands nowhere.
type asked struct {
	Ask     string        `json:"ask"`
	Channel Channel       `json:"channel"`
	Address string        `json:"address"`
	Hash    holdfast.Hash `json:"hash"`
	Expires time.Time     `json:"expires"`
}

// verified is the body of contact.verified.
type verified struct {
	// Ask names the message whose link was followed, if How is link.
	Ask     string  `json:"ask,omitempty"`
	Channel Channel `json:"channel"`
	Address string  `json:"address"`
	How     string  `json:"how"`
	Note    string  `json:"note,omitempty"`
}

// Ask is a message of verification and what became of it.
type Ask struct {
	ID      string
	Subject holdfast.Subject
	Contact Contact
	At      time.Time
	Expires time.Time
	// Verified is when its link was followed; zero if it was not.
	Verified time.Time

	hash holdfast.Hash
}

// Open reports whether the link can still be followed.
func (a Ask) Open(now time.Time) bool { return a.Verified.IsZero() && now.Before(a.Expires) }

// point is one address of a person or a party.
type point struct {
	subject holdfast.Subject
	channel Channel
	address string
}

// contactOf finds an address of a person or a party.
func (b *Book) contactOf(s holdfast.Subject, channel Channel, address string) (Contact, error) {
	var contacts []Contact
	switch noun, id := s.Split(); noun {
	case "person":
		p, ok := b.people[id]
		if !ok {
			return Contact{}, noPerson(id)
		}
		contacts = p.Contacts
	default:
		p, ok := b.parties[id]
		if !ok {
			return Contact{}, noParty(id)
		}
		contacts = p.Contacts
	}
	want := Contact{Channel: channel, Address: address}
	i := slices.IndexFunc(contacts, want.same)
	if i < 0 {
		return Contact{}, holdfast.Errorf(holdfast.NotFound, "%s has no contact %s %s", s, channel, address).At("address")
	}
	return contacts[i], nil
}

// askContact states that a link is sent to an address. An earlier link to the
// same address works no more.
func askContact(b *Book, s holdfast.Subject, channel Channel, address, ask string, hash holdfast.Hash, now time.Time) ([]journal.Draft, error) {
	c, err := b.contactOf(s, channel, address)
	if err != nil {
		return nil, err
	}
	if !c.Channel.Private() {
		return nil, holdfast.Errorf(holdfast.Invalid, "no link goes to %s: a phone cannot open one, and a group's message is read by others; reach someone there and record it", address).At("channel")
	}
	if last, ok := b.Asked(s, c); ok && now.Before(last.At.Add(askPause)) {
		return nil, holdfast.Errorf(holdfast.TooMany, "a link was sent to %s less than a minute ago; wait for it", address)
	}
	body := asked{Ask: ask, Channel: channel, Address: address, Hash: hash, Expires: now.Add(LinkLife)}
	return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindContactAsked, body)}, nil
}

// findAsk returns the message with an id whose link holds a secret. All that is
// wrong with a link gets the same answer: a stranger learns nothing from it.
func (b *Book) findAsk(id, secret string) (Ask, error) {
	var want holdfast.Hash // of no secret
	a := b.asks[id]
	if a != nil {
		want = a.hash
	}
	hash := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(hash[:], want[:]) != 1 || a == nil {
		return Ask{}, holdfast.Errorf(holdfast.NotFound, "this link does not work, or no longer; ask for a new one")
	}
	return *a, nil
}

// confirmLink states that a link was followed, which works once.
func confirmLink(b *Book, id, secret string, now time.Time) ([]journal.Draft, error) {
	a, err := b.findAsk(id, secret)
	if err != nil {
		return nil, err
	}
	if !a.Verified.IsZero() {
		return nil, holdfast.Errorf(holdfast.Conflict, "this link was used already; the address is confirmed")
	}
	if !a.Open(now) {
		return nil, holdfast.Errorf(holdfast.Conflict, "this link has run out; ask for a new one")
	}
	if _, err := b.contactOf(a.Subject, a.Contact.Channel, a.Contact.Address); err != nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "this address is no longer on the roster; there is nothing to confirm")
	}
	body := verified{Ask: id, Channel: a.Contact.Channel, Address: a.Contact.Address, How: ByLink}
	return []journal.Draft{journal.NewDraft(a.Subject, b.revisionOf(a.Subject), kindContactVerified, body)}, nil
}

// reached states that a person reached someone at an address.
func reached(b *Book, s holdfast.Subject, channel Channel, address, note string) ([]journal.Draft, error) {
	if _, err := b.contactOf(s, channel, address); err != nil {
		return nil, err
	}
	if !line(note, maxReason) {
		return nil, holdfast.Errorf(holdfast.Invalid, "write the note in one line of up to %d characters", maxReason).At("note")
	}
	body := verified{Channel: channel, Address: address, How: Reached, Note: note}
	return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindContactVerified, body)}, nil
}

// Asked returns the last message of verification to a contact.
func (b *Book) Asked(s holdfast.Subject, c Contact) (Ask, bool) {
	if a := b.asks[b.lastAsk[point{s, c.Channel, c.Address}]]; a != nil {
		return *a, true
	}
	return Ask{}, false
}

func (b *Book) applyAsked(f holdfast.Fact) error {
	var body asked
	if err := f.Decode(&body); err != nil {
		return err
	}
	at := point{f.Subject, body.Channel, body.Address}
	delete(b.asks, b.lastAsk[at])
	b.lastAsk[at] = body.Ask
	b.asks[body.Ask] = &Ask{
		ID: body.Ask, Subject: f.Subject, Contact: Contact{Channel: body.Channel, Address: body.Address},
		At: f.Time, Expires: body.Expires, hash: body.Hash,
	}
	return nil
}

func (b *Book) applyVerified(f holdfast.Fact) error {
	var body verified
	if err := f.Decode(&body); err != nil {
		return err
	}
	if a := b.asks[body.Ask]; a != nil {
		a.Verified = f.Time
	}
	want := Contact{Channel: body.Channel, Address: body.Address}
	mark := func(contacts []Contact) []Contact {
		contacts = slices.Clone(contacts)
		if i := slices.IndexFunc(contacts, want.same); i >= 0 && contacts[i].Verified.Before(f.Time) {
			contacts[i].Verified = f.Time
		}
		return contacts
	}
	switch noun, id := f.Subject.Split(); noun {
	case "person":
		if p, ok := b.people[id]; ok {
			p.Contacts = mark(p.Contacts)
			b.people[id] = p
		}
	case "party":
		if p, ok := b.parties[id]; ok {
			p.Contacts = mark(p.Contacts)
			b.parties[id] = p
		}
	}
	return nil
}

// keepVerified gives each contact the later of its own day and the one that the
// same address had before.
func keepVerified(contacts, before []Contact) []Contact {
	contacts = slices.Clone(contacts)
	for i, c := range contacts {
		if j := slices.IndexFunc(before, c.same); j >= 0 && before[j].Verified.After(c.Verified) {
			contacts[i].Verified = before[j].Verified
		}
	}
	return contacts
}
