// Package device keeps the browsers to which people have notices pushed.
//
// # Life cycle
//
//	registered ──▶ gone, as its push service says ──▶ removed
//	     └──────────────────────────────────────────────▲
//
// A person registers the browser before him. It becomes a contact of channel push
// of his entry in the roster, with the device's id for an address; so plans, quiet
// hours, tests and the delivery log treat it as any other contact. A browser that
// makes itself a new subscription is a new device.
//
// # Secrets
//
// A subscription is a capability: whoever knows its endpoint can ask the push service
// to wake that browser. It stands in one place, the document push/device/<id>, and in
// no fact, file, log, error or answer. The id is a hash of the endpoint, which does
// not lead back to it. Removing a device removes the document; backups have it as long
// as they are kept.
//
// # Where requests go
//
// An endpoint comes from a browser and Holdfast sends requests to it. So it has https,
// the usual port and one of the hosts that the settings name, which is checked when the
// device is registered and again before each message.
package device

import (
	"cmp"
	"context"
	"crypto/ecdh"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/roster"
)

const (
	prefix      = "push/device/"
	maxEndpoint = 1024 // bytes
	maxLabel    = 64   // characters
	authSize    = 16   // bytes, RFC 8291
	batch       = 500
)

// Subscription is what a browser gives away of itself.
type Subscription struct {
	Endpoint string `json:"endpoint"`
	// P256DH is the browser's public key and Auth its secret, in base64url.
	P256DH string `json:"p256dh"`
	Auth   string `json:"auth"`
}

// Device is what is shown of a device.
type Device struct {
	ID     string `json:"id"`
	Person string `json:"person"`
	// Label is what the person calls it.
	Label string `json:"label,omitempty"`
	// Service is the host of its push service.
	Service    string    `json:"service"`
	Registered time.Time `json:"registered"`
	// Gone is since when its push service knows it no more.
	Gone time.Time `json:"gone,omitzero"`
}

// kept is the document of a device.
type kept struct {
	Device
	Subscription Subscription `json:"subscription"`
}

// Options make a service.
type Options struct {
	Documents journal.Documents
	Roster    *roster.Service
	// Key is the public key by which push services know this installation, in
	// base64url; empty means that nothing is pushed.
	Key string
	// Hosts are the push services: names, or *.NAME for every name below.
	Hosts []string
	Now   func() time.Time
}

// Service keeps devices. It is safe for concurrent use.
type Service struct{ Options }

// New makes a service.
func New(o Options) (*Service, error) {
	if o.Documents == nil || o.Roster == nil || o.Now == nil {
		return nil, errors.New("device: documents, roster and clock are needed")
	}
	return &Service{o}, nil
}

// Check returns what is wrong with a subscription, or nil. No error shows more of an
// endpoint than its host.
func Check(s Subscription, hosts []string) error {
	if len(s.Endpoint) > maxEndpoint {
		return holdfast.Errorf(holdfast.TooLarge, "the address of a push service has at most %d bytes, not %d", maxEndpoint, len(s.Endpoint)).At("endpoint")
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Host != u.Hostname() && u.Host != u.Hostname()+":443" || u.User != nil || u.Fragment != "" || len(u.Path) < 2 {
		return holdfast.Errorf(holdfast.Invalid, "this is not the address of a push service: it has https, the usual port, a host and a path").At("endpoint")
	}
	if !allowed(u.Hostname(), hosts) {
		return holdfast.Errorf(holdfast.Invalid, "%q is not a push service that this installation sends to; the setting notices.push.hosts names them", u.Hostname()).At("endpoint")
	}
	key, err := decode(s.P256DH)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(key)
	}
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "this is not a browser's public key: 65 bytes in base64url that are a point of P-256").At("p256dh")
	}
	if auth, err := decode(s.Auth); err != nil || len(auth) != authSize {
		return holdfast.Errorf(holdfast.Invalid, "this is not a browser's secret: %d bytes in base64url", authSize).At("auth")
	}
	return nil
}

// decode reads base64url as browsers write it, with or without padding.
func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(text, "="))
}

func allowed(host string, hosts []string) bool {
	host = strings.ToLower(host)
	return slices.ContainsFunc(hosts, func(h string) bool {
		below, wild := strings.CutPrefix(h, "*")
		return wild && len(host) > len(below) && strings.HasSuffix(host, below) || host == h
	})
}

// idOf is the id of the device with an endpoint.
func idOf(endpoint string) string {
	sum := sha256.Sum256([]byte("holdfast push device\x00" + endpoint))
	return "d-" + hex.EncodeToString(sum[:8])
}

// Open reports whether devices can be registered.
func (s *Service) Open() bool { return s.Key != "" }

