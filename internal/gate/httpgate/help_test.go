package httpgate

import (
	"os"
	"syscall"
	"testing"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func controlHook(f func()) func(network, address string, c syscall.RawConn) error {
	return func(string, string, syscall.RawConn) error {
		f()
		return nil
	}
}
