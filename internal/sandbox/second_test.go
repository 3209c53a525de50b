package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
	"holdfast/internal/sandbox/truth"
)

// twice opens a world with two primaries, which were both asked for the same payment, and
// for one each besides.
func twice(t *testing.T, dir string) *Sandbox {
	t.Helper()
	s, err := New(Options{Seed: 1, Dir: dir, Second: &primary.Options{}, Traffic: customers.Options{Patience: tireless}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, ask := range []struct {
		at              http.Handler
		path, key, body string
	}{
		{s.Primary.Handler(), "/v1/payments", "k1", `{"amount":1299,"currency":"CNY","payer":"acct_test_01","payee":"m_001","reference":"k1"}`},
		{s.Primary.Handler(), "/v1/payments", "k2", `{"amount":1299,"currency":"CNY","payer":"acct_test_01","payee":"m_001"}`},
		{s.Second.Handler(), "/v2/transfers", "", `{"reference":"k1","value":"12.99","ccy":"CNY","debtor":"acct_test_01","creditor":"m_001"}`},
		{s.Second.Handler(), "/v2/transfers", "", `{"reference":"k3","value":"12.99","ccy":"CNY","debtor":"acct_test_01","creditor":"m_001"}`},
	} {
		r := httptest.NewRequest(http.MethodPost, ask.path, bytes.NewReader([]byte(ask.body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", ask.key)
		w := httptest.NewRecorder()
		ask.at.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", ask.body, w.Code, w.Body)
		}
	}
	return s
}

// What both primaries did for one identity is doubled, though each did it once: in memory,
// and in the files.
func TestDoneAtBothIsDoubled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := twice(t, dir)
	filed, err := CheckDir(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]interface {
		fmt.Stringer
		Clean() bool
	}{"memory": s.Check(), "files": filed} {
		if r.Clean() {
			t.Errorf("in %s nothing is doubled:\n%s", what, r)
		}
	}
	for _, r := range []int{filed.Doubled.Count, s.Check().Doubled.Count} {
		if r != 1 {
			t.Errorf("%d are doubled", r)
		}
	}
	if r := s.Check(); r.Effects != 4 || len(r.Doubled.Items) != 1 || r.Doubled.Items[0].Identity != "k1" {
		t.Errorf("%+v", r)
	}
	if stats := s.Stats(0); stats.Effects != 4 || stats.Second == nil || stats.Second.Payments != 2 || stats.Primary.Payments != 2 {
		t.Errorf("%+v", stats)
	}
	if s.Second.Inquire(truth.Payment, "k3").Status != "succeeded" || s.Primary.Inquire(truth.Payment, "k3").Status != "" {
		t.Error("the two primaries know each other's payments")
	}
}

// Each primary has faults of its own.
func TestFaultsOfTheSecond(t *testing.T) {
	t.Parallel()
	s := twice(t, "")
	call := func(s *Sandbox, method, path, body string, want int, into any) {
		t.Helper()
		r := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
		r.Header.Set("Authorization", "Bearer "+s.Token())
		w := httptest.NewRecorder()
		s.Control().ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if into != nil {
			if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
				t.Error(err)
			}
		}
	}
	var lease fault.Lease
	call(s, "POST", "/sandbox/second/faults", `{"kind":"error","seconds":60}`, 201, &lease)
	if len(s.SecondFaults.Leases()) != 1 || len(s.Faults.Leases()) != 0 {
		t.Errorf("second %v, first %v", s.SecondFaults.Leases(), s.Faults.Leases())
	}
	var list map[string][]fault.Lease
	call(s, "GET", "/sandbox/second/faults", "", 200, &list)
	if len(list["active"]) != 1 || list["active"][0].ID != lease.ID {
		t.Errorf("%v", list)
	}
	call(s, "DELETE", "/sandbox/second/faults/"+lease.ID, "", 200, nil)
	call(s, "DELETE", "/sandbox/second/faults", "", 200, nil)

	alone, err := New(Options{Traffic: customers.Options{Patience: tireless}})
	if err != nil {
		t.Fatal(err)
	}
	defer alone.Close()
	call(alone, "POST", "/sandbox/second/faults", `{"kind":"error","seconds":60}`, 404, nil)
}
