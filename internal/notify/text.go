package notify

import (
	"encoding/json"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/locale"
)

// mark begins subject and text of a drill, so that it is unmistakable over every
// channel, whatever of them the channel shows.
func mark(n Notice) Notice {
	if !n.Drill {
		return n
	}
	lang := n.Lang
	if lang == "" {
		lang = holdfast.En
	}
	sign := locale.For(lang).T("mark.drill") + " "
	for _, text := range []*string{&n.Subject, &n.Body} {
		if !strings.HasPrefix(*text, sign) {
			*text = sign + *text
		}
	}
	return n
}

// Text is subject and body as one text of at most limit bytes. What is too long
// loses its middle: the subject says what it is about, and the last line is where
// to answer.
func (n Notice) Text(limit int) string {
	text := n.Subject
	if body := strings.TrimSpace(n.Body); body != "" {
		text += "\n" + body
	}
	if len(text) <= limit {
		return text
	}
	last := "\n" + text[strings.LastIndexByte(text, '\n')+1:]
	if len(last) > limit/2 {
		last = ""
	}
	return shorten(text, limit-len(last)) + last
}

// Encoding is how a value is written where a template has a place for it.
type Encoding func(string) string

var (
	// Plain writes it as it is.
	Plain Encoding = func(s string) string { return s }
	// Query writes it as a part of a URL or a form.
	Query Encoding = url.QueryEscape
	// JSON writes it as a part of a text in JSON.
	JSON Encoding = func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic("notify: a text in JSON: " + err.Error()) // every text can be
		}
		return string(b[1 : len(b)-1])
	}
	// XML writes it as a part of a text in XML.
	XML Encoding = func(s string) string {
		var b strings.Builder
		_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
		return b.String()
	}
)

// maxFilled bounds one value in a template, in bytes.
const maxFilled = 4 << 10

// places are what a template may name.
var places = map[string]func(Message) string{
	"to":       func(m Message) string { return m.Address },
	"digits":   func(m Message) string { return digitsOf(m.Address) },
	"id":       func(m Message) string { return m.ID },
	"incident": func(m Message) string { return m.Incident },
	"person":   func(m Message) string { return m.Person },
	"name":     func(m Message) string { return m.PersonName },
	"lang":     func(m Message) string { return string(m.Lang) },
	"subject":  func(m Message) string { return m.Subject },
	"text":     func(m Message) string { return m.Text(maxFilled) },
	"urgent":   func(m Message) string { return strconv.FormatBool(m.Urgent) },
	"drill":    func(m Message) string { return strconv.FormatBool(m.Drill) },
	"attempt":  func(m Message) string { return strconv.Itoa(m.Attempt) },
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// Fill puts the message into a template: {to}, {digits} (of the address), {id},
// {incident}, {person}, {name}, {lang}, {subject}, {text}, {urgent}, {drill} and
// {attempt}. Any other text in braces stays as it is.
func (m Message) Fill(template string, write Encoding) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if value := places[name]; closed && value != nil {
			out.WriteString(write(value(m)))
			template = after
			continue
		}
		out.WriteByte('{')
		template = rest
	}
}

// SaysDrill reports whether a template shows people that a message is a drill.
func SaysDrill(template string) bool {
	return strings.Contains(template, "{subject}") || strings.Contains(template, "{text}")
}

// shorten cuts a text to at most n bytes.
func shorten(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	end := n - len(cut)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cut
}
