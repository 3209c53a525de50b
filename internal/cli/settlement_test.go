package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A key that is spelt wrongly would leave a file compared in another way than was meant.
func TestMappingOfAnUnknownKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mapping.json")
	if err := os.WriteFile(file, []byte(`{"name":"core-bank","compleet":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := (&call{shell: new(shell)}).readMapping(file); err == nil || !strings.Contains(err.Error(), `unknown field "compleet"`) {
		t.Errorf("an unknown key: %v", err)
	}
}

// A mapping is saved only if the file can be read by it: one in use under the same name
// stays as it was. The file is sent whole all the same.
func TestMappingOfAFileThatCannotBeRead(t *testing.T) {
	t.Parallel()
	var asked []string
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		asked = append(asked, strings.TrimPrefix(r.URL.RequestURI(), "/api/v1"))
		if r.URL.Path == "/api/v1/settlements" && string(content) != "key,sum\na,1.00\n" {
			t.Errorf("sent %q", content)
		}
		fmt.Fprint(w, `{"id":"s1"}`)
	}))
	defer node.Close()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mapping := write("mapping.json", `{"name":"core-bank","identity":["key"],"amount":"sum","unit":"decimal","currency_is":"CNY","zone":"Asia/Taipei"}`)
	settle := func(file, day string) (int, string) {
		var said bytes.Buffer
		env := map[string]string{"HOLDFAST_URL": node.URL, "HOLDFAST_TOKEN": "hf_token"}
		code := Run(t.Context(), Options{
			Args:   []string{"stand-in", "settle", file, "--day", day, "--mapping-file", mapping},
			Stdout: &said, Stderr: &said, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, Now: time.Now,
		})
		return code, said.String()
	}
	for file, day := range map[string]string{
		write("empty.csv", "key,sum\n"): "2026-11-26", write("other.csv", "key,amount\na,1.00\n"): "2026-11-26", write("early.csv", "key,sum\na,1.00\n"): "2126-11-26",
	} {
		if code, said := settle(file, day); code != exitInvalid || len(asked) != 0 {
			t.Errorf("%s: code %d, %s, and the node was asked for %q", file, code, said, asked)
		}
	}
	if code, said := settle(write("day.csv", "key,sum\na,1.00\n"), "2026-11-26"); code != 0 {
		t.Errorf("code %d: %s", code, said)
	}
	if want := []string{"/settlement-mappings", "/settlements?day=2026-11-26&mapping=core-bank&name=day.csv", "/settlements/s1"}; !slices.Equal(asked, want) {
		t.Errorf("the node was asked for %q, want %q", asked, want)
	}
}
