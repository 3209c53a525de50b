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
func (r *route) read(req *fasthttp.Request, path string, body []byte) *payment.Payment {
	p := &payment.Payment{Route: r.Name, Kind: r.kind}
	var query url.Values
	for _, f := range r.fields {
		switch f.From {
		case "header":
			if all := req.Header.PeekAll(f.Name); len(all) == 1 {
				set(p, f.Field, string(all[0]), false)
			}
		case "query":
			if query == nil {
				query, _ = url.ParseQuery(string(req.URI().QueryString()))
			}
			if all := query[f.Name]; len(all) == 1 {
				set(p, f.Field, all[0], false)
			}
		case "path":
			if text, err := url.PathUnescape(r.param(path, f.Name)); err == nil {
				set(p, f.Field, text, false)
			}
		case "const":
			set(p, f.Field, f.Name, false)
		}
	}
	if len(r.body) > 0 && len(req.Header.Peek(fasthttp.HeaderContentEncoding)) == 0 {
		r.readBody(p, body)
	}
	return p
}

func (r *route) readBody(p *payment.Payment, body []byte) {
	switch r.Body {
	case "json":
		values, err := r.pointers.read(body)
		if err != nil {
			return
		}
		for i, v := range values {
			if v.ok {
				set(p, r.body[i].Field, v.text, v.number)
			}
		}
	case "form":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return
		}
		for _, f := range r.body {
			if all := form[f.Name]; len(all) == 1 {
				set(p, f.Field, all[0], false)
			}
		}
	case "xml":
		found, err := readXML(body, r.body)
		if err != nil {
			return
		}
		for i, texts := range found {
			if len(texts) == 1 {
				set(p, r.body[i].Field, texts[0], false)
			}
		}
	}
}

// Longest texts a gate reads, in bytes. Longer ones are not names of anything.
const maxText = 256

// set puts a text into a field if it can be one. A JSON number is taken only
// where it is written as plain digits: 1, 1.0 and 1e0 would be three identities.
func set(p *payment.Payment, f payment.Field, text string, number bool) {
	if text == "" || len(text) > maxText || number && strings.Trim(text, "0123456789") != "" {
		return
	}
	switch f {
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

// readXML returns the texts of the elements that the fields' paths name, by
// field. Namespaces are left out; document types are refused.
func readXML(body []byte, fields []field) ([][]string, error) {
	found := make([][]string, len(fields))
	dec := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	var text strings.Builder
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("a document type is not taken")
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return nil, errors.New("nested too deeply")
			}
			text.Reset()
		case xml.CharData:
			text.Write(t)
		case xml.EndElement:
			at := "/" + strings.Join(path, "/")
			for i, f := range fields {
				if f.Name == at {
					found[i] = append(found[i], strings.TrimSpace(text.String()))
				}
			}
			path = path[:len(path)-1]
			text.Reset()
		}
	}
}
