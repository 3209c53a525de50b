package posture

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"holdfast"
)

// Mark lets one test payment pass the directives of one incident. It travels in
// the header Holdfast-Probe as base64url(JSON) "." base64url(Ed25519 signature).
// A gate takes it only for payers its own configuration names as test accounts.
type Mark struct {
	Incident string `json:"incident"`
	Payer    string `json:"payer"`
	// Expires bounds reuse; marks live for MarkLife.
	Expires time.Time `json:"expires"`
}

// MarkHeader is the header that carries a mark.
const MarkHeader = "Holdfast-Probe"

// MarkLife is how long a mark is valid. A gate takes one that ends up to twice
// as far ahead, since its clock may be behind.
const MarkLife = 30 * time.Second

// Sign encodes the mark under a key.
func (m Mark) Sign(key ed25519.PrivateKey) string {
	body, err := json.Marshal(m)
	if err != nil {
		panic("posture: mark: " + err.Error()) // strings and a time: cannot fail
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(body) + "." + enc.EncodeToString(ed25519.Sign(key, body))
}

// ReadMark returns the mark in text if one of the keys signed it, it is for this
// payer and it has not expired. The error does not say which failed: code
// Forbidden.
func ReadMark(text string, keys []ed25519.PublicKey, payer string, now time.Time) (Mark, error) {
	refused := holdfast.Errorf(holdfast.Forbidden, "the probe mark is not valid for this payment")
	body64, sig64, ok := strings.Cut(text, ".")
	if !ok || len(text) > 1024 || strings.ContainsAny(text, "\r\n") { // base64 would skip ends of lines
		return Mark{}, refused
	}
	enc := base64.RawURLEncoding.Strict()
	body, err1 := enc.DecodeString(body64)
	sig, err2 := enc.DecodeString(sig64)
	if err1 != nil || err2 != nil {
		return Mark{}, refused
	}
	for _, key := range keys {
		if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, body, sig) {
			continue
		}
		var m Mark
		if json.Unmarshal(body, &m) != nil || m.Payer != payer || m.Payer == "" || m.Incident == "" ||
			!now.Before(m.Expires) || m.Expires.Sub(now) > MarkLife+MarkLife {
			return Mark{}, refused
		}
		return m, nil
	}
	return Mark{}, refused
}
