package intake

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"holdfast"
	"holdfast/internal/alert"
)

// Limits on the parts of a mail: how many multiparts lie in one another, and how many
// parts one has.
const (
	maxMultiparts = 5
	maxParts      = 20
)

// DecodeMail makes an alert of a mail: its subject and its text. The mail is known by
// its Message-ID, so one that is delivered twice is one alert; it fires until a person
// deals with it, since mail has no way to take itself back. The second result is the
// address in From, by which it is judged who wrote it.
func DecodeMail(content []byte) (alert.Incoming, string, error) {
	m, err := mail.ReadMessage(bytes.NewReader(content))
	if err != nil {
		return alert.Incoming{}, "", holdfast.Errorf(holdfast.Invalid, "this is not a mail: %v", err)
	}
	from, err := (&mail.AddressParser{WordDecoder: &decoder}).Parse(m.Header.Get("From"))
	if err != nil {
		return alert.Incoming{}, "", holdfast.Errorf(holdfast.Invalid, "the mail has no sender in From")
	}
	in := alert.Incoming{
		Source: "mail", Fingerprint: strings.Trim(strings.TrimSpace(m.Header.Get("Message-Id")), "<>"),
		Labels: map[string]string{"alertname": "Mail", "from": strings.ToLower(from.Address)}, Annotations: map[string]string{},
	}
	if in.Fingerprint == "" {
		sum := sha256.Sum256(content)
		in.Fingerprint = hex.EncodeToString(sum[:16])
	}
	if subject := strings.Join(strings.Fields(words(m.Header.Get("Subject"))), " "); subject != "" {
		in.Annotations["summary"] = cut(subject)
	}
	// What was read before an error is the best there is.
	plain, rich, _ := textsOf(textproto.MIMEHeader(m.Header), m.Body, 0)
	if strings.TrimSpace(plain) == "" {
		plain = html.UnescapeString(tag.ReplaceAllString(hidden.ReplaceAllString(rich, ""), " "))
	}
	if plain = strings.TrimSpace(plain); plain != "" {
		in.Annotations["description"] = cut(plain)
	}
	return in, in.Labels["from"], nil
}

var (
	hidden = regexp.MustCompile(`(?is)<(style|script)\b.*?</(style|script)>`)
	tag    = regexp.MustCompile(`(?s)<[^>]*>`)
)

var decoder = mime.WordDecoder{CharsetReader: charset}

// words decodes a header; what cannot be decoded stays as it came.
func words(s string) string {
	if out, err := decoder.DecodeHeader(s); err == nil {
		return out
	}
	return s
}

// charset reads text in any character set that the web knows, GBK and Big5 among
// them.
func charset(name string, r io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the character set %q is not known", cut(name))
	}
	return e.NewDecoder().Reader(r), nil
}

// textsOf returns the first plain and the first other text of a part.
func textsOf(h textproto.MIMEHeader, body io.Reader, depth int) (plain, rich string, err error) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil // as RFC 2045 says
	}
	switch {
	case strings.HasPrefix(kind, "multipart/"):
		return textsWithin(multipart.NewReader(body, params["boundary"]), depth)
	case !strings.HasPrefix(kind, "text/"):
		return "", "", nil
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if name := params["charset"]; name != "" {
		if r, err := charset(name, body); err == nil {
			body = r
		}
	}
	content, err := io.ReadAll(io.LimitReader(body, MaxMail))
	s := strings.ToValidUTF8(string(content), "�")
	if kind == "text/plain" {
		return s, "", err
	}
	return "", s, err
}

func textsWithin(parts *multipart.Reader, depth int) (plain, rich string, err error) {
	if depth == maxMultiparts {
		return "", "", nil
	}
	for range maxParts {
		part, err := parts.NextRawPart()
		if err != nil {
			return plain, rich, err
		}
		p, r, _ := textsOf(part.Header, part, depth+1)
		if plain == "" {
			plain = p
		}
		if rich == "" {
			rich = r
		}
	}
	return plain, rich, nil
}

// Senders is a list of those who may send: addresses, and domains as @example.org.
type Senders []string

// Allow reports whether an address is among them. An empty list allows nobody.
func (s Senders) Allow(address string) bool {
	address = strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return false
	}
	for _, entry := range s {
		if entry = strings.ToLower(entry); entry == address || strings.HasPrefix(entry, "@") && entry == address[at:] {
			return true
		}
	}
	return false
}
