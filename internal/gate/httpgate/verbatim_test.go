package httpgate

import "testing"

// What a client sent goes on as it came, to the byte, unless a header has to be
// taken off or is one that the gate would read otherwise than the primary.
func TestVerbatim(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	raw := []string{"x-odd-case:  two spaces", "X-Twice: 1", "X-Twice: 2", "content-type: application/json", "user-agent: till/2"}
	r.want(r.post("/v1/payments?a=%E4%BD%A0", "k1", goodPayment, raw...), 201, "", "")
	changed := []string{"Connection: keep-alive", "Cookie: a=1", "Content-Type: text/plain\r\nContent-Type: application/json", "User-Agent: a\r\nUser-Agent: b", "Holdfast-Posture: 9", "Traceparent: x", "X-Request-Id: mine"}
	for i, h := range changed {
		r.want(r.post("/v1/payments", "c"+string(rune('0'+i)), goodPayment, h), 201, "", "")
	}
	seen := r.back.requests()
	h := seen[0].Header
	if seen[0].RequestURI != "/v1/payments?a=%E4%BD%A0" || seen[0].Host != "pay.example" || seen[0].body != goodPayment ||
		len(h["X-Twice"]) != 2 || h.Get("X-Odd-Case") != "two spaces" || h.Get("User-Agent") != "till/2" || h.Get("Content-Type") != "application/json" {
		t.Errorf("%s %s %q", seen[0].RequestURI, seen[0].Host, h)
	}
	for i, s := range seen {
		for _, name := range []string{"Holdfast-Posture", "Holdfast-Deadline", "X-Forwarded-For", "X-Request-Id", "Traceparent", "Content-Length", "Host"} {
			got := s.Header[name]
			if name == "Host" {
				got = []string{s.Host}
			}
			if len(got) != 1 || got[0] == "" {
				t.Errorf("request %d: %s is %q", i, name, got)
			}
		}
		for _, name := range []string{"Content-Type", "User-Agent"} {
			if len(s.Header[name]) > 1 {
				t.Errorf("request %d: %s is %q", i, name, s.Header[name])
			}
		}
	}
	if got := seen[len(seen)-1].Header.Get("X-Request-Id"); got != "mine" {
		t.Errorf("the client's id became %q", got)
	}
}
