package standin_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"sync"
	"testing"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// What stands for a value is its HMAC under the key, whatever was blinded before or is
// beside it.
func TestBlind(t *testing.T) {
	t.Parallel()
	key := []byte("a key of 16 bytes")
	b := standin.NewBlinder(key)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, value := range []string{"6222021234567890", "", "anna", strings.Repeat("long", 100), "anna"} {
				h := hmac.New(sha256.New, key)
				h.Write([]byte(value))
				if want := standin.Digest(h.Sum(nil)); b.Blind(payment.Sensitive(value)) != want || standin.Blind(key, payment.Sensitive(value)) != want {
					t.Errorf("%q is not blinded as it was", value)
				}
			}
		})
	}
	all.Wait()
	if b.Blind("anna") == standin.NewBlinder([]byte("another key of it")).Blind("anna") {
		t.Error("two keys blind alike")
	}
}

func BenchmarkBlind(b *testing.B) {
	blinder := standin.NewBlinder([]byte("a key of 16 bytes"))
	b.ReportAllocs()
	for b.Loop() {
		blinder.Blind("6222021234567890")
	}
}
