// Package subscription sends what is published on the status page to those who asked
// for it by mail.
//
// # Personal data
//
// An address stands in one place: a document under status/subscriber/<id>, where id
// is a keyed hash of the address. It is in no fact, since the journal forgets
// nothing, in no file and in no log. Leaving, an erasure and a confirmation that did
// not come in time remove the document, and with it all that is known of the person;
// backups have it as long as they are kept.
//
// # Life cycle
//
//	asked ──▶ a mail with a link ──▶ confirmed ──▶ each entry, one mail
//	  └─ erased after two days           └─ leave, by link or by the mail program: erased
//
// Whoever asks again gets the same link again, and its two days begin anew: the mail
// before is as good as the last. Whoever asks is told the same whether the address is
// known or not. Only the link
// shows that the mail arrived; opening it changes nothing until its button is pressed,
// since mail servers open links.
//
// # Delivery
//
// The document is the queue: it holds how many entries its address has had. A node
// claims it by compare-and-swap before it sends, so each entry goes to an address at
// least once and, but for a crash, once; a repetition has the same Message-ID. Staff
// come first: mails leave only while no urgent notice is due ([Options.Busy]), by
// two at a time, over connections of their own. What is refused three times in a row
// ends the subscription; what fails is tried again for some hours and then left out.
package subscription

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/status"
)

const (
	prefix = "status/subscriber/"
	// confirmWithin is how long an address waits for its confirmation.
	confirmWithin = 48 * time.Hour
	// askAgain is how long it takes before another mail to confirm goes to one address.
	askAgain   = 10 * time.Minute
	maxAddress = 254 // bytes, RFC 5321
	// One client may ask once in clientEvery on average, all together once in allEvery.
	clientEvery, clientBurst = time.Minute, 5
	allEvery, allBurst       = 2 * time.Second, 60
	maxClients               = 10_000
)

// Options make a service.
type Options struct {
	State     *journal.State
	Documents journal.Documents
	Book      *status.Book
	// Sender sends mail; nil means that nobody can subscribe.
	Sender notify.Sender
	// Busy reports, under the state's lock, whether notices to staff are due that must
	// not wait.
	Busy func() bool
	// Key makes ids and links. All nodes have the same.
	Key []byte
	// Operator is the operator's name, Page the address of the pages, Node that where a
	// node answers: https://status.example.org/status.
	Operator, Page, Node string
	Zone                 *time.Location
	Log                  *slog.Logger
	Now                  func() time.Time
}

// Service takes addresses and sends to them. It is safe for concurrent use.
type Service struct {
	Options
	clients, all *access.Limiter
	wake         chan struct{}
}

// New makes a service; Run sends.
func New(o Options) (*Service, error) {
	if o.State == nil || o.Documents == nil || o.Book == nil || len(o.Key) < 16 || o.Log == nil || o.Now == nil || o.Zone == nil {
		return nil, errors.New("subscription: state, documents, book, key, zone, log and clock are needed")
	}
	o.Node = strings.TrimSuffix(o.Node, "/")
	return &Service{
		Options: o, wake: make(chan struct{}, 1),
		clients: access.NewLimiter(clientEvery, clientBurst, maxClients), all: access.NewLimiter(allEvery, allBurst, 1),
	}, nil
}

// Open reports whether addresses are taken.
func (s *Service) Open() bool { return s.Sender != nil && s.Node != "" }

// subscriber is the document of an address.
type subscriber struct {
	Address string        `json:"address"`
	Lang    holdfast.Lang `json:"lang"`
	// Asked is when the address was last asked for, First when it first was, if that is
	// not the same: the link to confirm is of it.
	Asked time.Time `json:"asked"`
	First time.Time `json:"first,omitzero"`
	// Told is when the mail to confirm was sent, Confirmed when that was done.
	Told      time.Time `json:"told,omitzero"`
	Confirmed time.Time `json:"confirmed,omitzero"`
	// Had is how many entries it has had, or came too late for.
	Had int `json:"had"`
	// Due is when the next attempt may begin: a claim while one runs.
	Due time.Time `json:"due,omitzero"`
	// Tries counts attempts of the present mail, Refused mails refused in a row.
	Tries   int `json:"tries,omitempty"`
	Refused int `json:"refused,omitempty"`
}

func (s *Service) sum(purpose, name string) string {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte("subscription " + purpose + "\x00" + name))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// id is of an address whatever the case it is written in.
func (s *Service) id(address string) string { return s.sum("address", strings.ToLower(address)) }

// What a link does.
const (
	toConfirm = "confirm"
	toLeave   = "leave"
)

// link is the address of a page for one subscriber. That to confirm holds until the
// address is confirmed or erased, and for no later asking after that.
func (s *Service) link(purpose, id string, of subscriber) string {
	return s.Node + "/" + purpose + "?key=" + id + s.secret(purpose, id, of) + "&lang=" + string(of.Lang)
}

func (s *Service) secret(purpose, id string, of subscriber) string {
	if purpose == toConfirm {
		id += cmp.Or(of.First, of.Asked).UTC().Format(time.RFC3339Nano)
	}
	return s.sum(purpose, id)
}

// parse reads an address as people write it.
func parse(text string) (string, error) {
	text = strings.TrimSpace(text)
	a, err := netmail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text || len(text) > maxAddress || strings.ContainsAny(text, "<> ") || strings.ContainsFunc(text, unicode.IsControl) {
		return "", holdfast.Errorf(holdfast.Invalid, "this is not a mail address: write it as mei@example.com").At("address")
	}
	return text, nil
}

