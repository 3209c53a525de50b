package httpgate

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"holdfast/internal/config"
	"holdfast/internal/payment"
)

// header makes request headers of lines "Name: value".
func header(lines ...string) *fasthttp.RequestHeader {
	h := &fasthttp.RequestHeader{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h
}

// routeOf makes a payment route from lines of YAML.
func routeOf(t testing.TB, lines string) *route {
	t.Helper()
	text := "name: g\nprimary: {url: \"http://127.0.0.1:1\"}\nroutes:\n  - name: r\n    kind: payment\n    " + strings.ReplaceAll(lines, "\n", "\n    ")
	c, err := config.LoadGate(config.Options{Content: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRoute(c.Routes[0], c.Mode)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	jsonRoute = "path: /p/{shop}/pay\nbody: json\nfields: {identity: header:Idempotency-Key, amount: json:/order/amount, currency: \"json:/order/cur~1rency\", payer: json:/payer, payee: path:shop, channel: query:ch, method: const:card}"
	formRoute = "path: /p\nbody: form\nfields: {identity: form:id, amount: form:amount, currency: form:currency, payer: form:payer}"
	xmlRoute  = "path: /p\nbody: xml\nfields: {identity: xml:/Doc/Id, amount: xml:/Doc/Amt, currency: const:CNY, payer: xml:/Doc/Dbtr/Acct}"
)

func TestRead(t *testing.T) {
	t.Parallel()
	all := "amount=1299 channel=app currency=CNY identity=k1 method=card payee=m 1 payer=acct_1"
	tests := []struct {
		name, route, query, body string
		header                   []string
		want                     string
	}{
		{"JSON, path, query, header, constant", jsonRoute, "ch=app", `{"payer":"acct_1","x":[{"payer":"no"}],"order":{"amount":1299,"cur/rency":"CNY"}}`, nil, all},
		{"escaped names and spaces", jsonRoute, "ch=app", "\n{\"\\u0070ayer\" : \"acct\\u005f1\" ,\t\"order\":{\"amount\": 1299 , \"cur\\/rency\":\"CNY\"} }\r\n", nil, all},
		{"amount as text", jsonRoute, "ch=app", `{"payer":"acct_1","order":{"amount":"1299","cur/rency":"CNY"}}`, nil, all},
		{"decimal", jsonRoute, "", `{"payer":"p","order":{"amount":12.99,"cur/rency":"CNY"}}`, nil, "currency=CNY identity=k1 method=card payee=m 1 payer=p"},
		{"decimal that is whole", jsonRoute, "", `{"order":{"amount":12.0}}`, nil, "identity=k1 method=card payee=m 1"},
		{"exponent", jsonRoute, "", `{"order":{"amount":1e3}}`, nil, "identity=k1 method=card payee=m 1"},
		{"negative", jsonRoute, "", `{"order":{"amount":-5}}`, nil, "identity=k1 method=card payee=m 1"},
		{"above all payments", jsonRoute, "", `{"order":{"amount":1000000000000001}}`, nil, "identity=k1 method=card payee=m 1"},
		{"null, true, object, list", jsonRoute, "", `{"payer":{},"order":{"amount":null,"cur/rency":["CNY"]}}`, nil, "identity=k1 method=card payee=m 1"},
		{"twice", jsonRoute, "", `{"payer":"a","payer":"a","order":{"amount":1}}`, nil, "amount=1 identity=k1 method=card payee=m 1"},
		{"once more in capitals", jsonRoute, "", `{"payer":"a","PAYER":"b","order":{"amount":1}}`, nil, "amount=1 identity=k1 method=card payee=m 1"},
		{"parent twice", jsonRoute, "", `{"payer":"a","order":{"amount":1},"order":{}}`, nil, "identity=k1 method=card payee=m 1 payer=a"},
		{"parent twice, escaped", jsonRoute, "", `{"payer":"a","order":{"amount":1},"\u006frder":2}`, nil, "identity=k1 method=card payee=m 1 payer=a"},
		{"half a surrogate", jsonRoute, "", `{"payer":"a\ud800"}`, nil, "identity=k1 method=card payee=m 1"},
		{"control character", jsonRoute, "", `{"payer":"a\u0000b"}`, nil, "identity=k1 method=card payee=m 1"},
		{"more behind it", jsonRoute, "", `{"payer":"a"} x`, nil, "identity=k1 method=card payee=m 1"},
		{"encrypted", jsonRoute, "ch=app", "\xff\x00", nil, "channel=app identity=k1 method=card payee=m 1"},
		{"coded", jsonRoute, "ch=app", `{"payer":"a"}`, []string{"Content-Encoding: gzip"}, "channel=app identity=k1 method=card payee=m 1"},
		{"two keys", jsonRoute, "", `{}`, []string{"idempotency-key: k2"}, "method=card payee=m 1"},
		{"query twice", jsonRoute, "ch=app&ch=web", `{}`, nil, "identity=k1 method=card payee=m 1"},
		{"query in two cases", jsonRoute, "ch=app&CH=web", `{}`, nil, "identity=k1 method=card payee=m 1"},
		{"query with a semicolon", jsonRoute, "ch=app&a;ch=web", `{}`, nil, "identity=k1 method=card payee=m 1"},
		{"form", formRoute, "", "id=k+1&amount=5&currency=HKD&payer=%E6%B8%AF", nil, "amount=5 currency=HKD identity=k 1 payer=港"},
		{"form twice", formRoute, "", "id=k&amount=5&amount=6", nil, "identity=k"},
		{"form with a bad escape", formRoute, "", "id=k&amount=5&x=%zz", nil, ""},
		{"form within files", formRoute, "", "id=k&amount=5", []string{"Content-Type: multipart/form-data; boundary=x"}, ""},
		{"small currency", formRoute, "", "id=k&currency=hkd", nil, "identity=k"},
		{"XML", xmlRoute, "", `<?xml version="1.0"?><d:Doc xmlns:d="u"><d:Id> k </d:Id><Amt Ccy="CNY">7</Amt><Dbtr><Acct><![CDATA[a]]></Acct></Dbtr></d:Doc>`, nil, "amount=7 currency=CNY identity=k payer=a"},
		{"XML elsewhere", xmlRoute, "", `<Doc><X><Id>k</Id></X><Amt>7</Amt></Doc>`, nil, "amount=7 currency=CNY"},
		{"XML twice", xmlRoute, "", `<Doc><Amt>7</Amt><Amt>7</Amt></Doc>`, nil, "currency=CNY"},
		{"XML with an element inside", xmlRoute, "", `<Doc><Amt>12<b/>99</Amt><Id>k</Id></Doc>`, nil, "currency=CNY identity=k"},
		{"XML with a comment inside", xmlRoute, "", `<Doc><Amt>12<!-- -->99</Amt><Id>k</Id></Doc>`, nil, "currency=CNY identity=k"},
		{"XML with a comment between", xmlRoute, "", `<Doc><!-- --><Amt>12</Amt></Doc>`, nil, "amount=12 currency=CNY"},
		{"XML, two documents", xmlRoute, "", `<Doc><Amt>12</Amt></Doc><Doc/>`, nil, "currency=CNY"},
		{"XML, text behind it", xmlRoute, "", `<Doc><Amt>12</Amt></Doc>x`, nil, "currency=CNY"},
		{"XML cut", xmlRoute, "", `<Doc><Amt>12</Amt>`, nil, "currency=CNY"},
		{"XML with a type", xmlRoute, "", `<!DOCTYPE Doc [<!ENTITY a "12">]><Doc><Amt>&a;</Amt></Doc>`, nil, "currency=CNY"},
		{"XML nested deeply", xmlRoute, "", "<Doc><Amt>12</Amt>" + strings.Repeat("<a>", 70) + strings.Repeat("</a>", 70) + "</Doc>", nil, "currency=CNY"},
	}
	for _, test := range tests {
		r := routeOf(t, test.route)
		h := header(append([]string{"Idempotency-Key: k1"}, test.header...)...)
		p := r.read(h, "/p/m%201/pay", test.query, []byte(test.body))
		if got := shown(p); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// shown lists what was read, by name.
func shown(p *payment.Payment) string {
	values := map[payment.Field]string{
		payment.Identity: p.Identity, payment.Amount: fmt.Sprint(p.Amount), payment.Currency: p.Currency, payment.Payer: p.Payer.Reveal(),
		payment.Payee: p.Payee.Reveal(), payment.Channel: p.Channel, payment.Method: p.Method,
	}
	var list []string
	for f, v := range values {
		if p.Read.Has(f) {
			list = append(list, f.String()+"="+v)
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := []struct {
		pattern, path string
		want          bool
	}{
		{"/v1/payments", "/v1/payments", true},
		{"/v1/payments", "/v1/payments/", true},
		{"/v1/payments", "/v1/payments/x", false},
		{"/v1/payments", "/v1", false},
		{"/v1/payments", "/v1/Payments", false},
		{"/v1/{id}/pay", "/v1/7/pay", true},
		{"/v1/{id}/pay", "/v1/7/8/pay", false},
		{"/v1/{id}", "/v1/", false},
		{"/a/b/*", "/a/b", true},
		{"/a/b/*", "/a/b/", true},
		{"/a/b/*", "/a/b/c/d", true},
		{"/a/b/*", "/a", false},
		{"/a/b/*", "/", false},
		{"/a/b/*", "/a/c", false},
		{"/*", "/", true},
		{"/*", "/x/y", true},
		{"/", "/", true},
		{"/", "/x", false},
	}
	for _, test := range tests {
		r := routeOf(t, "path: \""+test.pattern+"\"\nfields: {identity: header:K}")
		if got := r.match("POST", test.path); got != test.want {
			t.Errorf("%s with %s: %v", test.pattern, test.path, got)
		}
	}
}

// A path that a route takes is clean, and no rewriting that servers do turns it
// into another.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"/v1/payments", "/v1/./payments", "/v1/%70ayments", "/a%2Fb", "/a;b", "//", "/v1/payments/", "/%", "*", ""} {
		f.Add("/v1/{id}/pay", path)
		f.Add("/v1/*", path)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		var p config.Pattern
		if p.UnmarshalText([]byte(pattern)) != nil || !cleanPath(path) {
			return
		}
		u, err := url.ParseRequestURI(path)
		if err != nil {
			t.Fatalf("the clean path %q cannot be read: %v", path, err)
		}
		if strings.Count(u.Path, "/") != strings.Count(path, "/") {
			t.Fatalf("%q has other segments once it is unescaped", path)
		}
		r, err := newRoute(config.Route{Name: "r", Kind: "payment", Path: p}, "static")
		if err != nil {
			t.Fatal(err)
		}
		if r.match("POST", path) && !r.near("POST", path) && path == strings.ToLower(path) && pattern == strings.ToLower(pattern) && !strings.ContainsAny(path, ";.") {
			t.Fatalf("%s takes %s, and is not near it", pattern, path)
		}
		for _, name := range p.Params() {
			if r.match("POST", path) && r.param(path, name) == "" {
				t.Fatalf("%s takes %s without a %s", pattern, path, name)
			}
		}
	})
}

// What the scanner reads is what encoding/json reads, where that is one thing.
func FuzzJSON(f *testing.F) {
	for _, body := range []string{
		goodPayment, `{}`, `[]`, `"a"`, `{"a":{"b":1,"b":2}}`, `{"a":{"b":"\u00e9\n"},"c":-0.5e+1}`, `{"a":1}{`, "\ufeff{}", `{"c":tru}`,
		`{"c":01}`, strings.Repeat("[", 100), `{"C":1,"c":2}`, `{"c":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(body))
	}
	p := newPointers([]string{"/a/b", "/c"})
	f.Fuzz(func(t *testing.T, body []byte) {
		values, err := p.read(body)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("%q passes as JSON", body)
		}
		var doc any
		dec := json.NewDecoder(strings.NewReader(string(body)))
		dec.UseNumber()
		if err := dec.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		top, _ := doc.(map[string]any)
		a, _ := top["a"].(map[string]any)
		for i, want := range []any{a["b"], top["c"]} {
			if !values[i].ok {
				continue
			}
			if got := fmt.Sprint(want); got != string(values[i].text) || want == nil {
				t.Fatalf("%q: pointer %d reads %q, encoding/json %q", body, i, values[i].text, got)
			}
		}
	})
}

// Any value is found wherever it stands, and no longer once its name is there
// twice.
func TestJSONProperty(t *testing.T) {
	t.Parallel()
	p := newPointers([]string{"/order/amount"})
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 60).Draw(t, "text")
		noise := rapid.MapOf(rapid.StringMatching(`[b-n]{1,5}`), rapid.Int()).Draw(t, "noise")
		inner, _ := json.Marshal(text)
		more, _ := json.Marshal(noise)
		body := fmt.Sprintf(`{"noise":%s,"order":{"amount":%s}}`, more, inner)
		values, err := p.read([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		plain := utf8.ValidString(text) && !strings.ContainsRune(text, utf8.RuneError)
		if values[0].ok != plain || plain && string(values[0].text) != text {
			t.Fatalf("%s reads as %+v", body, values[0])
		}
		twice := strings.TrimSuffix(body, "}") + `,"ORDER":null}`
		if values, err := p.read([]byte(twice)); err != nil || values[0].ok {
			t.Fatalf("%s reads as %+v, %v", twice, values, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, body := range []string{"id=k&amount=5", "id=k&id=k", "ID=k&id=k", "a;id=k", "id=%zz", "id", "=&=", "id=%00", "id=a+b"} {
		f.Add(body)
	}
	r := routeOf(f, formRoute)
	f.Fuzz(func(t *testing.T, body string) {
		p := r.read(header(), "/p", "", []byte(body))
		if !p.Read.Has(payment.Identity) {
			return
		}
		form, err := url.ParseQuery(body)
		if err != nil || len(form["id"]) != 1 || form.Get("id") != p.Identity || strings.ContainsFunc(p.Identity, control) {
			t.Fatalf("%q reads as %q; form %v, %v", body, p.Identity, form, err)
		}
	})
}

func FuzzXML(f *testing.F) {
	for _, body := range []string{
		`<Doc><Id>k</Id><Amt>7</Amt></Doc>`, `<Doc><Amt>1<!-- -->2</Amt></Doc>`, `<Doc/><Doc/>`, `<!DOCTYPE a>`, `<Doc><Amt><![CDATA[1]]>2</Amt></Doc>`,
		`<a:Doc xmlns:a="b"><a:Amt>1</a:Amt></a:Doc>`, `<Doc><Amt>&#49;</Amt></Doc>`, `<?xml version="1.0" encoding="GBK"?><Doc/>`,
	} {
		f.Add([]byte(body))
	}
	r := routeOf(f, xmlRoute)
	f.Fuzz(func(t *testing.T, body []byte) {
		p := r.read(header(), "/p", "", body)
		if !p.Read.Has(payment.Amount) {
			return
		}
		// The digits stand in the body as they are, or as references.
		if !strings.Contains(string(body), "&") && !strings.Contains(string(body), "]]") && !strings.Contains(string(body), fmt.Sprint(p.Amount)) {
			t.Fatalf("%q reads as the amount %d", body, p.Amount)
		}
		if strings.Count(string(body), "Amt") < 2 {
			t.Fatalf("%q has no element Amt with an end", body)
		}
	})
}
