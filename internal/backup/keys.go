package backup

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"holdfast"
)

// KeyFiles are the keys that a control node keeps in its directory: the one that
// signs test payments, and its own authority of the fleet.
var KeyFiles = []string{"probe.key", "fleet/ca.key", "fleet/ca.pem"}

// readKeys reads those that are there.
func readKeys(dir string) (map[string][]byte, error) {
	keys := map[string][]byte{}
	if dir == "" {
		return keys, nil
	}
	for _, name := range KeyFiles {
		content, err := os.ReadFile(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, err
		default:
			keys[name] = content
		}
	}
	return keys, nil
}

// MinPassphrase is the shortest passphrase in characters. What it protects can
// be tried offline by whoever has the backup.
const MinPassphrase = 16

// CheckPassphrase refuses one that is too short.
func CheckPassphrase(text string) error {
	if n := utf8.RuneCountInString(text); n < MinPassphrase {
		return holdfast.Errorf(holdfast.Invalid, "a backup's passphrase has at least %d characters", MinPassphrase)
	}
	return nil
}

// sealed is the content of keys.sealed: the keys as a JSON object of name and
// base64, under AES-256-GCM with a key that Argon2id makes of the passphrase.
type sealed struct {
	Format  string `json:"format"`
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory_kib"`
	Threads uint8  `json:"threads"`
	Salt    []byte `json:"salt"`
	Nonce   []byte `json:"nonce"`
	Box     []byte `json:"box"`
}

const keysFormat = "holdfast-keys/1"

func seal(passphrase string, keys map[string][]byte) ([]byte, error) {
	plain, err := json.Marshal(keys)
	if err != nil {
		return nil, err
	}
	s := sealed{Format: keysFormat, Time: 3, Memory: 64 << 10, Threads: 4, Salt: make([]byte, 16), Nonce: make([]byte, 12)}
	rand.Read(s.Salt)
	rand.Read(s.Nonce)
	box, err := s.cipher(passphrase)
	if err != nil {
		return nil, err
	}
	s.Box = box.Seal(nil, s.Nonce, plain, []byte(keysFormat))
	return json.Marshal(s)
}

func (s sealed) cipher(passphrase string) (cipher.AEAD, error) {
	block, err := aes.NewCipher(argon2.IDKey([]byte(passphrase), s.Salt, s.Time, s.Memory, s.Threads, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// unseal opens the keys. A wrong passphrase and changed bytes cannot be told
// apart.
func unseal(passphrase string, content []byte) (map[string][]byte, error) {
	var s sealed
	if err := json.Unmarshal(content, &s); err != nil || s.Format != keysFormat {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup's keys cannot be read").Because(err)
	}
	// What costs more than ours by far is not a backup of Holdfast's.
	if s.Time < 1 || s.Time > 16 || s.Memory < 8 || s.Memory > 1<<20 || s.Threads < 1 || len(s.Salt) > 64 || len(s.Nonce) != 12 {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup's keys cannot be read")
	}
	box, err := s.cipher(passphrase)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(nil, s.Nonce, s.Box, []byte(keysFormat))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Forbidden, "the passphrase does not open the backup's keys, or they were changed")
	}
	keys := map[string][]byte{}
	if err := json.Unmarshal(plain, &keys); err != nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "the backup's keys cannot be read").Because(err)
	}
	for name := range keys {
		if !slices.Contains(KeyFiles, name) { // it would be written to a path of somebody's choice
			return nil, holdfast.Errorf(holdfast.Damaged, "the backup's keys cannot be read")
		}
	}
	return keys, nil
}

// names lists the keys in the order of KeyFiles.
func names(keys map[string][]byte) []string {
	return slices.SortedFunc(maps.Keys(keys), func(a, b string) int {
		return slices.Index(KeyFiles, a) - slices.Index(KeyFiles, b)
	})
}
