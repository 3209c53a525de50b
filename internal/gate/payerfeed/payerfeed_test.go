package payerfeed

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

const whole = `{"at":"2026-11-26T02:00:00Z"}
{"payer":"anna","class":"good","seen":"2026-11-20T08:00:00Z"}
{"payer":"berta","class":"new","blocked":true}
`

const token = "0123456789abcdef0123456789abcdef"

var (
	key = []byte(strings.Repeat("k", 32))
	now = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
)

// rig is a feed on the wire.
type rig struct {
	*testing.T
	path   string
	payers *decider.PayersFile
	feed   *feed
	url    string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{T: t, path: filepath.Join(t.TempDir(), "payers")}
	r.payers = decider.NewPayersFile(r.path, key, time.Now, nil)
	var err error
	if r.feed, err = newFeed(Options{Payers: r.payers, Token: token, Now: func() time.Time { return now }}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r.feed.routes())
	t.Cleanup(server.Close)
	r.url = server.URL + "/payers"
	return r
}

// send sends a body and returns the status and what was answered.
func (r *rig) send(method, token, body string) (int, decider.PayersKnown, problem) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), method, r.url, io.MultiReader(strings.NewReader(body))) // chunked
	if err != nil {
		r.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	var known decider.PayersKnown
	var p problem
	if resp.StatusCode == http.StatusOK {
		err = json.Unmarshal(content, &known)
	} else {
		err = json.Unmarshal(content, &p)
	}
	if err != nil {
		r.Fatalf("%s: %v", content, err)
	}
	return resp.StatusCode, known, p
}

func (r *rig) taken(method, body, at string, payers int) {
	r.Helper()
	status, known, p := r.send(method, token, body)
	if status != http.StatusOK || known.Payers != payers || known.At.Format(time.RFC3339) != at || known.Fault != "" {
		r.Errorf("%s %.60q: %d, %+v, %s", method, body, status, known, p.Detail)
	}
	r.same()
}

func (r *rig) refused(method, body string, want int, text string) {
	r.Helper()
	before := r.payers.Known()
	status, _, p := r.send(method, token, body)
	if status != want || !strings.Contains(p.Detail, text) || p.Title == "" {
		r.Errorf("%s %.60q: %d, %+v; want %d, %q", method, body, status, p, want, text)
	}
	if after := r.payers.Known(); after != before {
		r.Errorf("%s %.60q was refused, and now %+v is known", method, body, after)
	}
	r.same()
}

// same asks that a process that starts now would know the same, and that nothing is left
// beside the file.
func (r *rig) same() {
	r.Helper()
	again := decider.NewPayersFile(r.path, key, time.Now, nil)
	if now := r.payers.Known(); !now.At.IsZero() && again.Known() != now {
		r.Errorf("after a restart %+v would be known, not %+v", again.Known(), now)
	}
	for _, who := range []string{"anna", "berta", "carla"} {
		if payer := standin.Blind(key, payment.Sensitive(who)); again.Find(payer) != r.payers.Find(payer) {
			r.Errorf("of %s %+v, after a restart %+v", who, r.payers.Find(payer), again.Find(payer))
		}
	}
	entries, err := os.ReadDir(filepath.Dir(r.path))
	if err != nil || len(entries) > 1 {
		r.Errorf("beside the file there is something: %v, %v", entries, err)
	}
}

