// Package gateway delivers notices through any gateway that takes a web request:
// method, URL, headers and body are templates, and an expression over the answer
// says whether the gateway has the message.
//
//	POST https://sms.example.org/v2/send
//	Authorization: Bearer {secret}
//
//	{"to": "{digits}", "text": "{text}", "ref": "{id}"}
//
// The places are those of [notify.Message.Fill] and {secret}. They are written as
// their surroundings ask: escaped for JSON, forms or XML by the body's type, for
// the query in the URL.
//
// success is an expression over status, body and, of a body in JSON, json["name"]
// (the values of its first level as text), such as
//
//	status == 200 and json["code"] == "0"
//
// What is no success is refused for good after a status of 400 to 499 (but for
// 401, 402, 403, 408 and 429) or where the expression refused is true, and tried
// again else.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
)

// Options make a sender.
type Options struct {
	// Setting is the path of the settings, for errors.
	Setting string
	Method  string
	// URL, Headers (as "Name: text") and Body are templates.
	URL     string
	Headers []string
	Body    string
	// Type is the body's content type.
	Type string
	// Secret stands where templates have {secret}.
	Secret string
	// Success says when the gateway has the message; Refused, which may be empty,
	// when it never takes it.
	Success, Refused string

	Now func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Sender delivers notices through a gateway. It is safe for concurrent use.
type Sender struct {
	opt              Options
	headers          [][2]string
	write            notify.Encoding
	success, refused *expression.Expression
	client           *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// Fields are what the expressions read.
func Fields() map[string]expression.Type {
	return map[string]expression.Type{"status": expression.Int, "body": expression.String, "json": expression.StringMap}
}

const secretPlace = "{secret}"

// New makes a sender.
func New(o Options) (_ *Sender, err error) {
	s := &Sender{opt: o, write: encodingOf(o.Type)}
	at := func(name string) string { return o.Setting + "." + name }
	plain, _, _ := strings.Cut(o.URL, "?")
	u, err := url.Parse(strings.NewReplacer("{", "", "}", "").Replace(plain))
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is not the address of a gateway: write http or https, a host and a path, and no user or password").At(at("url"))
	}
	if !notify.SaysDrill(o.URL + o.Body) {
		return nil, holdfast.Errorf(holdfast.Invalid, "neither URL nor body holds {subject} or {text}, so a drill could not be told from an emergency").At(at("body"))
	}
	for _, h := range o.Headers {
		name, text, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" || strings.ContainsAny(name, " \t\r\n") {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q is no header: write Name: text", h).At(at("headers"))
		}
		s.headers = append(s.headers, [2]string{name, strings.TrimSpace(text)})
	}
	if s.success, err = expression.Compile(o.Success, Fields()); err != nil {
		return nil, invalid(at("success"), err)
	}
	if o.Refused != "" {
		if s.refused, err = expression.Compile(o.Refused, Fields()); err != nil {
			return nil, invalid(at("refused"), err)
		}
	}
	s.client, err = httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: []string{o.Secret}})
	return s, err
}

func invalid(at string, err error) error {
	return holdfast.Errorf(holdfast.Invalid, "the expression cannot be used: %v", err).At(at)
}

func encodingOf(contentType string) notify.Encoding {
	switch kind, _, _ := strings.Cut(contentType, ";"); {
	case strings.HasSuffix(kind, "json"):
		return notify.JSON
	case strings.HasSuffix(kind, "xml"):
		return notify.XML
	case kind == "application/x-www-form-urlencoded":
		return notify.Query
	}
	return notify.Plain
}

// Send makes one request.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	return s.client.Do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, m) }, s.judge)
}

func (s *Sender) request(ctx context.Context, m notify.Message) (*http.Request, error) {
	address := s.fill(m, s.opt.URL, notify.Query)
	var body []byte
	if s.opt.Method != http.MethodGet {
		body = []byte(s.fill(m, s.opt.Body, s.write))
	}
	r, err := http.NewRequestWithContext(ctx, s.opt.Method, address, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the gateway's address cannot be used for this message")
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", s.opt.Type)
	}
	for _, h := range s.headers {
		// A line end in a value would begin a header of its own.
		r.Header.Set(h[0], strings.Join(strings.Fields(s.fill(m, h[1], notify.Plain)), " "))
	}
	return r, nil
}

func (s *Sender) fill(m notify.Message, template string, write notify.Encoding) string {
	// The secret comes first: what people wrote must not ask for it.
	parts := strings.Split(template, secretPlace)
	for i := range parts {
		parts[i] = m.Fill(parts[i], write)
	}
	return strings.Join(parts, write(s.opt.Secret))
}

func (s *Sender) judge(a httpcall.Answer) notify.Outcome {
	values := map[string]any{"status": a.Status, "body": string(a.Body), "json": firstLevel(a)}
	ok, err := s.success.Eval(values)
	if err != nil {
		return notify.Outcome{Result: notify.Unsure, Detail: "the answer cannot be judged (" + err.Error() + "): " + a.Text()}
	}
	if ok {
		return notify.Outcome{Result: notify.Sent}
	}
	if s.refused != nil {
		if never, err := s.refused.Eval(values); err == nil && never {
			return notify.Outcome{Result: notify.Refused}
		}
	}
	result := httpcall.OfProvider(a.Status)
	if result == notify.Sent { // the gateway answers, and says that it does not have it
		result = notify.Retry
	}
	return notify.Outcome{Result: result}
}

// firstLevel are the values of an object in JSON, as text; of another body, none.
func firstLevel(a httpcall.Answer) map[string]string {
	var object map[string]json.RawMessage
	values := map[string]string{}
	if !a.JSON(&object) {
		return values
	}
	for name, raw := range object {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		values[name] = text
	}
	return values
}
