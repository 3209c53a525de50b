package holdfast

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID returns an id that no one can guess and no two calls share: 26 digits
// and lower-case letters of 128 random bits.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails, by its contract
	return idEncoding.EncodeToString(b[:])
}

// Secret returns 256 random bits as text, for tokens and keys.
func Secret() string {
	var b [32]byte
	rand.Read(b[:])
	return idEncoding.EncodeToString(b[:])
}

// ValidName reports whether s can name a gate, an account, a person or a role:
// 1 to 64 lower-case letters, digits, '-', '_' and '.', beginning with a letter
// or a digit.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 || strings.ContainsAny(s[:1], "-_.") {
		return false
	}
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		default:
			return false
		}
	}
	return true
}
