package callout

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"holdfast"
	"holdfast/internal/notify"
)

// A link in a message works without sign-in: who holds its secret got the message.
// The secret is an HMAC of what the link is for and of its name, which the journal
// does not hold: in the text of the notice stands a place that is filled as the
// message leaves, so that nobody who reads the journal can act in another's name.

// linkPlace stands in the text of a notice where the link goes.
const linkPlace = "{link}"

// What a link is for. The same name under two of them has two secrets.
const (
	toConfirm     = "confirm a contact"
	toReview      = "review a draft"
	toRead        = "read a revision"
	toAcknowledge = "acknowledge a notice"
	toReply       = "reply to a notice"
)

func sum(key []byte, purpose string, name ...string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\x00" + strings.Join(name, "\x00")))
	return mac.Sum(nil)
}

// secret is the secret of a link, the same each time.
func secret(key []byte, purpose string, name ...string) string {
	return base64.RawURLEncoding.EncodeToString(sum(key, purpose, name...))
}

// address is where a link leads.
func address(page, secret string, lang holdfast.Lang) string {
	return page + "?key=" + url.QueryEscape(secret) + "&lang=" + url.QueryEscape(string(lang))
}

// Fill puts what belongs there into the places of a message that is about to leave;
// a message that is not its own stays as it is.
type Fill func(notify.Message) notify.Message

// Filling returns a sender that fills what it is given to send.
func Filling(s notify.Sender, fills ...Fill) notify.Sender { return filling{s, fills} }

type filling struct {
	notify.Sender
	fills []Fill
}

func (f filling) Send(ctx context.Context, m notify.Message) notify.Outcome {
	for _, fill := range f.fills {
		m = fill(m)
	}
	return f.Sender.Send(ctx, m)
}
