package primary

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

const aTransfer = `{"reference":"c1","value":"12.99","ccy":"CNY","debtor":"acct_test_01","creditor":"m_001"}`

// says makes a request and returns status, body and whether there was an answer.
func (b *bench) says(method, path, body string) (int, transfer, bool) {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.GetBody = nil
	r.Header.Set("Content-Type", "application/json")
	w, err := b.client.Do(r)
	if err != nil {
		return 0, transfer{}, false
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		return 0, transfer{}, false
	}
	var t transfer
	if err := json.Unmarshal(text, &t); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	return w.StatusCode, t, true
}

// posts makes a request, and reports whether there was an answer. It may be called beside the
// test.
func (b *bench) posts(path, body string) bool {
	w, err := b.client.Post(b.base+path, "application/json", strings.NewReader(body))
	return err == nil && w.Body.Close() == nil
}

func (b *bench) wantSays(method, path, body string, status int, state, fault string) transfer {
	b.t.Helper()
	got, t, ok := b.says(method, path, body)
	if !ok || got != status || t.State != state || t.Fault != fault {
		b.t.Errorf("%s %s %s: %d %+v; want %d %s %s", method, path, body, got, t, status, state, fault)
	}
	return t
}

func TestTransfers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{Transfers: true})
		first := b.wantSays("POST", "/v2/transfers", aTransfer, 201, "settled", "")
		if first.Value != "12.99" || first.Ccy != "CNY" || first.Reference != "c1" || !strings.HasPrefix(first.Number, "trf_") {
			t.Errorf("%+v", first)
		}
		if again := b.wantSays("POST", "/v2/transfers", aTransfer, 409, "settled", ""); again != first {
			t.Errorf("again %+v, first %+v", again, first)
		}
		b.wantSays("GET", "/v2/transfers/c1", "", 200, "settled", "")
		b.wantSays("GET", "/v2/transfers/c2", "", 404, "", "not-found")
		b.wantSays("POST", "/v2/transfers", strings.Replace(aTransfer, "12.99", "13.00", 1), 422, "", "key-reused")
		for _, row := range [][3]string{
			{"12.99", "12.9", "bad-value"}, {"12.99", "012.99", "bad-value"}, {"12.99", "-1.00", "bad-value"}, {"12.99", "0.00", "bad-value"},
			{"CNY", "XXX", "bad-currency"}, {"acct_test_01", "nobody", "unknown-payer"}, {"m_001", "nobody", "unknown-payee"}, {`"c1"`, `""`, "bad-reference"},
			{"12.99", "99.01", "insufficient-funds"},
		} {
			body := strings.Replace(strings.Replace(aTransfer, `"c1"`, `"c9"`, 1), row[0], row[1], 1)
			if row[0] == `"c1"` {
				body = strings.Replace(aTransfer, row[0], row[1], 1)
			}
			b.wantSays("POST", "/v2/transfers", body, 422, "refused", row[2])
		}
		b.wantSays("GET", "/v2/transfers/c9", "", 200, "refused", "insufficient-funds")
		b.wantSays("POST", "/v1/payments", aTransfer, 422, "refused", "no-such-path")

		b.wantSays("POST", "/v2/returns", `{"reference":"f1","transfer":"c1","minor":299}`, 201, "settled", "")
		b.wantSays("POST", "/v2/returns", `{"reference":"f1","transfer":"c1","minor":299}`, 409, "settled", "")
		b.wantSays("POST", "/v2/returns", `{"reference":"f2","transfer":"c1","minor":1001}`, 422, "refused", "refund-exceeds")
		b.wantSays("POST", "/v2/returns", `{"reference":"f3","transfer":"c0","minor":1}`, 422, "refused", "unknown-payment")
		b.wantSays("POST", "/v2/returns", `{"reference":"f4","transfer":"c9","minor":1}`, 422, "refused", "unknown-payment")
		b.wantSays("POST", "/v2/returns", `{"reference":"f5","transfer":"c1","minor":0}`, 422, "refused", "bad-minor")
		b.wantSays("GET", "/v2/returns/f1", "", 200, "settled", "")
		if n := b.Ledger().Count(); n != 2 {
			t.Errorf("%d effects", n)
		}
	})
}

