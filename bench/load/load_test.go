package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int
		bad  bool
	}{
		{"", 0, false},
		{"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n", 0, false},
		{"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n", 45, false},
		{"HTTP/1.1 201 Created\r\nA: b\r\ncontent-length:12\r\nB: c\r\n\r\nab", 67, false},
		{"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n", 0, true},
		{"HTTP/1.1 201 Created\r\nContent-Length: x\r\n\r\n", 48, true},
	} {
		got, err := size([]byte(test.text))
		if (err != nil) != test.bad || err == nil && got != test.want {
			t.Errorf("size(%q) = %d, %v", test.text, got, err)
		}
	}
}

// Each payment is one that Go's own server can read, with a key of its own.
func TestRequest(t *testing.T) {
	t.Parallel()
	request := NewRequest("127.0.0.1:80", 2)
	seen := map[string]bool{}
	for n := range uint64(3) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request.stamp(n))))
		if err != nil {
			t.Fatal(err)
		}
		var body struct {
			Amount           int
			Payer, Reference string
		}
		content, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(content, &body)
		}
		key := r.Header.Get("Idempotency-Key")
		if err != nil || body.Amount != 1299 || body.Reference != key || seen[key] || body.Payer != Payer(int(n%2)) {
			t.Errorf("key %q, body %s, %v", key, content, err)
		}
		seen[key] = true
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	l, err := New("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at, err := l.Address()
	if err != nil {
		t.Fatal(err)
	}
	for _, rate := range []float64{0, 500} {
		got, err := l.Run(Plan{Target: at, Connections: 4, Rate: rate, Measure: 100 * time.Millisecond, CPU: func() (time.Duration, error) { return 0, nil }})
		if err != nil || got.Requests == 0 || got.Requests != len(got.Took) || got.Forwarded < got.Requests || got.Elapsed < 100*time.Millisecond {
			t.Errorf("rate %v: %d requests, %d times, %v, %v", rate, got.Requests, len(got.Took), got.Elapsed, err)
		}
	}
}

// What is not a payment that succeeded must not be measured as one.
func TestRunRefusesOtherAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(503) }))
	defer s.Close()
	l, err := New("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Run(Plan{Target: strings.TrimPrefix(s.URL, "http://"), Connections: 1, Measure: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("Run = %v", err)
	}
}
