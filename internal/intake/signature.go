package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"holdfast"
)

// Signature says how a sender signs: the hex HMAC-SHA256 of the body under a secret
// in a header, as Grafana Alerting does. With a header for the time, that is signed
// too, as "seconds:body", and a message older than tolerance is refused.
type Signature struct {
	// Secrets are valid each by itself: while one takes another's place, both are.
	Secrets []string
	// Header holds the signature, Timestamp the time; an empty Timestamp means that
	// none is signed.
	Header, Timestamp string
}

// tolerance is how far a signed time may be from now: clocks differ, and a message
// that was caught cannot be used again for long. It is the same alert then anyway.
const tolerance = 5 * time.Minute

// Verify checks a body and the headers it came with. The zero Signature takes
// everything.
func (s Signature) Verify(body []byte, header func(string) string, now time.Time) error {
	if len(s.Secrets) == 0 {
		return nil
	}
	given, err := hex.DecodeString(strings.TrimSpace(header(s.Header)))
	if err != nil || len(given) != sha256.Size {
		return holdfast.Errorf(holdfast.Unauthenticated, "the header %s has no signature: let the sender sign by HMAC with the secret that is set here", s.Header)
	}
	signed := body
	if s.Timestamp != "" {
		at := strings.TrimSpace(header(s.Timestamp))
		seconds, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return holdfast.Errorf(holdfast.Unauthenticated, "the header %s has no time: let the sender write it there", s.Timestamp)
		}
		if d := now.Sub(time.Unix(seconds, 0)); d > tolerance || d < -tolerance {
			return holdfast.Errorf(holdfast.Unauthenticated, "the message was signed more than %s from now: it is old, or a clock is wrong", tolerance)
		}
		signed = append([]byte(at+":"), body...)
	}
	fits := false
	for _, secret := range s.Secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(signed)
		fits = hmac.Equal(mac.Sum(nil), given) || fits
	}
	if !fits {
		return holdfast.Errorf(holdfast.Unauthenticated, "the signature does not fit: sender and receiver have different secrets, or the message was changed")
	}
	return nil
}
