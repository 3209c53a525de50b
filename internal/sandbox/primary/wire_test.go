package primary

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/payment"
	"holdfast/internal/sandbox/fault"
)

func FuzzDecodePayment(f *testing.F) {
	f.Add([]byte(body()))
	f.Add([]byte(body("amount", "1e3", "payer", "null")))
	f.Add([]byte(`{"amount":1,"amount":2}`))
	book := newBook(bigWorld(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, p := decodePayment(b, book)
		if p != nil {
			if p.status < 400 || p.status > 499 || p.Code == "" || len(p.Detail) > 400 {
				t.Errorf("%q: %+v", b, p)
			}
			return
		}
		if a.amount < 1 || a.amount > payment.MaxAmount || book.account(a.payer) == nil || !book.merchant(a.payee) || len(a.reference) > maxText {
			t.Errorf("%q was read as %+v", b, a)
		}
	})
}

func FuzzDecodeRefund(f *testing.F) {
	f.Add([]byte(`{"payment":"pay_000000000001","amount":5}`))
	f.Add([]byte(`{"payment":5}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, p := decodeRefund(b)
		if p == nil && (a.amount < 1 || a.payment == "" || len(a.payment) > maxText) {
			t.Errorf("%q was read as %+v", b, a)
		}
	})
}

// BenchmarkPayments measures the primary over a real socket, 64 connections.
func BenchmarkPayments(b *testing.B) {
	p, err := New(Options{World: bigWorld(b), Faults: fault.NewInjector(1)})
	if err != nil {
		b.Fatal(err)
	}
	go p.Run(b.Context())
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	keys := make(chan string, 1024)
	go func() {
		for n := range b.N + 1024 {
			keys <- "k" + strings.Repeat("0", 8) + strconv.Itoa(n)
		}
	}()
	text := body("amount", "1")
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, _ := http.NewRequest("POST", p.URL()+"/v1/payments", strings.NewReader(text))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Idempotency-Key", <-keys)
			w, err := client.Do(r)
			if err != nil || w.StatusCode != 201 {
				b.Fatal(w, err)
			}
			w.Body.Close()
		}
	})
}
