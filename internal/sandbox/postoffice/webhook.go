package postoffice

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast"
)

const secretPrefix = "whsec_"

// tolerance is how far a webhook's time may be from now.
const tolerance = 5 * time.Minute

func readSecret(secret string) ([]byte, error) {
	if secret == "" {
		return nil, nil
	}
	text, ok := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < 24 {
		// The text is not quoted: it is a secret.
		return nil, holdfast.Errorf(holdfast.Invalid, "the key of webhooks is %q and the base64 of 24 bytes or more", secretPrefix)
	}
	return key, nil
}

// verify checks a webhook's signature.
func verify(key []byte, h http.Header, body []byte, now time.Time) Signature {
	if key == nil {
		return Unchecked
	}
	id, at, signatures := h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), h.Get("Webhook-Signature")
	if id == "" || at == "" || signatures == "" {
		return Missing
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return Wrong
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	want, found := mac.Sum(nil), false
	for signature := range strings.FieldsSeq(signatures) {
		text, ok := strings.CutPrefix(signature, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		found = found || ok && err == nil && hmac.Equal(got, want)
	}
	switch {
	case !found:
		return Wrong
	case now.Sub(time.Unix(seconds, 0)).Abs() > tolerance:
		return Stale
	default:
		return Verified
	}
}

func (o *Office) takeWebhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxMessage))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		http.Error(w, tooLarge().Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the body broke off", http.StatusBadRequest)
		return
	}
	m := Message{
		ID: r.Header.Get("Webhook-Id"), By: Webhook, To: []string{r.PathValue("person")},
		Subject: subjectOf(body), Body: strings.ToValidUTF8(string(body), "\uFFFD"),
		Signature: verify(o.key, r.Header, body, o.now()),
	}
	o.put(m)
	if m.Signature != Verified && m.Signature != Unchecked {
		http.Error(w, "the signature is "+string(m.Signature), http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// subjectOf finds the line that says what a webhook is about: the member subject,
// title or text of its object, or of the object data in it.
func subjectOf(body []byte) string {
	line, _, _ := strings.Cut(member(body, "subject", "title", "text"), "\n")
	return line
}

// Text is what a person reads: of a webhook the member text of its object, or of
// the object data in it, if there is one; else the body.
func (m Message) Text() string {
	if text := member([]byte(m.Body), "text"); m.By == Webhook && text != "" {
		return text
	}
	return m.Body
}

// member finds the first text of one of these names in the object data of a JSON
// object, or else in the object itself.
func member(body []byte, names ...string) string {
	var outer, data map[string]json.RawMessage
	if json.Unmarshal(body, &outer) != nil {
		return ""
	}
	_ = json.Unmarshal(outer["data"], &data) // there may be none
	for _, object := range []map[string]json.RawMessage{data, outer} {
		for _, name := range names {
			var text string
			if json.Unmarshal(object[name], &text) == nil && text != "" {
				return text
			}
		}
	}
	return ""
}
