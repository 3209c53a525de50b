package config

import (
	"strings"
	"testing"
)

func TestAutomation(t *testing.T) {
	t.Parallel()
	env := func(name string) (string, bool) { return map[string]string{"KEY": "whsec_x"}[name], name == "KEY" }
	load := func(endpoints string) error {
		_, err := Load(Options{File: "node.yaml", Content: []byte("automation: {endpoints: [" + endpoints + "]}"), Env: env})
		return err
	}
	if err := load(`{name: isolate, url: "https://a.example/isolate?x=1", secret: "env:KEY"}, {name: block, url: "http://127.0.0.1:1/b", secret: "env:KEY"}`); err != nil {
		t.Error(err)
	}
	for endpoint, want := range map[string]string{
		`{name: isolate, url: "https://a.example/x"}`:                                                                                    "a value is needed here",
		`{name: isolate, url: "https://a.example/x", secret: "whsec_plain"}`:                                                             "a secret does not stand here",
		`{name: isolate, url: "https://a.example/x", secret: "env:NONE"}`:                                                                "NONE is not set",
		`{name: isolate, url: "ftp://a.example/x", secret: "env:KEY"}`:                                                                   "an http or https URL",
		`{name: isolate, url: "https://u:p@a.example/x", secret: "env:KEY"}`:                                                             "an http or https URL",
		`{name: Isolate It, url: "https://a.example/x", secret: "env:KEY"}`:                                                              "is no name of an endpoint",
		`{name: isolate, url: "https://a.example/x", secret: "env:KEY"}, {name: isolate, url: "https://a.example/y", secret: "env:KEY"}`: "is in the list already",
	} {
		if err := load(endpoint); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
}
