package config

import (
	"strings"
	"testing"
)

// second are settings with a second primary.
const second = `
name: gate-1
primary: {url: http://127.0.0.1:9000}
second: {url: https://bank-b.example}
fence: {data: fence, keep: 10h}
routes:
  - name: pay
    methods: [POST]
    path: /v1/payments
    kind: payment
    body: json
    fields: {identity: "header:Idempotency-Key", amount: "json:/amount", currency: "json:/currency"}
    second:
      path: /v2/transfers/{identity}
      headers: [{name: X-Amount, value: "{amount:decimal}"}]
      body: '{"id":"{identity}","memo":{json:/memo}}'
      retention: 5h
      answers: [{when: {status: [202]}, status: 201, body: '{"id":{json:/number}}'}]
  - name: refund
    methods: [POST]
    path: /v1/refunds
    kind: refund
    fields: {identity: "header:Idempotency-Key"}
    second: {path: /v2/returns, original: "header:Original"}
  - name: ask
    methods: [GET]
    path: /v1/payments
    kind: inquiry
    fields: {identity: "query:key"}
    second: {path: "/v2/transfers/{identity}"}
`

func TestSecondPrimary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, old, new, want string }{
		{"as it should be", "", "", ""},
		{"no fence", "fence: {data: fence, keep: 10h}", "", "fence: a second primary and a fence go together"},
		{"no second primary", "second: {url: https://bank-b.example}", "", "fence: a second primary and a fence go together"},
		{"a fence that is nowhere", "data: fence, ", "", "fence.data: write data"},
		{"a fence that forgets at once", "keep: 10h", "keep: 10m", "fence.keep"},
		{"a retention that cannot be told", "retention: 5h", "retention: 30m", "routes[0].second.retention: the age of a payment is known to a tenth"},
		{"a word that is none", "{json:/number}", "{jason:/number}", "{jason:/number} stands for nothing"},
		{"a pointer that is none", "{json:/memo}", "{json:memo}", "{json:memo}: a pointer begins with a slash"},
		{"what the route does not read", "/v2/transfers/{identity}\n      headers", "/v2/transfers/{payee}\n      headers", "routes[0].second.path: {payee} cannot be filled in"},
		{"JSON that is none", `"memo":{json:/memo}}`, `"memo":{json:/memo}`, "routes[0].second.body: this is not JSON"},
		{"a status of a request", "{amount:decimal}", "{status}", "routes[0].second.headers[0].value: {status} is of an answer"},
		{"a value of the body in a path", "/v2/transfers/{identity}\n      headers", "/v2/{json:/memo}\n      headers", "is a value of a JSON body"},
		{"a path that is none", "path: /v2/returns", "path: v2/returns", "routes[1].second.path: a path begins with a slash"},
		{"a GET with a body", "path: /v2/transfers/{identity}\n", "path: /v2/transfers/{identity}\n      method: GET\n", "routes[0].second.body: a GET has none"},
		{"a refund of nothing", `, original: "header:Original"`, "", "routes[1].second.original: a refund names what it takes back"},
		{"answers without a status", "when: {status: [202]}, ", "", "routes[0].second.answers[0].when: say which answers"},
		{"an inquiry with a body", `"/v2/transfers/{identity}"}`, `"/v2/transfers/{identity}", body: x}`, "routes[2].second.body: an inquiry has none"},
	} {
		_, err := LoadGate(Options{Content: []byte(strings.Replace(second, test.old, test.new, 1))})
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// Whatever a template says, its parts are the whole of it.
func FuzzTemplate(f *testing.F) {
	f.Add(`{"id":"{identity}","memo":{json:/a~1b}}`)
	f.Add("{{amount}{status}}{")
	f.Fuzz(func(t *testing.T, text string) {
		var template Template
		if template.UnmarshalText([]byte(text)) != nil {
			return
		}
		var b strings.Builder
		for _, p := range template.Parts() {
			if b.WriteString(p.Text); p.Place != "" {
				b.WriteString("{" + p.Place + "}")
			}
		}
		if b.String() != text {
			t.Errorf("%q became %q", text, b.String())
		}
	})
}
