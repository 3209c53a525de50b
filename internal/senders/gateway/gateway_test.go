package gateway

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
)

func options(address string, edit ...func(*Options)) Options {
	o := Options{
		Setting: "notices.sms.http", Method: "POST", URL: address + "/send?ref={id}", Headers: []string{"Authorization: Bearer {secret}", "X-Urgent: {urgent}"},
		Body: `{"to":"{digits}","text":"{text}","token":"{secret}","other":{"a":1}}`, Type: "application/json", Secret: "gate\"way-key",
		Success: `status == 200 and json["code"] == "0"`, Refused: `json["code"] == "17"`, Now: time.Now,
	}
	for _, e := range edit {
		e(&o)
	}
	return o
}

func message() notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n/1", Address: "+886 912-345", Subject: `Level 1 "{secret}" {to}`, Body: "answer & go", Urgent: true}, Attempt: 1}
}

type got struct{ method, uri, body, auth, urgent, kind string }

func run(t *testing.T, status int, answer string, edit ...func(*Options)) (notify.Outcome, got) {
	t.Helper()
	var g got
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		g = got{r.Method, r.RequestURI, string(b), r.Header.Get("Authorization"), r.Header.Get("X-Urgent"), r.Header.Get("Content-Type")}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer server.Close()
	s, err := New(options(server.URL, edit...))
	if err != nil {
		t.Fatal(err)
	}
	return s.Send(t.Context(), message()), g
}

// What a person wrote is put in as it is: it cannot break out of its place, and
// cannot ask for the secret.
func TestTemplates(t *testing.T) {
	t.Parallel()
	o, g := run(t, 200, `{"code":"0","id":77}`)
	want := got{
		"POST", "/send?ref=n%2F1", `{"to":"886912345","text":"Level 1 \"{secret}\" {to}\nanswer \u0026 go","token":"gate\"way-key","other":{"a":1}}`,
		`Bearer gate"way-key`, "true", "application/json",
	}
	if o.Result != notify.Sent || g != want {
		t.Errorf("%+v\n%+v, want\n%+v", o, g, want)
	}
	_, g = run(t, 200, "", func(o *Options) { o.Type, o.Body = "application/x-www-form-urlencoded", "to={to}&text={text}" })
	if g.body != "to=%2B886+912-345&text=Level+1+%22%7Bsecret%7D%22+%7Bto%7D%0Aanswer+%26+go" {
		t.Error(g.body)
	}
	_, g = run(t, 200, "", func(o *Options) { o.Type, o.Body = "text/xml; charset=utf-8", "<m>{text}</m>" })
	if g.body != "<m>Level 1 &#34;{secret}&#34; {to}&#xA;answer &amp; go</m>" {
		t.Error(g.body)
	}
	_, g = run(t, 200, "", func(o *Options) { o.Method, o.URL = "GET", o.URL+"&t={subject}" })
	if g.method != "GET" || g.body != "" || !strings.HasSuffix(g.uri, "&t=Level+1+%22%7Bsecret%7D%22+%7Bto%7D") {
		t.Errorf("%+v", g)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		answer string
		want   notify.Result
	}{
		{200, `{"code":"0"}`, notify.Sent}, {200, `{"code":0}`, notify.Sent}, {200, `{"code":"5"}`, notify.Retry}, {200, `{"code":17}`, notify.Refused}, {200, `ok`, notify.Retry},
		{400, `{"code":"0"}`, notify.Refused}, {401, ``, notify.Retry}, {404, ``, notify.Refused}, {429, ``, notify.Retry}, {503, ``, notify.Retry}, {202, `{"code":"0"}`, notify.Retry},
	} {
		if o, _ := run(t, tt.status, tt.answer); o.Result != tt.want {
			t.Errorf("%d %s: %+v", tt.status, tt.answer, o)
		}
	}
	o, _ := run(t, 200, "x", func(o *Options) { o.Success = `int(body) == 0` })
	if o.Result != notify.Unsure {
		t.Errorf("an answer that cannot be judged: %+v", o)
	}
	if o, _ := run(t, 500, `the key gate"way-key is wrong`); strings.Contains(o.Detail, "way-key") {
		t.Errorf("%+v", o)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*Options){
		"no host":                  func(o *Options) { o.URL = "/send" },
		"a password":               func(o *Options) { o.URL = "https://a:b@h/" },
		"a drill cannot be told":   func(o *Options) { o.Body = "{id}" },
		"no header":                func(o *Options) { o.Headers = []string{"Authorization"} },
		"an unknown field":         func(o *Options) { o.Success = "stat == 200" },
		"no expression at all":     func(o *Options) { o.Success = "" },
		"an expression, not bool":  func(o *Options) { o.Refused = "status" },
		"a header with a line end": func(o *Options) { o.Headers = []string{"A\nB: c"} },
	} {
		if _, err := New(options("https://sms.example.org", edit)); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
