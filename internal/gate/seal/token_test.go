package seal

import (
	"bytes"
	"strings"
	"testing"
)

func tokenKeys(t testing.TB, first ...byte) *Keys {
	t.Helper()
	var secrets [][]byte
	for _, b := range first {
		secrets = append(secrets, bytes.Repeat([]byte{b}, MinSecret))
	}
	k, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestToken(t *testing.T) {
	t.Parallel()
	old, both, other := tokenKeys(t, 1), tokenKeys(t, 2, 1), tokenKeys(t, 3)
	token := old.Token("order-4711")
	if again := old.Token("order-4711"); again != token {
		t.Error("one identity has two tokens")
	}
	if strings.Contains(token, "order") || both.Token("order-4711") == token {
		t.Error("the token shows what it stands for")
	}
	if id, ok := both.Identity(token); !ok || id != "order-4711" {
		t.Errorf("after a rotation: %q, %v", id, ok)
	}
	if _, ok := other.Identity(token); ok {
		t.Error("another key reads it")
	}
	for i := range token {
		changed := []byte(token)
		if changed[i]++; changed[i] == 'z'+1 || changed[i] == '9'+1 || changed[i] == 'Z'+1 {
			changed[i] = 'a'
		}
		if id, ok := old.Identity(string(changed)); ok && string(changed) != token {
			t.Errorf("byte %d changed, and it is read as %q", i, id)
		}
	}
	for _, bad := range []string{"", "AAAA", token + "A", token[:len(token)-1], strings.Repeat("A", 5000)} {
		if _, ok := old.Identity(bad); ok {
			t.Errorf("%.40q is read", bad)
		}
	}
}

func FuzzToken(f *testing.F) {
	k := tokenKeys(f, 1)
	f.Add(k.Token("order-4711"))
	f.Fuzz(func(t *testing.T, token string) {
		if id, ok := k.Identity(token); ok && k.Token(id) != token {
			t.Fatalf("%q reads as %q, whose token is another", token, id)
		}
	})
}