// Ask takes an address and has a mail sent to confirm it. Nothing tells whether the
// address was known.
func (s *Service) Ask(ctx context.Context, client netip.Addr, text string, lang holdfast.Lang) error {
	address, err := parse(text)
	if err != nil {
		return err
	}
	if !s.Open() {
		return holdfast.Errorf(holdfast.Unavailable, "no mail is sent from here: use the feed")
	}
	now := s.Now()
	if err := s.clients.Take(access.ClientKey(client), now); err != nil {
		return err
	}
	if err := s.all.Take("all", now); err != nil {
		return err
	}
	id := s.id(address)
	return s.change(ctx, id, func(d *subscriber) (keep bool) {
		if !d.Confirmed.IsZero() || !d.Asked.IsZero() && now.Sub(d.Asked) < askAgain {
			return false
		}
		*d = subscriber{Address: address, Lang: lang, Asked: now.UTC().Truncate(time.Microsecond), First: cmp.Or(d.First, d.Asked)}
		return true
	})
}

// Known reports whether a link's key holds, for its page.
func (s *Service) Known(ctx context.Context, purpose, key string) (bool, error) {
	_, d, err := s.find(ctx, purpose, key)
	return d != nil, err
}

// find returns the subscriber of a link, or nil.
func (s *Service) find(ctx context.Context, purpose, key string) (id string, _ *subscriber, err error) {
	if len(key) != 64 {
		return "", nil, nil
	}
	id = key[:32]
	doc, err := s.Documents.Document(ctx, prefix+id)
	if holdfast.CodeOf(err) == holdfast.NotFound {
		return id, nil, nil
	}
	if err != nil {
		return id, nil, err
	}
	d, err := decode(doc)
	if err != nil || !hmac.Equal([]byte(s.secret(purpose, id, d)), []byte(key[32:])) {
		return id, nil, err
	}
	return id, &d, nil
}

// Confirm begins a subscription; false means that the link does not hold.
func (s *Service) Confirm(ctx context.Context, key string) (bool, error) {
	id, d, err := s.find(ctx, toConfirm, key)
	if err != nil || d == nil {
		return false, err
	}
	published := 0
	s.State.View(func() { published = s.Book.Published() })
	now := s.Now()
	return true, s.change(ctx, id, func(d *subscriber) bool {
		if d.Address == "" || !d.Confirmed.IsZero() {
			return false
		}
		d.Confirmed, d.Had, d.Due, d.Tries = now, published, time.Time{}, 0
		return true
	})
}

// Leave ends a subscription and erases its address; false means that the link does
// not hold.
func (s *Service) Leave(ctx context.Context, key string) (bool, error) {
	id, d, err := s.find(ctx, toLeave, key)
	if err != nil || d == nil {
		return false, err
	}
	return true, s.Documents.DeleteDocument(ctx, prefix+id)
}

// Erase erases an address on the wish of its holder. It is not told whether it was
// known: afterwards it is not.
func (s *Service) Erase(ctx context.Context, text string) error {
	address, err := parse(text)
	if err != nil {
		return err
	}
	return s.Documents.DeleteDocument(ctx, prefix+s.id(address))
}

// Count is how many addresses there are.
type Count struct {
	Confirmed int `json:"confirmed"`
	Asked     int `json:"asked"`
	// Waiting have not had every entry yet.
	Waiting int `json:"waiting"`
}

// Count counts them.
func (s *Service) Count(ctx context.Context) (n Count, err error) {
	published := 0
	s.State.View(func() { published = s.Book.Published() })
	err = s.each(ctx, func(_ journal.Document, d subscriber) error {
		switch {
		case d.Confirmed.IsZero():
			n.Asked++
		case d.Had < published:
			n.Waiting++
			fallthrough
		default:
			n.Confirmed++
		}
		return nil
	})
	return n, err
}

// batch is how many documents are read at once.
const batch = 500

func (s *Service) each(ctx context.Context, do func(journal.Document, subscriber) error) error {
	after := ""
	for {
		docs, err := s.Documents.ListDocuments(ctx, prefix, after, batch)
		if err != nil {
			return fmt.Errorf("list subscribers: %w", err)
		}
		for _, doc := range docs {
			after = doc.Key
			d, err := decode(doc)
			if err != nil {
				return err
			}
			if err := do(doc, d); err != nil {
				return err
			}
		}
		if len(docs) < batch {
			return nil
		}
	}
}

func decode(doc journal.Document) (d subscriber, err error) {
	if err := json.Unmarshal(doc.Body, &d); err != nil {
		return d, holdfast.Errorf(holdfast.Damaged, "the document %s cannot be read", doc.Key).Because(err)
	}
	return d, nil
}

// change reads, changes and writes an address's document until nobody wrote
// between. A change that returns false writes nothing.
func (s *Service) change(ctx context.Context, id string, change func(*subscriber) bool) error {
	for {
		doc, err := s.Documents.Document(ctx, prefix+id)
		var d subscriber
		switch {
		case holdfast.CodeOf(err) == holdfast.NotFound:
			doc = journal.Document{Key: prefix + id}
		case err != nil:
			return err
		default:
			if d, err = decode(doc); err != nil {
				return err
			}
		}
		if !change(&d) {
			return nil
		}
		if _, err = s.put(ctx, doc, d); holdfast.CodeOf(err) != holdfast.Conflict {
			s.rouse()
			return err
		}
	}
}

func (s *Service) put(ctx context.Context, doc journal.Document, d subscriber) (journal.Document, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return doc, err
	}
	doc.Body, doc.Expires = body, time.Time{}
	if d.Confirmed.IsZero() {
		doc.Expires = d.Asked.Add(confirmWithin)
	}
	revision, err := s.Documents.PutDocument(ctx, doc)
	doc.Revision = revision
	return doc, err
}

// rouse has Run look at once.
func (s *Service) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// langOf is a language that mails are written in.
func langOf(l holdfast.Lang) holdfast.Lang { return cmp.Or(l, holdfast.En) }
