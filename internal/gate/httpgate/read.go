package httpgate

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"holdfast/internal/payment"
)

// read fills a payment from a request. What cannot be read, or stands there
// more than once, stays out of Payment.Read; the route says what that means.
func (r *route) read(h *fasthttp.RequestHeader, path, query string, body []byte) *payment.Payment {
	p := &payment.Payment{Route: r.Name, Kind: r.kind}
	var parsed url.Values
	for _, f := range r.fields {
		switch f.From {
		case "header":
			if all := h.PeekAll(f.Name); len(all) == 1 {
				set(p, f.Field, string(all[0]), false)
			}
		case "query":
			if parsed == nil {
				parsed = parseForm(query)
			}
			if text, ok := only(parsed, f.Name); ok {
				set(p, f.Field, text, false)
			}
		case "path":
			if text, err := url.PathUnescape(r.param(path, f.Name)); err == nil {
				set(p, f.Field, text, false)
			}
		case "const":
			set(p, f.Field, f.Name, false)
		}
	}
	if len(r.body) > 0 && len(h.Peek(fasthttp.HeaderContentEncoding)) == 0 {
		r.readBody(p, h, body)
	}
	return p
}

func (r *route) readBody(p *payment.Payment, h *fasthttp.RequestHeader, body []byte) {
	switch r.Body {
	case "json":
		values, err := r.pointers.read(body)
		if err != nil {
			return
		}
		for i, v := range values {
			if v.ok {
				set(p, r.body[i].Field, string(v.text), v.number)
			}
		}
	case "form":
		// A multipart body can be written so that it reads as another form, too.
		if bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(h.ContentType())), []byte("multipart/")) {
			return
		}
		form := parseForm(string(body))
		for _, f := range r.body {
			if text, ok := only(form, f.Name); ok {
				set(p, f.Field, text, false)
			}
		}
	case "xml":
		found, err := readXML(body, r.body)
		if err != nil {
			return
		}
		for i, e := range found {
			if e.count == 1 {
				set(p, r.body[i].Field, e.text, false)
			}
		}
	}
}

// parseForm reads a form or a query. One that holds anything servers read in
// different ways, such as a bad escape or a semicolon, reads as empty.
func parseForm(text string) url.Values {
	form, err := url.ParseQuery(text)
	if err != nil {
		return url.Values{}
	}
	return form
}

// only returns the value under a name if it stands there once, in other letter
// case included: some servers make no difference.
func only(form url.Values, name string) (text string, ok bool) {
	n := 0
	for key, all := range form {
		if strings.EqualFold(key, name) {
			n += len(all)
			if key == name {
				text, ok = all[0], true
			}
		}
	}
	return text, ok && n == 1
}

// Longest texts a gate reads, in bytes. Longer ones are not names of anything.
const maxText = 256

// set puts a text into a field if it can be one. A JSON number is taken only
// where it is written as plain digits: 1, 1.0 and 1e0 would be three identities.
// Control characters are not taken: some servers end a text at the first.
func set(p *payment.Payment, f payment.Field, text string, number bool) {
	if text == "" || len(text) > maxText || !plain(text, number) {
		return
	}
	switch f {
	case bankField:
		p.Bank = text
		return
	case merchantField:
		p.Merchant = text
		return
	case originalField:
		p.Original = text
		return
	case payment.Identity:
		if len(text) > payment.MaxIdentity {
			return
		}
		p.Identity = text
	case payment.Amount:
		n, err := payment.ParseAmount(text)
		if err != nil {
			return
		}
		p.Amount = n
	case payment.Currency:
		c, err := payment.ParseCurrency(text)
		if err != nil {
			return
		}
		p.Currency = c
	case payment.Payer:
		p.Payer = payment.Sensitive(text)
	case payment.Payee:
		p.Payee = payment.Sensitive(text)
	case payment.Channel:
		p.Channel = text
	case payment.Method:
		p.Method = text
	}
	p.Read = p.Read.With(f)
}

func control(c rune) bool { return c < ' ' || c == 0x7f }

// plain reports whether a text has no control characters and, where it is a
// number, nothing but digits.
func plain(text string, number bool) bool {
	for i := range len(text) {
		if c := text[i]; control(rune(c)) || number && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// element is what stands at a path of XML elements.
type element struct {
	text string
	// count is how often the path was met. Where its content is not plain text it
	// counts twice: servers take different parts of it.
	count int
}

// open is an element whose end has not come yet.
type open struct {
	name  string
	text  strings.Builder
	mixed bool // it holds more than text
}

// readXML returns what stands at the fields' paths, by field. Namespaces are
// left out; document types are refused. An element that holds other elements,
// comments or instructions has no value: of <a>1<!-- -->2</a> some servers read
// 1 and others 12.
func readXML(body []byte, fields []field) ([]element, error) {
	found := make([]element, len(fields))
	dec := xml.NewDecoder(bytes.NewReader(body))
	var path []*open
	roots := 0
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) && roots == 1 {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		var in *open
		if len(path) > 0 {
			in = path[len(path)-1]
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not taken")
		case xml.StartElement:
			if in == nil {
				roots++
			} else {
				in.mixed = true
			}
			if path = append(path, &open{name: t.Name.Local}); len(path) > maxDepth || roots > 1 {
				return nil, errors.New("nested too deeply, or more than one document")
			}
		case xml.CharData:
			if in == nil && len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("text outside of the document")
			}
			if in != nil {
				in.text.Write(t)
			}
		case xml.EndElement:
			note(found, fields, path)
			path = path[:len(path)-1]
		default: // a comment or an instruction
			if in != nil {
				in.mixed = true
			}
		}
	}
}

// note enters the innermost element where its path is one of the fields'.
func note(found []element, fields []field, path []*open) {
	var at strings.Builder
	for _, o := range path {
		at.WriteString("/" + o.name)
	}
	last := path[len(path)-1]
	for i, f := range fields {
		if f.Name != at.String() {
			continue
		}
		found[i].text = strings.TrimSpace(last.text.String())
		found[i].count++
		if last.mixed {
			found[i].count++
		}
	}
}
