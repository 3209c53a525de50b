package postoffice

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Way is how a message came.
type Way string

const (
	Mail    Way = "mail"
	Webhook Way = "webhook"
)

// Signature is what the check of a webhook's signature found.
type Signature string

const (
	// Unchecked: it is mail, or the office has no key.
	Unchecked Signature = "unchecked"
	Verified  Signature = "verified"
	// Missing: the headers are not all there.
	Missing Signature = "missing"
	// Stale: signed with the key, for a time too far from now.
	Stale Signature = "stale"
	Wrong Signature = "wrong"
)

// Message is what somebody was sent.
type Message struct {
	// ID is the Message-ID or Webhook-Id, "" if there was none.
	ID string `json:"id"`
	By Way    `json:"by"`
	// From is the envelope's sender of mail.
	From string `json:"from,omitempty"`
	// To are the envelope's recipients of mail, or the person a webhook is for.
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	// Body is the decoded text of mail, or a webhook's body.
	Body string `json:"body"`
	// Cut says that the body goes on.
	Cut bool `json:"cut,omitempty"`
	// Time is when it first came, Last when it last did, Times how often.
	Time      time.Time `json:"time"`
	Last      time.Time `json:"last"`
	Times     int       `json:"times"`
	Signature Signature `json:"signature"`
}

// same reports whether m is n sent again.
func (m Message) same(n Message) bool {
	return m.ID != "" && m.ID == n.ID && m.By == n.By && m.Signature == n.Signature && slices.Equal(m.To, n.To)
}

// IsTo reports whether the message is to a recipient, letters of either case.
func (m Message) IsTo(recipient string) bool {
	return slices.ContainsFunc(m.To, func(to string) bool { return strings.EqualFold(to, recipient) })
}

// box keeps messages, oldest first.
type box struct {
	now func() time.Time

	mu       sync.Mutex
	messages []Message
	changed  chan struct{} // closed and replaced when a message arrives
}

func (b *box) put(m Message) {
	slices.Sort(m.To)
	if len(m.Body) > maxShown {
		m.Body, m.Cut = strings.ToValidUTF8(cutRune(m.Body[:maxShown]), "\uFFFD"), true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	m.Time = b.now().UTC()
	m.Last, m.Times = m.Time, 1
	if i := slices.IndexFunc(b.messages, m.same); i >= 0 {
		b.messages[i].Last = m.Time
		b.messages[i].Times++
	} else {
		b.messages = append(b.messages, m)
	}
	if over := len(b.messages) - Kept; over > 0 {
		b.messages = slices.Delete(b.messages, 0, over)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// cutRune drops the beginning of a character at the end.
func cutRune(s string) string {
	for i := 1; i < utf8.UTFMax && i <= len(s); i++ {
		if utf8.RuneStart(s[len(s)-i]) {
			if !utf8.FullRuneInString(s[len(s)-i:]) {
				return s[:len(s)-i]
			}
			break
		}
	}
	return s
}

// Messages lists what was received, newest first.
func (b *box) Messages() []Message {
	list, _ := b.list()
	return list
}

func (b *box) list() ([]Message, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := slices.Clone(b.messages)
	slices.Reverse(list)
	return list, b.changed
}

// Await returns the newest message that matches, as soon as there is one.
func (b *box) Await(ctx context.Context, match func(Message) bool) (Message, error) {
	for {
		list, changed := b.list()
		if i := slices.IndexFunc(list, match); i >= 0 {
			return list[i], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}