// The faults of the first primary are the second's as well.
func TestTransfersFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{Transfers: true})
		start := func(f fault.Fault) {
			f.Seconds = 60
			if _, err := b.o.Faults.Start(f); err != nil {
				t.Fatal(err)
			}
		}
		start(fault.Fault{Kind: fault.AnswerLost})
		if _, _, ok := b.says("POST", "/v2/transfers", aTransfer); ok || b.Ledger().Count() != 1 {
			t.Error("an answer that is lost was told, or nothing was done")
		}
		b.o.Faults.EndAll()
		b.wantSays("POST", "/v2/transfers", aTransfer, 409, "settled", "")
		start(fault.Fault{Kind: fault.Error, Status: 500})
		b.wantSays("POST", "/v2/transfers", strings.Replace(aTransfer, "c1", "c2", 1), 500, "", "fault")
		b.o.Faults.EndAll()
		b.wantSays("GET", "/v2/transfers/c2", "", 404, "", "not-found")
		start(fault.Fault{Kind: fault.WrongAnswer, Delta: 1})
		if wrong := b.wantSays("POST", "/v2/transfers", strings.Replace(aTransfer, "c1", "c3", 1), 201, "settled", ""); wrong.Value != "13.00" {
			t.Errorf("%+v", wrong)
		}
		b.o.Faults.EndAll()
		start(fault.Fault{Kind: fault.Latency, DelayMS: 5000})
		slow := strings.Replace(aTransfer, "c1", "c4", 1)
		answered := make(chan bool, 1)
		go func() { answered <- b.posts("/v2/transfers", slow) }()
		pass(time.Second)
		b.wantSays("POST", "/v2/transfers", slow, 202, "pending", "in-flight")
		pass(5 * time.Second)
		b.wantSays("GET", "/v2/transfers/c4", "", 200, "settled", "")
		if !<-answered {
			t.Error("the first request under the reference got no answer")
		}
	})
}

// A primary that comes back knows its transfers, and gives them back.
func TestTransfersComeBack(t *testing.T) {
	t.Parallel()
	file := truth.Options{File: t.TempDir() + "/second.records"}
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{Transfers: true, Ledger: file})
		b.wantSays("POST", "/v2/transfers", aTransfer, 201, "settled", "")
	})
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{Transfers: true, Ledger: file})
		b.wantSays("POST", "/v2/transfers", aTransfer, 409, "settled", "")
		b.wantSays("POST", "/v2/returns", `{"reference":"f1","transfer":"c1","minor":1299}`, 201, "settled", "")
	})
}

// What is taken as a value is written the same again, whatever its currency.
func FuzzTransfer(f *testing.F) {
	f.Add([]byte(aTransfer))
	f.Add([]byte(`{"reference":"c1","value":"1299","ccy":"JPY","debtor":"acct_000001","creditor":"m_001"}`))
	f.Add([]byte(`{"reference":"c1","value":"0.001","ccy":"KWD","debtor":"acct_000001","creditor":"m_001"}`))
	w, err := world.New(world.Options{Seed: 1, Accounts: 3, Merchants: 3, Currencies: []string{"CNY", "JPY", "KWD"}})
	if err != nil {
		f.Fatal(err)
	}
	book := newBook(w)
	f.Fuzz(func(t *testing.T, b []byte) {
		a, bad := decodeTransfer(b, book)
		if bad != nil {
			return
		}
		var body struct{ Value string }
		if json.Unmarshal(b, &body) != nil || a.reference == "" || a.amount < 1 || writeValue(a.amount, a.currency) != body.Value {
			t.Errorf("%s is taken as %+v", b, a)
		}
	})
}
