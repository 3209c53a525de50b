package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"holdfast"
)

const (
	// minPassword is in characters: PCI DSS v4.0.1, requirement 8.3.6. There is no
	// rule on kinds of characters; NIST SP 800-63B advises against one.
	minPassword = 12
	// maxPassword is in bytes; it bounds the work of one attempt.
	maxPassword = 256
)

// checkPassword refuses a password that is too easy to guess.
func checkPassword(account, password string) error {
	switch n := utf8.RuneCountInString(password); {
	case len(password) > maxPassword:
		return holdfast.Errorf(holdfast.TooLarge, "the password has more than %d bytes", maxPassword).At("password")
	case !utf8.ValidString(password):
		return holdfast.Errorf(holdfast.Invalid, "the password is not valid UTF-8").At("password")
	case n < minPassword:
		return holdfast.Errorf(holdfast.Invalid, "the password has %d characters; use %d or more", n, minPassword).At("password")
	case password == account:
		return holdfast.Errorf(holdfast.Invalid, "the password is the account's name; choose another").At("password")
	}
	return nil
}

// Cost is what one Argon2id computation takes.
type Cost struct {
	// Memory is in KiB.
	Memory uint32
	Passes uint32
	Lanes  uint8
}

// DefaultCost is the second recommended choice of RFC 9106, section 4, for
// where 2 GiB for each sign-in is too much: 64 MiB, 3 passes, 4 lanes. It is
// above every choice of the OWASP Password Storage Cheat Sheet.
var DefaultCost = Cost{Memory: 64 << 10, Passes: 3, Lanes: 4}

// The bounds of what a stored verifier may ask for, so that a damaged one cannot
// take all memory: 1 GiB and 20 passes. Argon2 needs 8 KiB for each lane.
func (c Cost) check() error {
	if c.Lanes == 0 || c.Passes == 0 || c.Passes > 20 || c.Memory < 8*uint32(c.Lanes) || c.Memory > 1<<20 {
		return holdfast.Errorf(holdfast.Invalid, "Argon2id with %d KiB, %d passes and %d lanes: use up to 1 GiB, 8 KiB a lane or more, and 1 to 20 passes", c.Memory, c.Passes, c.Lanes)
	}
	return nil
}

const (
	saltBytes = 16 // RFC 9106, section 3.1
	keyBytes  = 32
)

// verifier tells whether a password is the one it was made from. As text it is
// a PHC string, the salt and the key in base64 without padding:
//
//	$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0c2FsdA$…
type verifier struct {
	cost Cost
	salt [saltBytes]byte
	key  [keyBytes]byte
}

// derive is Argon2id over the password in Unicode's form NFC, since keyboards
// differ in how they send the same letter.
func derive(password string, salt [saltBytes]byte, c Cost) (key [keyBytes]byte) {
	copy(key[:], argon2.IDKey(norm.NFC.Bytes([]byte(password)), salt[:], c.Passes, c.Memory, c.Lanes, keyBytes))
	return key
}

func newVerifier(password string, c Cost) verifier {
	v := verifier{cost: c}
	rand.Read(v.salt[:]) // never fails, by its contract
	v.key = derive(password, v.salt, c)
	return v
}

// matches takes as long whether it returns true or false.
func (v verifier) matches(password string) bool {
	key := derive(password, v.salt, v.cost)
	return subtle.ConstantTimeCompare(key[:], v.key[:]) == 1
}

func (v verifier) String() string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, v.cost.Memory, v.cost.Passes, v.cost.Lanes, b64(v.salt[:]), b64(v.key[:]))
}

var phc = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,2})\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})$`)

// parseVerifier reads what String wrote, and only that.
func parseVerifier(text string) (verifier, error) {
	var v verifier
	damaged := holdfast.Errorf(holdfast.Damaged, "a stored password verifier cannot be read; set the password anew")
	m := phc.FindStringSubmatch(text)
	if m == nil {
		return verifier{}, damaged
	}
	memory, err1 := strconv.ParseUint(m[1], 10, 32)
	passes, err2 := strconv.ParseUint(m[2], 10, 32)
	lanes, err3 := strconv.ParseUint(m[3], 10, 8)
	if err1 != nil || err2 != nil || err3 != nil {
		return verifier{}, damaged
	}
	v.cost = Cost{Memory: uint32(memory), Passes: uint32(passes), Lanes: uint8(lanes)}
	if err := v.cost.check(); err != nil {
		return verifier{}, damaged.Because(err)
	}
	// Strict, so that one verifier has one text.
	b64 := base64.RawStdEncoding.Strict()
	if _, err := b64.Decode(v.salt[:], []byte(m[4])); err != nil {
		return verifier{}, damaged.Because(err)
	}
	if _, err := b64.Decode(v.key[:], []byte(m[5])); err != nil {
		return verifier{}, damaged.Because(err)
	}
	return v, nil
}
