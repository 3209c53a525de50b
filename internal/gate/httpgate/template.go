package httpgate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"

	"holdfast/internal/config"
	"holdfast/internal/payment"
)

// facts are what the places of a template stand for.
type facts struct {
	pay    *payment.Payment
	body   []byte // the JSON that {json:} reads
	status int
	now    time.Time
	parsed any
	read   bool
}

func (x *exchange) facts(body []byte, status int) *facts {
	return &facts{pay: x.pay, body: body, status: status, now: x.begun}
}

// text returns what a place stands for; raw is JSON as it stands.
func (f *facts) text(place string) (text string, raw bool) {
	p := f.pay
	switch place {
	case "identity":
		return p.Identity, false
	case "amount":
		return strconv.FormatInt(p.Amount, 10), false
	case "amount:decimal":
		return decimal(p.Amount, p.Currency), false
	case "currency":
		return p.Currency, false
	case "payer":
		return p.Payer.Reveal(), false
	case "payee":
		return p.Payee.Reveal(), false
	case "channel":
		return p.Channel, false
	case "method":
		return p.Method, false
	case "original":
		return p.Original, false
	case "kind":
		return p.Kind.String(), false
	case "at":
		return f.now.UTC().Format(time.RFC3339), false
	case "status":
		return strconv.Itoa(f.status), false
	}
	if pointer, ok := strings.CutPrefix(place, config.JSONPlace); ok {
		return f.json(pointer), true
	}
	return "", false
}

// json returns the value at a pointer as JSON, null if there is none.
func (f *facts) json(pointer string) string {
	if !f.read {
		f.read = true
		d := json.NewDecoder(bytes.NewReader(f.body))
		d.UseNumber()
		if d.Decode(&f.parsed) != nil {
			f.parsed = nil
		}
	}
	at := f.parsed
	for part := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		switch v := at.(type) {
		case map[string]any:
			at = v[part]
		case []any:
			n, err := strconv.Atoi(part)
			if err != nil || n < 0 || n >= len(v) {
				return "null"
			}
			at = v[n]
		default:
			return "null"
		}
	}
	text, err := json.Marshal(at)
	if err != nil {
		return "null" // it was JSON: cannot fail
	}
	return string(text)
}

// decimal writes minor units of a currency with a point.
func decimal(amount int64, code string) string {
	digits := 2
	if unit, err := currency.ParseISO(code); err == nil {
		digits, _ = currency.Standard.Rounding(unit)
	}
	text := strconv.FormatInt(amount, 10)
	if digits == 0 {
		return text
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// fill fills a template in. Texts are written by text, JSON values as they are.
func fill(t config.Template, f *facts, text func(string) string) string {
	var b strings.Builder
	for _, p := range t.Parts() {
		if p.Place == "" {
			b.WriteString(p.Text)
			continue
		}
		s, raw := f.text(p.Place)
		if !raw {
			s = text(s)
		}
		b.WriteString(s)
	}
	return b.String()
}

// fillPath fills the template of a path and query in.
func fillPath(t config.Template, f *facts) string {
	path, query, asked := strings.Cut(string(t), "?")
	target := fill(config.Template(path), f, url.PathEscape)
	if asked {
		target += "?" + fill(config.Template(query), f, url.QueryEscape)
	}
	return target
}

// textOf returns how a text stands in a body of a type.
func textOf(kind string) func(string) string {
	kind, _, _ = strings.Cut(kind, ";")
	switch kind = strings.ToLower(strings.TrimSpace(kind)); {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return jsonText
	case kind == "application/xml" || kind == "text/xml" || strings.HasSuffix(kind, "+xml"):
		return xmlText
	case kind == "application/x-www-form-urlencoded":
		return url.QueryEscape
	}
	return func(s string) string { return s }
}

func xmlText(s string) string {
	var b strings.Builder
	if xml.EscapeText(&b, []byte(s)) != nil {
		return "" // a strings.Builder does not fail
	}
	return b.String()
}

// headerText is a text as it may stand in a header: what could end one is left out.
func headerText(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, s)
}
