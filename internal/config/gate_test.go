package config

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/payment"
)

func TestDefaultGate(t *testing.T) {
	g, err := LoadGate(Options{
		File: "gate.yaml", Content: []byte(DefaultGateYAML),
		Flags: map[string]string{"name": "east-1", "primary.url": "http://127.0.0.1:4444/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.Name != "east-1" || g.Primary.URL != "http://127.0.0.1:4444" || g.Mode != "static" {
		t.Errorf("name %s, primary %s, mode %s", g.Name, g.Primary.URL, g.Mode)
	}
	var kinds []string
	for _, route := range g.Routes {
		kinds = append(kinds, route.Name+" "+route.Kind)
	}
	if got := strings.Join(kinds, ", "); got != "pay payment, refund refund, payment-by-id inquiry, payment-by-key inquiry, refund-by-id inquiry, refund-by-key inquiry, rest other" {
		t.Errorf("routes %s", got)
	}
	pay := g.Routes[0]
	if pay.Fields.Identity != (Source{"header", "Idempotency-Key"}) || pay.Fields.Amount != (Source{"json", "/amount"}) {
		t.Errorf("fields %+v", pay.Fields)
	}
	if pay.Unreadable != "decline" || pay.Decline.Status != 503 || pay.Timeout.D() != 10*time.Second {
		t.Errorf("defaults of a route are missing: %+v", pay)
	}
	if !slices.Equal(pay.Outcome.Done, []Statuses{{200, 200}, {201, 201}}) || !slices.Equal(pay.Outcome.NotDone, []Statuses{{400, 407}, {410, 499}}) {
		t.Errorf("outcome %v", pay.Outcome)
	}
	if pay.Inquiry.Method != "GET" || !slices.Equal(pay.Inquiry.Absent, []Statuses{{404, 404}}) || pay.Inquiry.SettledAfter.D() != 30*time.Second {
		t.Errorf("inquiry %+v", pay.Inquiry)
	}
	if g.Routes[6].Inquiry != nil {
		t.Error("a route without an inquiry has one")
	}
}

func TestGateExplain(t *testing.T) {
	g, err := LoadGate(Options{File: "gate.yaml", Content: []byte(DefaultGateYAML)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range g.Explain() {
		got[s.Path] = s.Value + " from " + string(s.Origin.Kind)
	}
	for path, want := range map[string]string{
		"routes[0].fields.identity":        "header:Idempotency-Key from file",
		"routes[0].outcome.not_done":       "400-407, 410-499 from default",
		"routes[0].inquiry.done.is":        "succeeded from file",
		"routes[1].timeout":                "10s from default",
		"routes[0].decline.status":         "503 from default",
		"control.urls":                     " from default",
		"routes[2].methods":                "GET from file",
		"routes[0].inquiry.not_done.field": "json:/status from file",
	} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
}

func TestFieldsInOrder(t *testing.T) {
	f := Fields{Identity: Source{"header", "K"}, Method: Source{"const", "card"}}
	var got []string
	for field, source := range f.All() {
		got = append(got, field.String()+"="+source.String())
	}
	if len(got) != len(payment.Fields()) || got[0] != "identity=header:K" || got[6] != "method=const:card" {
		t.Errorf("%q", got)
	}
}

// FuzzDecode reads any bytes as settings: each is read or refused with faults
// that stand in the file.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(DefaultGateYAML))
	f.Add([]byte("listen: {payments: ':1', payments: ':2'}\nroutes: [{name: a, path: /{x}}, 5, [], &a {}]"))
	f.Add([]byte("name: *a"))
	f.Add([]byte("a: 1\n---\nb: [\n"))
	f.Add([]byte("? {a: b}\n: !!binary x\n<<: {name: a}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		g, err := LoadGate(Options{File: "f", Content: content})
		if err == nil {
			if len(g.Routes) == 0 || len(g.Explain()) == 0 {
				t.Fatal("a gate without routes was read")
			}
			return
		}
		var faults Faults
		if !errors.As(err, &faults) {
			t.Fatalf("not faults: %v", err)
		}
		for _, fault := range faults {
			if fault.Origin.Line < 1 || fault.Origin.Column < 1 || fault.Message == "" {
				t.Fatalf("fault without a place: %+v", fault)
			}
		}
	})
}
