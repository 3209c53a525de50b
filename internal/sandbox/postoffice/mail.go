package postoffice

import (
	"bufio"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/emersion/go-smtp"
)

// session takes the mail of one connection.
type session struct {
	office *Office
	from   string
	to     []string
}

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err // the server's own: too large, broken off
	}
	m := readMail(string(content))
	m.From, m.To = s.from, s.to
	s.office.put(m)
	return nil
}

// maxDepth is how many multiparts within one another are opened, maxParts how
// many parts of each.
const (
	maxDepth = 5
	maxParts = 20
)

// readMail decodes a mail: its subject, and its first part that is plain text, else
// its first that is text. If there is none, the body is kept as it came.
func readMail(content string) Message {
	m := Message{By: Mail, Signature: Unchecked}
	parsed, err := mail.ReadMessage(bufio.NewReader(strings.NewReader(content)))
	if err != nil {
		m.Body = content
		return m
	}
	m.ID = strings.Trim(strings.TrimSpace(parsed.Header.Get("Message-Id")), "<>")
	m.Subject = header(parsed.Header.Get("Subject"))
	// What was read before an error is the best there is.
	plain, other, _ := texts(textproto.MIMEHeader(parsed.Header), parsed.Body, 0)
	switch {
	case plain != "":
		m.Body = plain
	case other != "":
		m.Body = other
	default:
		_, m.Body, _ = strings.Cut(strings.ReplaceAll(content, "\r\n", "\n"), "\n\n")
	}
	m.Body = strings.TrimRight(strings.ReplaceAll(m.Body, "\r\n", "\n"), "\n")
	return m
}

// header decodes =?utf-8?q?…?= words.
func header(value string) string {
	var words mime.WordDecoder
	if decoded, err := words.DecodeHeader(value); err == nil {
		return decoded
	}
	return value
}

// texts returns the first plain and the first other text of an entity.
func texts(h textproto.MIMEHeader, body io.Reader, depth int) (plain, other string, err error) {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && !errors.Is(err, mime.ErrInvalidMediaParameter) {
		kind = "text/plain" // as RFC 2045 has it
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		return ofParts(multipart.NewReader(body, params["boundary"]), depth+1)
	}
	if !strings.HasPrefix(kind, "text/") {
		return "", "", nil
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	if kind == "text/plain" {
		return text, "", err
	}
	return "", text, err
}

func ofParts(parts *multipart.Reader, depth int) (plain, other string, err error) {
	for range maxParts {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return plain, other, err
		}
		p, o, err := texts(part.Header, part, depth)
		if plain == "" {
			plain = p
		}
		if other == "" {
			other = o
		}
		if err != nil {
			return plain, other, err
		}
	}
	return plain, other, nil
}
