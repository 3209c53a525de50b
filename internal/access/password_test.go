package access

import (
	"strings"
	"testing"

	"holdfast"
)

func TestCheckPassword(t *testing.T) {
	tests := []struct {
		name, password string
		code           holdfast.Code
	}{
		{"shortest", "123456789012", ""},
		{"too short", "12345678901", holdfast.Invalid},
		{"characters count, not bytes", "密碼密碼密碼密碼密碼密", holdfast.Invalid},
		{"Chinese", "密碼密碼密碼密碼密碼密碼", ""},
		{"longest", strings.Repeat("x", 256), ""},
		{"too long", strings.Repeat("x", 257), holdfast.TooLarge},
		{"not UTF-8", "123456789012\xff", holdfast.Invalid},
		{"the name", "duty.officer.1", holdfast.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, checkPassword("duty.officer.1", tt.password), tt.code)
		})
	}
}

func TestVerifier(t *testing.T) {
	v := newVerifier("caf\u00e9 au lait", cheap)
	read, err := parseVerifier(v.String())
	if err != nil || read != v {
		t.Fatalf("%s was read as %s, %v", v, read, err)
	}
	tests := []struct {
		password string
		want     bool
	}{
		{"caf\u00e9 au lait", true},
		{"cafe\u0301 au lait", true}, // the same letter, sent decomposed
		{"cafe au lait", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := read.matches(tt.password); got != tt.want {
			t.Errorf("%q matches: %t", tt.password, got)
		}
	}
	if first, second := newVerifier(right, cheap), newVerifier(right, cheap); first == second {
		t.Error("two verifiers share a salt")
	}
	if (verifier{cost: cheap}).matches(right) {
		t.Error("the verifier of no account matches")
	}
}

// TestDefaultCost holds what is written to disk and what the RFC recommends.
func TestDefaultCost(t *testing.T) {
	const want = "$argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if got := (verifier{cost: DefaultCost}).String(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestParseVerifierRefuses(t *testing.T) {
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, text := range []string{
		"",
		"$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=18$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=064,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967296,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=1048577,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=21,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=9$" + salt + "$" + key,
		"$argon2id$v=19$m=2048,t=1,p=256$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key[1:],
		"$argon2id$v=19$m=64,t=1,p=1$" + salt[1:] + "B$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key + "\n",
	} {
		_, err := parseVerifier(text)
		wantCode(t, err, holdfast.Damaged)
		if strings.Contains(err.Error(), salt) {
			t.Errorf("the error shows the verifier: %v", err)
		}
	}
}

func FuzzParseVerifier(f *testing.F) {
	f.Add(verifier{cost: DefaultCost}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVerifier(text)
		if err == nil && v.String() != text {
			t.Errorf("%q was read as %q", text, v)
		}
	})
}
