// Package aliyun delivers notices as short messages through Alibaba Cloud's SMS
// service (阿里云短信服務), action SendSms of version 2017-05-25.
//
// The request is a POST of a form; its parameters, sorted and encoded, are signed
// with HMAC-SHA1 (signature version 1.0) under the key's secret and "&":
//
//	POST&%2F&AccessKeyId%3D…%26Action%3DSendSms%26…
//
// The service sends approved templates only, so a notice fills the variables of
// one: [Options.Parameters] says with what. OutId is the notice's id, by which the
// service's log finds it; the service does not recognise repetitions.
//
// Success is status 200 with Code OK in the body; every other code is a failure,
// whatever the status.
package aliyun

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
)

// Endpoint is the service's address in the mainland.
const Endpoint = "https://dysmsapi.aliyuncs.com"

// maxVariable is the longest value of a variable in characters.
const maxVariable = 35

// Options make a sender.
type Options struct {
	// Setting is the path of the settings, for errors.
	Setting string
	// Endpoint is the service's address; empty means [Endpoint].
	Endpoint string
	// KeyID and KeySecret are an access key that may do nothing but send.
	KeyID, KeySecret string
	// SignName and Template are approved by the service.
	SignName, Template string
	// Parameters are the template's variables, as NAME=TEXT with the places of
	// [notify.Message.Fill]. Each value is cut to 35 characters. One of them must
	// hold the subject, which says if it is a drill.
	Parameters []string

	Now func() time.Time
	// Limit is how long one request may take; default 10 s.
	Limit time.Duration
}

// Sender delivers notices as short messages. It is safe for concurrent use.
type Sender struct {
	opt       Options
	variables [][2]string
	client    *httpcall.Client
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender.
func New(o Options) (*Sender, error) {
	if o.Endpoint == "" {
		o.Endpoint = Endpoint
	}
	s := &Sender{opt: o}
	for _, p := range o.Parameters {
		name, text, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q is no variable of a template: write NAME=TEXT, such as event={subject}", p).At(o.Setting + ".parameters")
		}
		s.variables = append(s.variables, [2]string{name, text})
	}
	if !slices.ContainsFunc(s.variables, func(v [2]string) bool { return notify.SaysDrill(v[1]) }) {
		return nil, holdfast.Errorf(holdfast.Invalid, "no variable of the template holds {subject}, so a drill could not be told from an emergency").At(o.Setting + ".parameters")
	}
	var err error
	s.client, err = httpcall.New(httpcall.Options{Now: o.Now, Limit: o.Limit, Secrets: []string{o.KeySecret}})
	return s, err
}

// Send hands one short message to the service.
func (s *Sender) Send(ctx context.Context, m notify.Message) notify.Outcome {
	return s.client.Do(ctx, func(ctx context.Context) (*http.Request, error) { return s.request(ctx, m) }, judge)
}

func (s *Sender) request(ctx context.Context, m notify.Message) (*http.Request, error) {
	values := map[string]string{}
	for _, v := range s.variables {
		values[v[0]] = cut(m.Fill(v[1], notify.Plain))
	}
	variables, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	number := digits(m.Address)
	if number == "" {
		return nil, errors.New("the address is not a phone number")
	}
	p := map[string]string{
		"AccessKeyId": s.opt.KeyID, "Action": "SendSms", "Format": "JSON", "OutId": m.ID, "PhoneNumbers": number, "RegionId": "cn-hangzhou",
		"SignName": s.opt.SignName, "SignatureMethod": "HMAC-SHA1", "SignatureNonce": rand.Text(), "SignatureVersion": "1.0",
		"TemplateCode": s.opt.Template, "TemplateParam": string(variables), "Timestamp": s.client.Now().UTC().Format("2006-01-02T15:04:05Z"), "Version": "2017-05-25",
	}
	form := canonical(p) + "&Signature=" + encode(sign(http.MethodPost, p, s.opt.KeySecret))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.opt.Endpoint+"/", strings.NewReader(form))
	if err != nil {
		return nil, errors.New("the service's address cannot be used")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r, nil
}

// digits writes a number as the service wants it: without a plus, and bare in the
// mainland.
func digits(number string) string {
	d := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	if rest, ok := strings.CutPrefix(d, "86"); ok && len(rest) == 11 {
		return rest
	}
	return d
}

// cut keeps a value within what the service takes.
func cut(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) <= maxVariable {
		return s
	}
	return string([]rune(s)[:maxVariable-1]) + "…"
}

// sign signs a request with these parameters, as signature version 1.0 has it.
func sign(method string, p map[string]string, secret string) string {
	h := hmac.New(sha1.New, []byte(secret+"&"))
	h.Write([]byte(method + "&" + encode("/") + "&" + encode(canonical(p))))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// canonical writes parameters in the order of their names.
func canonical(p map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, encode(name)+"="+encode(p[name]))
	}
	return strings.Join(list, "&")
}

// encode is RFC 3986's percent-encoding, which url.QueryEscape is but for spaces.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func judge(a httpcall.Answer) notify.Outcome {
	var v struct {
		Code string `json:"Code"`
	}
	if !a.JSON(&v) || v.Code == "" {
		if a.Status/100 == 2 {
			return httpcall.Strange(a)
		}
		return notify.Outcome{Result: httpcall.OfProvider(a.Status)}
	}
	switch {
	case v.Code == "OK" && a.Status == http.StatusOK:
		return notify.Outcome{Result: notify.Sent}
	case strings.Contains(v.Code, "LIMIT_CONTROL") && !strings.Contains(v.Code, "BLACK_KEY"), strings.HasPrefix(v.Code, "Throttling"):
		// So many to one number in a minute, an hour, a day.
		return notify.Outcome{Result: notify.Retry, After: time.Minute}
	case slices.Contains(forGood, v.Code):
		return notify.Outcome{Result: notify.Refused}
	}
	// What is left is the account: its balance, its key, its templates. People mend
	// that, and the message is wanted then.
	return notify.Outcome{Result: notify.Retry}
}

// forGood are codes that say that this message never goes to this number.
var forGood = []string{
	"isv.MOBILE_NUMBER_ILLEGAL", "isv.MOBILE_COUNT_OVER_LIMIT", "isv.INVALID_PARAMETERS", "isv.INVALID_JSON_PARAM", "isv.BLACK_KEY_CONTROL_LIMIT",
	"isv.PARAM_LENGTH_LIMIT", "isv.PARAM_NOT_SUPPORT_URL", "isv.NOT_SUPPORTED_COUNTRY", "isv.DENY_IP_RANGE", "isv.SMS_CONTENT_ILLEGAL",
}
