package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
