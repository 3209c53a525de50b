package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"holdfast/internal/payment"
)

const (
	tokenInfo = "holdfast status token 1"
	macSize   = 16
)

// tokenKey makes tokens of identities: the first bytes of an HMAC-SHA-256 of the identity,
// and the identity under AES-256 in counter mode from them. Equal identities have equal
// tokens, and nobody without the key makes one or reads it.
type tokenKey struct {
	mac   []byte
	block cipher.Block
}

func newTokenKey(secret []byte) (tokenKey, error) {
	derived, err := hkdf.Key(sha256.New, secret, nil, tokenInfo, 2*keySize)
	if err != nil {
		return tokenKey{}, err
	}
	block, err := aes.NewCipher(derived[keySize:])
	return tokenKey{derived[:keySize], block}, err
}

func (k tokenKey) tag(identity []byte) []byte {
	mac := hmac.New(sha256.New, k.mac)
	mac.Write(identity)
	return mac.Sum(nil)[:macSize]
}

func (k tokenKey) crypt(tag, text []byte) []byte {
	out := make([]byte, len(text))
	cipher.NewCTR(k.block, tag).XORKeyStream(out, text)
	return out
}

// Token returns what stands for an identity in a link: it cannot be guessed, and does not
// show the identity.
func (k *Keys) Token(identity string) string {
	first := k.tokens[0]
	tag := first.tag([]byte(identity))
	return base64.RawURLEncoding.EncodeToString(append(tag, first.crypt(tag, []byte(identity))...))
}

// Identity returns the identity that a token stands for, or false if none of the keys has
// made it.
func (k *Keys) Identity(token string) (string, bool) {
	if len(token) > base64.RawURLEncoding.EncodedLen(macSize+payment.MaxIdentity) {
		return "", false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= macSize || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return "", false
	}
	for _, key := range k.tokens {
		identity := key.crypt(b[:macSize], b[macSize:])
		if hmac.Equal(key.tag(identity), b[:macSize]) {
			return string(identity), true
		}
	}
	return "", false
}

// Token is that of the vault's keys: links hold longer than data keys.
func (v *Vault) Token(identity string) string { return v.keys.Token(identity) }

// Identity is that of the vault's keys.
func (v *Vault) Identity(token string) (string, bool) { return v.keys.Identity(token) }
