// Package twilio delivers notices as short messages and as calls through the
// interface of Twilio, version 2010-04-01, which other gateways imitate: a POST
// of a form with basic authentication.
//
//	/2010-04-01/Accounts/SID/Messages.json   To, From or MessagingServiceSid, Body
//	/2010-04-01/Accounts/SID/Calls.json      To, From, Twiml
//
// A call says the subject and the first lines of the text twice, in the person's
// language. A number is given as E.164, with a plus; the number to send from may
// be another for numbers that begin in a certain way.
//
// Success is 2xx with a sid in the body and a status that is not failed. The
// interface does not recognise repetitions.
package twilio

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
)

// Endpoint is Twilio's own address.
const Endpoint = "https://api.twilio.com"

const (
	maxMessage = 480 // bytes of a short message: three of its parts in Chinese
	maxSaid    = 500 // bytes that a call says
)

// Options make a sender.
type Options struct {
	// Setting is the path of the settings, for errors.
	Setting string
	// Endpoint is the interface's address; empty means [Endpoint].
	Endpoint       string
	Account, Token string
	// From are numbers, or ids of messaging services (MG…), to send from. One may be
	// kept for numbers that begin in a certain way, as +886=+886255500100; the longest
	// beginning counts, and one without a beginning is for all others.
	From []string
	// Call makes calls instead of short messages.
	Call bool

	Now func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Sender delivers notices as short messages or calls. It is safe for concurrent
// use.
type Sender struct {
	opt    Options
	from   map[string]string
	client *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(o Options) (*Sender, error) {
	if o.Endpoint == "" {
		o.Endpoint = Endpoint
	}
	s := &Sender{opt: o, from: map[string]string{}}
	for _, f := range o.From {
		prefix, number, ok := strings.Cut(f, "=")
		if !ok {
			prefix, number = "", f
		}
		if number == "" || s.from[prefix] != "" || o.Call && strings.HasPrefix(number, "MG") {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q is no number to send from: write +886255500100, or +886=+886255500100 for numbers that begin with +886, each beginning once", f).At(o.Setting + ".from")
		}
		s.from[prefix] = number
	}
	var err error
	s.client, err = httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: []string{o.Token}})
	return s, err
}

// Send hands one message or call to the gateway.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	return s.client.Do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, m) }, judge)
}

func (s *Sender) request(ctx context.Context, m notify.Message) (*http.Request, error) {
	to := strings.NewReplacer(" ", "", "-", "").Replace(m.Address)
	if !strings.HasPrefix(to, "+") {
		return nil, errors.New("this gateway needs the number with its country, as +886 912 345 678")
	}
	from := s.sender(to)
	if from == "" {
		return nil, errors.New("the configuration has no number to send from for this one")
	}
	form, resource := url.Values{"To": {to}}, "Messages.json"
	if strings.HasPrefix(from, "MG") {
		form.Set("MessagingServiceSid", from)
	} else {
		form.Set("From", from)
	}
	if s.opt.Call {
		resource = "Calls.json"
		form.Set("Twiml", speech(m))
	} else {
		form.Set("Body", m.Text(maxMessage))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opt.Endpoint+"/2010-04-01/Accounts/"+url.PathEscape(s.opt.Account)+"/"+resource, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, errors.New("the gateway's address cannot be used")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(s.opt.Account, s.opt.Token)
	return r, nil
}

// sender returns what a number is called from.
func (s *Sender) sender(to string) string {
	best, from := -1, ""
	for prefix, number := range s.from {
		if strings.HasPrefix(to, prefix) && len(prefix) > best {
			best, from = len(prefix), number
		}
	}
	return from
}

// voices are the languages as the gateway names them.
var voices = map[holdfast.Lang]string{holdfast.ZhHant: "zh-TW", holdfast.ZhHans: "zh-CN", holdfast.En: "en-US"}

// speech is what a call says, as TwiML. Addresses of pages are left out: nobody
// writes down what is read to him.
func speech(m notify.Message) string {
	var lines []string
	for line := range strings.Lines(m.Text(maxSaid)) {
		if !strings.Contains(line, "://") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	var words strings.Builder
	_ = xml.EscapeText(&words, []byte(strings.Join(lines, " "))) // a Builder takes everything
	voice := voices[m.Lang]
	if voice == "" {
		voice = voices[holdfast.En]
	}
	return `<Response><Say language="` + voice + `" loop="2">` + words.String() + `</Say></Response>`
}

func judge(a httpcall.Answer) notify.Outcome {
	if a.Status/100 != 2 {
		return notify.Outcome{Result: httpcall.OfProvider(a.Status)}
	}
	var v struct {
		SID    string `json:"sid"`
		Status string `json:"status"`
	}
	switch {
	case !a.JSON(&v) || v.SID == "":
		return httpcall.Strange(a)
	case v.Status == "failed", v.Status == "undelivered", v.Status == "canceled", v.Status == "busy", v.Status == "no-answer":
		return notify.Outcome{Result: notify.Retry}
	}
	return notify.Outcome{Result: notify.Sent, Detail: v.Status + " as " + v.SID}
}
