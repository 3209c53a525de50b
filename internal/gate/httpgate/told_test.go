package httpgate

import (
	"slices"
	"testing"
	"time"

	"holdfast/internal/config"
)

// A gate tells which fields its routes read and which channels may come by them.
func TestRoutesTellFieldsAndChannels(t *testing.T) {
	t.Parallel()
	conf, err := config.LoadGate(config.Options{Content: []byte(`
name: east
primary: {url: "http://127.0.0.1:1"}
channels: [app, card]
routes:
  - {name: pay, path: /pay, kind: payment, fields: {identity: header:Key, channel: header:Channel}}
  - {name: till, path: /till, kind: payment, fields: {identity: header:Key, channel: const:till}}
  - {name: bare, path: /bare, kind: payment, fields: {identity: header:Key}}
`)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewPrimary(conf, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	channels := [][]string{{"app", "card"}, {"till"}, nil}
	for i, r := range p.Routes() {
		if slices.Contains(r.Fields, "channel") != (i < 2) || !slices.Contains(r.Fields, "identity") || !slices.Equal(r.Channels, channels[i]) {
			t.Errorf("route %s tells fields %v, channels %v", r.Name, r.Fields, r.Channels)
		}
	}
}
