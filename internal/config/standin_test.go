package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Payers and the token do not cross a network in clear, and nobody sends without a token.
func TestPayerFeedSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"key", "cert"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat("k", 32)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for feed, want := range map[string]string{
		"{}": "",
		`{listen: "127.0.0.1:8090", token: "file:DIR/key"}`:                                    "",
		`{listen: "[::1]:8090", token: "file:DIR/key"}`:                                        "",
		`{listen: "0.0.0.0:8090", token: "file:DIR/key", certificate: DIR/cert, key: DIR/key}`: "",
		`{listen: "0.0.0.0:8090", token: "file:DIR/key"}`:                                      "come in clear",
		`{listen: "10.0.0.1:8090", token: "file:DIR/key"}`:                                     "come in clear",
		`{listen: "127.0.0.1:8090"}`:                                                           "stand_in.feed.token",
		`{token: "file:DIR/key"}`:                                                              "stand_in.feed.listen",
		`{listen: "127.0.0.1:8080", token: "file:DIR/key"}`:                                    "is taken by",
		`{listen: "127.0.0.1:8090", token: "file:DIR/key", certificate: DIR/cert}`:             "stand_in.feed.key",
	} {
		text := DefaultGateYAML + strings.ReplaceAll("\nstand_in: {data: DIR, key: \"file:DIR/key\", payers: DIR/payers, feed: "+feed+"}\n", "DIR", dir)
		_, err := LoadGate(Options{Content: []byte(text)})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", feed, err, want)
		}
	}
}
