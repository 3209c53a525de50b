// Package push delivers notices to browsers by Web Push (RFC 8030): the payload is
// encrypted for the one browser (RFC 8291), and the request is signed with the
// installation's key (VAPID, RFC 8292).
//
//	POST https://updates.push.services.mozilla.com/wpush/v2/gAAAA…
//	Authorization: vapid t=eyJ…, k=BOr…
//	Content-Encoding: aes128gcm
//	TTL: 43200
//	Urgency: high
//	Topic: 5f1d0c…                 the notice's id: an attempt replaces the one before it
//
//	{"id":"5f1d0c…","title":"Level 1: …","incident":"2026-0001","link":"/incidents/2026-0001","lang":"en","urgent":true,"drill":false}
//
// The payload is small and has no text but the notice's subject, since it stands on a
// locked screen; the link leads to a page that asks for sign-in. What looks like a card
// number is blotted out.
//
// 2xx means that the push service has the message, not that the browser has. 404 and 410
// mean that the browser has ended the subscription: the notice is given up and the device
// marked as gone. 401 and 403 are about the installation's key, and 429 and 5xx about the
// service: it is tried again. Of an answer the status alone is kept, since services
// repeat the endpoint in their answers.
package push

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/SherClockHolmes/webpush-go"

	"holdfast"
	"holdfast/internal/device"
	"holdfast/internal/notify"
	"holdfast/internal/payment"
	"holdfast/internal/senders/httpcall"
)

const (
	// A message that the browser could not be given within this time is dropped by the
	// push service: by then the courier has given up as well.
	urgentLife = 12 * time.Hour
	life       = 2 * time.Hour
	maxTitle   = 1200 // bytes; a payload has at most 3993
)

// Devices says where devices are reached.
type Devices interface {
	// Subscription returns code NotFound for a device that is not here or gone.
	Subscription(ctx context.Context, id string) (device.Subscription, error)
	MarkGone(ctx context.Context, id string) error
}

// Options make a sender.
type Options struct {
	Devices Devices
	// Key is the installation's private key, as [NewKey] makes it.
	Key string
	// Subject is where a push service reaches the operator: mailto:ADDRESS, or a URL
	// with https.
	Subject string
	// Page returns the path of what a notice is about.
	Page func(incident string) string
	Now  func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Sender delivers notices to browsers. It is safe for concurrent use.
type Sender struct {
	opt    Options
	public string
	client *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(o Options) (*Sender, error) {
	if o.Devices == nil || o.Page == nil {
		return nil, errors.New("push: devices and pages are needed")
	}
	public, err := PublicKey(o.Key)
	if err != nil {
		return nil, err
	}
	s := &Sender{opt: o, public: public}
	s.client, err = httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: []string{o.Key}})
	return s, err
}

// NewKey makes a private key: 32 bytes in base64url.
func NewKey() (string, error) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(key.Bytes()), nil
}

// PublicKey is the public key of a private one, in base64url.
func PublicKey(private string) (string, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimSpace(private))
	if err == nil {
		var key *ecdh.PrivateKey
		if key, err = ecdh.P256().NewPrivateKey(b); err == nil {
			return base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), nil
		}
	}
	return "", holdfast.Errorf(holdfast.Invalid, "what the setting refers to is not a key: make one with holdfast notify push-key").At("notices.push.key")
}

// payload is what the service worker of the console shows.
type payload struct {
	ID       string        `json:"id"`
	Title    string        `json:"title"`
	Incident string        `json:"incident"`
	Link     string        `json:"link"`
	Lang     holdfast.Lang `json:"lang,omitempty"`
	Urgent   bool          `json:"urgent"`
	Drill    bool          `json:"drill"`
}

// Send makes one request.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	to, err := s.opt.Devices.Subscription(ctx, m.Address)
	switch holdfast.CodeOf(err) {
	case "":
	case holdfast.NotFound, holdfast.Invalid, holdfast.TooLarge:
		return notify.Outcome{Result: notify.Refused, Detail: err.Error()}
	default:
		return notify.Outcome{Result: notify.Retry, Detail: err.Error()}
	}
	status := 0
	o := s.client.Do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, to, m) }, func(a httpcall.Answer) notify.Outcome {
		status = a.Status
		return notify.Outcome{Result: httpcall.OfProvider(a.Status), Detail: a.Line}
	})
	o.Detail = strings.ReplaceAll(o.Detail, to.Endpoint, "•••")
	if status == http.StatusNotFound || status == http.StatusGone {
		o.Detail += ": the browser has ended the subscription; register it again on the page Account"
		if err := s.opt.Devices.MarkGone(ctx, m.Address); err != nil {
			o.Detail += " (it could not be marked as gone: " + err.Error() + ")"
		}
	}
	return o
}

// request encrypts and signs; the client then sends as for all senders.
func (s *Sender) request(ctx context.Context, to device.Subscription, m notify.Message) (*http.Request, error) {
	body, err := json.Marshal(payload{m.ID, title(m.Subject), m.Incident, s.opt.Page(m.Incident), m.Lang, m.Urgent, m.Drill})
	if err != nil {
		return nil, err
	}
	o := &webpush.Options{
		Subscriber: strings.TrimPrefix(s.opt.Subject, "mailto:"), VAPIDPublicKey: s.public, VAPIDPrivateKey: strings.TrimSpace(s.opt.Key),
		Topic: m.ID, TTL: int(life.Seconds()), Urgency: webpush.UrgencyNormal,
	}
	if m.Urgent {
		o.TTL, o.Urgency = int(urgentLife.Seconds()), webpush.UrgencyHigh
	}
	var taken taker
	o.HTTPClient = &taken
	if _, err := webpush.SendNotificationWithContext(ctx, body, &webpush.Subscription{Endpoint: to.Endpoint, Keys: webpush.Keys{Auth: to.Auth, P256dh: to.P256DH}}, o); err != nil {
		return nil, errors.New("the message cannot be encrypted for this device") // the library's error may hold the endpoint
	}
	return taken.request, nil
}

// title is what stands on the screen.
func title(subject string) string {
	t := payment.Mask(strings.ToValidUTF8(subject, "\uFFFD"))
	if len(t) <= maxTitle {
		return t
	}
	end := maxTitle
	for !utf8.RuneStart(t[end]) {
		end--
	}
	return t[:end] + "…"
}

// taker takes the library's request instead of sending it.
type taker struct{ request *http.Request }

func (t *taker) Do(r *http.Request) (*http.Response, error) {
	t.request = r
	return &http.Response{}, nil
}
