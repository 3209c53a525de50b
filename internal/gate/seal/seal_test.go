package seal

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/standin"
)

const card = "4111111111111111"

func request() Request {
	return Request{
		Method: "POST", Target: "/v1/payments?card=" + card, Headers: []Header{{"Content-Type", "application/json"}, {"Idempotency-Key", "k-1"}},
		Body: []byte(`{"card":"` + card + `","amount":100}`),
	}
}

func secret(n byte) []byte { return bytes.Repeat([]byte{n}, MinSecret) }

func keys(t testing.TB, secrets ...[]byte) *Keys {
	t.Helper()
	k, err := NewKeys(secrets...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// S21: what is kept cannot be read, and is not the same twice; what comes out is what
// went in.
func TestSealed(t *testing.T) {
	t.Parallel()
	k := keys(t, secret(1))
	s, again := k.Seal("k-1", request()), k.Seal("k-1", request())
	if bytes.Contains(s.Data, []byte("411111")) || bytes.Contains(s.Data, []byte("payments")) || bytes.Equal(s.Data, again.Data) {
		t.Errorf("sealed as %q", s.Data)
	}
	got, err := k.Open(context.Background(), "k-1", s)
	if err != nil || !reflect.DeepEqual(got, request()) {
		t.Errorf("opened as %+v, %v", got, err)
	}
	empty, err := k.Open(context.Background(), "k-2", k.Seal("k-2", Request{Method: "POST", Target: "/"}))
	if err != nil || empty.Method != "POST" || len(empty.Body)+len(empty.Headers) > 0 {
		t.Errorf("opened as %+v, %v", empty, err)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, between, after := keys(t, secret(1)), keys(t, secret(2), secret(1)), keys(t, secret(2))
	old, fresh := before.Seal("k-1", request()), between.Seal("k-1", request())
	if old.Key == fresh.Key {
		t.Error("the new key does not seal")
	}
	for name, k := range map[string]*Keys{"before": before, "between": between, "after": after} {
		_, errOld := k.Open(context.Background(), "k-1", old)
		_, errFresh := k.Open(context.Background(), "k-1", fresh)
		if (errOld == nil) != (name != "after") || (errFresh == nil) != (name != "before") {
			t.Errorf("%s: old %v, fresh %v", name, errOld, errFresh)
		}
	}
	if _, err := after.Open(context.Background(), "k-1", old); holdfast.CodeOf(err) != holdfast.NotFound || !strings.Contains(err.Error(), old.Key) {
		t.Errorf("without its key: %v", err)
	}
}

// What was changed, or belongs to another payment, is not opened.
func TestNotAsSealed(t *testing.T) {
	t.Parallel()
	k := keys(t, secret(1))
	s := k.Seal("k-1", request())
	if _, err := k.Open(context.Background(), "k-2", s); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("for another payment: %v", err)
	}
	for i := range s.Data {
		changed := standin.Sealed{Key: s.Key, Data: bytes.Clone(s.Data)}
		changed.Data[i] ^= 1
		if _, err := k.Open(context.Background(), "k-1", changed); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
		if _, err := k.Open(context.Background(), "k-1", standin.Sealed{Key: s.Key, Data: s.Data[:i]}); holdfast.CodeOf(err) != holdfast.Damaged {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	if _, err := NewKeys(); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("without a key: %v", err)
	}
	if _, err := NewKeys(secret(1), make([]byte, MinSecret-1)); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a short key: %v", err)
	}
}

func TestNotPrinted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, request()); strings.Contains(text, card) {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(request()))
	f.Add(encode(Request{}))
	f.Add([]byte{version, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(encode(r))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%q was read as %+v, which reads as %+v (%v)", b, r, again, err)
		}
	})
}
