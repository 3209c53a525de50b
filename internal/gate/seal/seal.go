// Package seal keeps what forwarding needs of a payment that was stood in for
// unreadable on every disk: the request as the primary is to get it, card data
// included.
//
// # Format
//
// A sealed request is a nonce of 12 bytes and the ciphertext of AES-256-GCM with its
// tag of 16 bytes; the identity of the payment is authenticated with it, so that
// one request cannot be put in the place of another. Sealed inside are
//
//	byte 1, the version
//	method, target, number of headers, name and value of each, body
//
// Numbers are unsigned varints; texts and the body begin with their length.
//
// # Keys
//
// Of a secret of 32 bytes or more, HKDF-SHA-256 with the info "holdfast advice
// seal 1" gives 40 bytes: a key of AES-256 and 8 bytes that name it. The first secret
// seals, all of them open. To rotate, put a new one in front and take the old one away
// when nothing that it sealed is pending any more; what was sealed under it can
// then be read by nobody, wherever copies of it are.
package seal

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"

	"holdfast"
	"holdfast/internal/standin"
)

const (
	version  = 1
	info     = "holdfast advice seal 1"
	keySize  = 32
	nameSize = 8
	// MinSecret is the shortest secret, in bytes.
	MinSecret = 32
)

// Header is a header of a request.
type Header struct{ Name, Value string }

// Request is what the primary is to get. It may hold card data.
type Request struct {
	Method, Target string
	Headers        []Header
	Body           []byte
}

// String keeps the request out of logs.
func (Request) String() string { return "a sealed request" }

// GoString keeps the request out of logs.
func (r Request) GoString() string { return r.String() }

// Keys seal with one key and open with several. They are safe for concurrent use.
type Keys struct {
	name   string // of the one that seals
	all    map[string]cipher.AEAD
	tokens []tokenKey // in the order of the secrets
}

// NewKeys makes keys of secrets: the first seals.
func NewKeys(secrets ...[]byte) (*Keys, error) {
	k := &Keys{all: map[string]cipher.AEAD{}}
	for _, secret := range secrets {
		if len(secret) < MinSecret {
			return nil, holdfast.Errorf(holdfast.Invalid, "a key that seals advices has %d bytes or more, not %d: make one with openssl rand -hex 32", MinSecret, len(secret))
		}
		derived, err := hkdf.Key(sha256.New, secret, nil, info, keySize+nameSize)
		if err != nil {
			return nil, err
		}
		aead, err := aeadOf(derived[:keySize])
		if err != nil {
			return nil, err
		}
		token, err := newTokenKey(secret)
		if err != nil {
			return nil, err
		}
		k.tokens = append(k.tokens, token)
		name := hex.EncodeToString(derived[keySize:])
		if k.name == "" {
			k.name = name
		}
		k.all[name] = aead
	}
	if k.name == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "stand-in needs a key that seals advices: name one")
	}
	return k, nil
}

// aeadOf makes AES-256-GCM of a key.
func aeadOf(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Names returns the names of the keys that open.
func (k *Keys) Names() []string { return slices.Sorted(maps.Keys(k.all)) }

// Seal seals the request of the payment with this identity.
func (k *Keys) Seal(identity string, r Request) standin.Sealed {
	return standin.Sealed{Key: k.name, Data: k.all[k.name].Seal(nil, nil, encode(r), []byte(identity))}
}

// Open opens what was sealed for the payment with this identity. It fails if the key
// is gone (code NotFound), or if it is not what was sealed (code Damaged).
func (k *Keys) Open(_ context.Context, identity string, s standin.Sealed) (Request, error) {
	aead := k.all[s.Key]
	if aead == nil {
		return Request{}, gone(s.Key)
	}
	text, err := aead.Open(nil, nil, s.Data, []byte(identity))
	if err != nil {
		return Request{}, damaged()
	}
	return decode(text)
}

func gone(key string) error {
	return holdfast.Errorf(holdfast.NotFound, "the advice was sealed with the key %s, which this gate does not have: name it among the keys again", key)
}

func damaged() error {
	return holdfast.Errorf(holdfast.Damaged, "what was sealed for the advice is damaged, or belongs to another one")
}

func encode(r Request) []byte {
	b := make([]byte, 0, 256+len(r.Body))
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	b = append(b, version)
	text(r.Method)
	text(r.Target)
	b = binary.AppendUvarint(b, uint64(len(r.Headers)))
	for _, h := range r.Headers {
		text(h.Name)
		text(h.Value)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Body)))
	return append(b, r.Body...)
}

func decode(b []byte) (Request, error) {
	if len(b) == 0 || b[0] != version {
		return Request{}, damaged()
	}
	d := decoder{left: b[1:]}
	r := Request{Method: string(d.text()), Target: string(d.text())}
	for n := d.number(); n > 0 && !d.failed; n-- {
		r.Headers = append(r.Headers, Header{string(d.text()), string(d.text())})
	}
	r.Body = d.text()
	if d.failed || len(d.left) > 0 {
		return Request{}, damaged()
	}
	return r, nil
}

type decoder struct {
	left   []byte
	failed bool
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.left)
	if size <= 0 {
		d.failed = true
		return 0
	}
	d.left = d.left[size:]
	return n
}

func (d *decoder) text() []byte {
	n := d.number()
	if d.failed || n > uint64(len(d.left)) {
		d.failed = true
		return nil
	}
	text := d.left[:n]
	d.left = d.left[n:]
	return text
}
