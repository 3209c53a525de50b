package posture

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"holdfast"
)

var (
	markTime = time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC)
	markKey  = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	otherKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
)

func public(keys ...ed25519.PrivateKey) (list []ed25519.PublicKey) {
	for _, k := range keys {
		list = append(list, k.Public().(ed25519.PublicKey))
	}
	return list
}

func goodMark() Mark {
	return Mark{Incident: "2026-0001", Payer: "test_1", Expires: markTime.Add(MarkLife)}
}

func TestReadMark(t *testing.T) {
	t.Parallel()
	good := goodMark().Sign(markKey)
	body, sig, _ := strings.Cut(good, ".")
	change := func(f func(*Mark)) string {
		m := goodMark()
		f(&m)
		return m.Sign(markKey)
	}
	enc := base64.RawURLEncoding
	signed := func(text string) string {
		return enc.EncodeToString([]byte(text)) + "." + enc.EncodeToString(ed25519.Sign(markKey, []byte(text)))
	}
	for _, test := range []struct {
		name, text, payer string
		keys              []ed25519.PublicKey
		at                time.Duration
		ok                bool
	}{
		{"good", good, "test_1", public(markKey), 0, true},
		{"the second key", good, "test_1", public(otherKey, markKey), 0, true},
		{"just before its end", good, "test_1", public(markKey), MarkLife - 1, true},
		{"at its end", good, "test_1", public(markKey), MarkLife, false},
		{"long after", good, "test_1", public(markKey), 24 * time.Hour, false},
		{"a clock that is behind", good, "test_1", public(markKey), -MarkLife, true},
		{"one that lives too long", good, "test_1", public(markKey), -MarkLife - 1, false},
		{"another payer", good, "test_2", public(markKey), 0, false},
		{"no payer", change(func(m *Mark) { m.Payer = "" }), "", public(markKey), 0, false},
		{"no incident", change(func(m *Mark) { m.Incident = "" }), "test_1", public(markKey), 0, false},
		{"no end", change(func(m *Mark) { m.Expires = time.Time{} }), "test_1", public(markKey), 0, false},
		{"another key", good, "test_1", public(otherKey), 0, false},
		{"no key", good, "test_1", nil, 0, false},
		{"a key that is none", good, "test_1", []ed25519.PublicKey{{1, 2}, nil}, 0, false},
		{"empty", "", "test_1", public(markKey), 0, false},
		{"no signature", body, "test_1", public(markKey), 0, false},
		{"an empty signature", body + ".", "test_1", public(markKey), 0, false},
		{"half a signature", body + "." + sig[:20], "test_1", public(markKey), 0, false},
		{"another body", body[:len(body)-4] + "AAAA." + sig, "test_1", public(markKey), 0, false},
		{"another mark's signature", body + "." + strings.Split(change(func(m *Mark) { m.Incident = "2026-0002" }), ".")[1], "test_1", public(markKey), 0, false},
		{"padded", body + "=." + sig, "test_1", public(markKey), 0, false},
		{"space around", " " + good, "test_1", public(markKey), 0, false},
		{"signed, but no mark", signed("[]"), "test_1", public(markKey), 0, false},
		{"signed, but not JSON", signed("{"), "test_1", public(markKey), 0, false},
		{"long", change(func(m *Mark) { m.Incident = strings.Repeat("i", 1024) }), "test_1", public(markKey), 0, false},
	} {
		m, err := ReadMark(test.text, test.keys, test.payer, markTime.Add(test.at))
		switch {
		case test.ok && (err != nil || m.Incident != "2026-0001" || m.Payer != "test_1"):
			t.Errorf("%s: %+v, %v", test.name, m, err)
		case !test.ok && (holdfast.CodeOf(err) != holdfast.Forbidden || m != Mark{}):
			t.Errorf("%s: %+v, %v; want it refused", test.name, m, err)
		}
	}
}

// A mark opens the directives of its own incident, and no replay of it opens
// those of another.
func TestMarkOfAnotherIncidentOpensNothing(t *testing.T) {
	t.Parallel()
	m, err := ReadMark(goodMark().Sign(markKey), public(markKey), "test_1", markTime)
	if err != nil {
		t.Fatal(err)
	}
	for incident, want := range map[string]Action{"2026-0001": Forward, "2026-0002": Decline, "": Decline} {
		d := stop("s", "all")
		d.Incident = incident
		one := pay("test_1")
		one.Probe = m.Incident
		if v := compile(t, d).Decide(&one); v.Action != want {
			t.Errorf("a stop of incident %q: %s, want %s", incident, v.Action, want)
		}
	}
}

// No text but one that the key signed is ever a mark.
func FuzzReadMark(f *testing.F) {
	good := goodMark().Sign(markKey)
	f.Add(good)
	f.Add(good + "A")
	f.Add(strings.ToUpper(good))
	f.Add(".")
	f.Add(goodMark().Sign(otherKey))
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ReadMark(text, public(markKey), "test_1", markTime)
		if err == nil && text != good {
			t.Errorf("%q was taken: %+v", text, m)
		}
		if err != nil && (m != Mark{} || text == good) {
			t.Errorf("%+v and %v", m, err)
		}
	})
}