func TestFeed(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, wrong := range []string{"", token[1:], token + "0", strings.ToUpper(token)} {
		for _, method := range []string{"GET", "PUT", "POST"} {
			if status, _, p := r.send(method, wrong, whole); status != http.StatusUnauthorized || p.Code != holdfast.Unauthenticated {
				t.Errorf("%s with %q: %d", method, wrong, status)
			}
		}
	}
	if !r.payers.At().IsZero() {
		t.Error("something was taken without the token")
	}
	changes := func(since, at string, lines ...string) string {
		return fmt.Sprintf("{\"since\":%q,\"at\":%q}\n%s", since, at, strings.Join(lines, "\n"))
	}
	const at2, at21, at22 = "2026-11-26T02:00:00Z", "2026-11-26T02:10:00Z", "2026-11-26T02:20:00Z"
	r.refused("POST", changes(at2, at21), http.StatusConflict, "no payer snapshot")
	r.taken("PUT", whole, at2, 2)
	r.taken("PUT", whole, at2, 2)
	if status, known, _ := r.send("GET", token, ""); status != http.StatusOK || known.Payers != 2 {
		t.Errorf("%d, %+v", status, known)
	}

	// What is not whole leaves the one before.
	for body, text := range map[string]string{
		"": "line 1", "{}\n": "line 1", whole + "{}\n": "line 4", whole + "anna\n": "line 4", whole + `{"payer":"carla","gone":true}`: "line 4",
		changes(at2, at21): "line 1", strings.Replace(whole, "T02", "T04", 1): "would never grow old",
	} {
		r.refused("PUT", body, http.StatusBadRequest, text)
	}
	r.refused("PUT", strings.Replace(whole, "T02", "T01", 1), http.StatusConflict, "is newer")

	// Changes follow what is in use, once.
	some := changes(at2, at21, `{"payer":"carla","class":"good"}`, `{"payer":"berta","gone":true}`, `{"payer":"anna","class":"old"}`, `{"payer":"anna","class":"low"}`)
	r.refused("POST", whole, http.StatusBadRequest, "line 1")
	r.refused("POST", changes(at21, at2), http.StatusBadRequest, "line 1")
	r.refused("POST", changes(at2, "2026-11-26T03:02:00Z"), http.StatusBadRequest, "would never grow old")
	r.refused("POST", some+"\n{}", http.StatusBadRequest, "line 6")
	r.refused("POST", changes("2026-11-26T01:59:59Z", at21), http.StatusConflict, "2026-11-26T02:00:00Z")
	r.taken("POST", some, at21, 2)
	r.refused("POST", some, http.StatusConflict, at21)
	if anna := r.payers.Find(standin.Blind(key, "anna")); anna.Class != "low" || !anna.Seen.IsZero() || anna.At.Format(time.RFC3339) != at21 {
		t.Errorf("anna %+v", anna)
	}
	if berta := r.payers.Find(standin.Blind(key, "berta")); !berta.At.IsZero() {
		t.Errorf("berta %+v", berta)
	}
	r.taken("POST", changes(at21, at22), at22, 2)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	if _, err := New(Options{Payers: r.payers, Token: token[1:]}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a short token: %v", err)
	}
	r.taken("PUT", whole, "2026-11-26T02:00:00Z", 2)
	r.refused("PUT", whole+`{"payer":"`+strings.Repeat("x", 5000)+"\"}\n", http.StatusRequestEntityTooLarge, "line 4")
	r.feed.snapshot, r.feed.changes = int64(len(whole)), 60
	r.taken("PUT", whole, "2026-11-26T02:00:00Z", 2)
	r.refused("PUT", whole+"\n", http.StatusRequestEntityTooLarge, "more than")
	r.refused("POST", `{"since":"2026-11-26T02:00:00Z","at":"2026-11-26T02:10:00Z"}`+"\n", http.StatusRequestEntityTooLarge, "more than 60 bytes")
}

// A sender dies between two lines: what came is whole by its form, and is not taken.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.taken("PUT", whole, "2026-11-26T02:00:00Z", 2)
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), "/payers"))
	if err != nil {
		t.Fatal(err)
	}
	later := strings.Replace(whole, "T02", "T03", 1)
	fmt.Fprintf(conn, "PUT /payers HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", token, len(later)+10, later)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err == nil {
		resp.Body.Close()
	}
	if err == nil && resp.StatusCode == http.StatusOK {
		t.Error("half a body was taken")
	}
	if at := r.payers.At(); at.Hour() != 2 {
		t.Errorf("the snapshot is of %v", at)
	}
	r.same()
	conn.Close()
}
