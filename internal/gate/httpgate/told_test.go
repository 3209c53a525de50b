package httpgate

import (
	"slices"
	"testing"
	"time"

	"holdfast/internal/config"
)

// A gate tells which fields its routes read, which channels may come by them, and what they
// are good for while the primary is down.
func TestRoutesTell(t *testing.T) {
	t.Parallel()
	conf, err := config.LoadGate(config.Options{Content: []byte(`
name: east
primary: {url: "http://127.0.0.1:1"}
channels: [app, card]
routes:
  - {name: pay, path: /pay, kind: payment, fields: {identity: header:Key, channel: header:Channel}}
  - {name: till, path: /till, kind: payment, fields: {identity: header:Key, channel: const:till}}
  - {name: bare, path: /bare, kind: payment, fields: {identity: header:Key}}
  - {name: once, path: /once, kind: payment, fields: {identity: header:Key, amount: header:Amount, currency: header:Currency, payer: header:Payer}, stand_in: {body: "{}", deduplicates: true}}
  - {name: maybe, path: /maybe, kind: payment, fields: {identity: header:Key, amount: header:Amount, currency: header:Currency, payer: header:Payer}, stand_in: {body: "{}"}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPrimary(conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	channels := [][]string{{"app", "card"}, {"till"}, nil, nil, nil}
	for i, r := range p.Routes() {
		if slices.Contains(r.Fields, "channel") != (i < 2) || !slices.Contains(r.Fields, "identity") || !slices.Equal(r.Channels, channels[i]) {
			t.Errorf("route %s tells fields %v, channels %v", r.Name, r.Fields, r.Channels)
		}
		if r.StandIn != (i > 2) || r.Deduplicates != (i == 3) || r.Second {
			t.Errorf("route %s tells %+v", r.Name, r)
		}
	}
}