// Register keeps a browser as a device and a contact of a person. Registering one again
// mends what a crash in between has left.
func (s *Service) Register(ctx context.Context, by holdfast.Actor, person, label string, sub Subscription) (string, error) {
	if !s.Open() {
		return "", holdfast.Errorf(holdfast.Unavailable, "nothing is pushed from here: the setting notices.push.key is empty")
	}
	if person == "" {
		return "", holdfast.Errorf(holdfast.Invalid, "your account is nobody's in the roster, so there is nobody whose device this could be")
	}
	if err := Check(sub, s.Hosts); err != nil {
		return "", err
	}
	label = strings.TrimSpace(label)
	if utf8.RuneCountInString(label) > maxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
		return "", holdfast.Errorf(holdfast.Invalid, "a device's name is one line of up to %d characters", maxLabel).At("label")
	}
	u, _ := url.Parse(sub.Endpoint) // it was read by Check
	id := idOf(sub.Endpoint)
	d := kept{Device{ID: id, Person: person, Label: label, Service: strings.ToLower(u.Hostname()), Registered: s.Now().UTC()}, sub}
	doc, had, err := s.find(ctx, id)
	switch {
	case holdfast.CodeOf(err) == holdfast.NotFound:
		doc = journal.Document{Key: prefix + id}
	case err != nil:
		return "", err
	case had.Person != person: // whoever uses the browser now has taken it over
		if err := s.Roster.DropContact(ctx, by, had.Person, roster.Push, id); err != nil {
			return "", err
		}
	}
	// The contact first: the roster bounds how many a person has.
	if err := s.Roster.AddContact(ctx, by, person, roster.Contact{Channel: roster.Push, Address: id, Label: label}); err != nil {
		return "", err
	}
	return id, s.put(ctx, doc, d)
}

// Remove forgets a device. A person that is not empty must be the one whose it is.
func (s *Service) Remove(ctx context.Context, by holdfast.Actor, person, id string) error {
	doc, d, err := s.find(ctx, id)
	if err != nil {
		return err
	}
	if person != "" && d.Person != person {
		return Unknown(id)
	}
	// The contact first: without the document it would be one that nothing reaches.
	if err := s.Roster.DropContact(ctx, by, d.Person, roster.Push, id); err != nil {
		return err
	}
	return s.Documents.DeleteDocument(ctx, doc.Key)
}

// List lists the devices of a person, or of everyone for an empty one, oldest first.
func (s *Service) List(ctx context.Context, person string) ([]Device, error) {
	list, after := []Device{}, ""
	for {
		docs, err := s.Documents.ListDocuments(ctx, prefix, after, batch)
		if err != nil {
			return nil, fmt.Errorf("list devices: %w", err)
		}
		for _, doc := range docs {
			after = doc.Key
			d, err := read(doc)
			if err != nil {
				return nil, err
			}
			if person == "" || d.Person == person {
				list = append(list, d.Device)
			}
		}
		if len(docs) < batch {
			break
		}
	}
	slices.SortFunc(list, func(a, b Device) int {
		return cmp.Or(a.Registered.Compare(b.Registered), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Subscription returns where a device is reached, or code NotFound for one that is not
// here or gone.
func (s *Service) Subscription(ctx context.Context, id string) (Subscription, error) {
	_, d, err := s.find(ctx, id)
	if err != nil {
		return Subscription{}, err
	}
	if !d.Gone.IsZero() {
		return Subscription{}, holdfast.Errorf(holdfast.NotFound, "the push service does not know the device %s any more; register the browser again on the page Account", id)
	}
	return d.Subscription, Check(d.Subscription, s.Hosts)
}

// MarkGone keeps that the push service does not know a device any more.
func (s *Service) MarkGone(ctx context.Context, id string) error {
	doc, d, err := s.find(ctx, id)
	if err != nil || !d.Gone.IsZero() {
		return err
	}
	d.Gone = s.Now().UTC()
	return s.put(ctx, doc, d)
}

// Unknown is the error of a device that is not here, or not his who asks.
func Unknown(id string) error {
	return holdfast.Errorf(holdfast.NotFound, "there is no device %q", id)
}

func (s *Service) find(ctx context.Context, id string) (journal.Document, kept, error) {
	if roster.CheckAddress(roster.Push, id) != nil {
		return journal.Document{}, kept{}, Unknown(id)
	}
	doc, err := s.Documents.Document(ctx, prefix+id)
	if holdfast.CodeOf(err) == holdfast.NotFound {
		return doc, kept{}, Unknown(id)
	}
	if err != nil {
		return doc, kept{}, err
	}
	d, err := read(doc)
	return doc, d, err
}

func read(doc journal.Document) (d kept, err error) {
	if json.Unmarshal(doc.Body, &d) != nil { // its error may quote the document
		return d, holdfast.Errorf(holdfast.Damaged, "the document %s cannot be read", doc.Key)
	}
	return d, nil
}

func (s *Service) put(ctx context.Context, doc journal.Document, d kept) error {
	body, err := json.Marshal(d)
	if err != nil {
		return err
	}
	doc.Body = body
	_, err = s.Documents.PutDocument(ctx, doc)
	return err
}
