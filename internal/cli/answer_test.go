package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// The flag refuses, not its text: with an empty one, as of a variable that is not set, nobody
// consents and nothing is asked of the node.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"stand-in answer d1.x1", "resolution answer r1", "stand-in settlement answer s1", "improvement answer i1"} {
		for _, test := range []struct {
			flags []string
			code  int
			sent  string
		}{
			{nil, 0, `{"granted":true}`},
			{[]string{"--refuse", "not so"}, 0, `{"granted":false,"reason":"not so"}`},
			{[]string{"--refuse", ""}, exitInvalid, ""},
			{[]string{"--refuse="}, exitInvalid, ""},
			{[]string{"--refuse", " "}, exitInvalid, ""},
		} {
			code, said, sent := answered(t, append(strings.Fields(command), test.flags...))
			if code != test.code || sent != test.sent {
				t.Errorf("%s %q: code %d and sent %s, want %d and %s: %s", command, test.flags, code, sent, test.code, test.sent, said)
			}
			if test.code != 0 && !strings.Contains(said, "leave the flag out") {
				t.Errorf("%s %q says %s", command, test.flags, said)
			}
		}
	}
}

// A word that the node would refuse is refused at once, with those that it takes; of what is
// recorded is said how much the node recorded.
func TestWordsAndCounts(t *testing.T) {
	t.Parallel()
	resolve := []string{"resolution", "make", "--identity", "k1", "--reason", "a", "--evidence", "b", "--outcome"}
	after := []string{"stand-in", "look-after", "--payment", "k1", "--payment", "k1", "--note", "a", "--care"}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{append(slices.Clone(resolve), "in-flight"), exitInvalid, "write done or not-done"},
		{append(slices.Clone(resolve), "bogus"), exitInvalid, "write done or not-done"},
		{append(slices.Clone(resolve), "not-done"), 0, "resolution r1"},
		{append(slices.Clone(after), "bogus"), exitInvalid, "write one of told, asked-again, nothing"},
		{append(slices.Clone(after), "told"), 0, "1 payment is looked after"},
	} {
		if code, said, _ := answered(t, test.args); code != test.code || !strings.Contains(said, test.want) {
			t.Errorf("%q: code %d, want %d with %q: %s", test.args, code, test.code, test.want, said)
		}
	}
}

// answered runs a command against a node that takes whatever it is sent.
func answered(t *testing.T, args []string) (code int, said, sent string) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = strings.TrimSpace(string(body))
		fmt.Fprint(w, `{"ids":["d1.x1"],"id":"r1"}`)
	}))
	defer node.Close()
	var text bytes.Buffer
	env := map[string]string{"HOLDFAST_URL": node.URL, "HOLDFAST_TOKEN": "hf_token"}
	code = Run(t.Context(), Options{
		Args: slices.Clone(args), Stdout: &text, Stderr: &text, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }, Now: time.Now,
	})
	return code, text.String(), sent
}
