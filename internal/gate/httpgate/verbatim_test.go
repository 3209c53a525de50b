package httpgate

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"

	"holdfast/internal/gate"
)

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

// Whatever headers a client sends, a request that goes on as it came says the
// same as one that is written anew.
func TestVerbatimSaysTheSame(t *testing.T) {
	t.Parallel()
	names := []string{
		"Content-Type", "content-type", "USER-AGENT", "User-Agent", "Accept", "aCCept", "X-a", "x-A", "Cookie", "Idempotency-Key",
		"Content-Encoding", "X-Forwarded-For", "Authorization", "Expect", "X_A", "Te", "Holdfast-Posture", "Early-Data", "Traceparent", "X-Request-Id",
	}
	same := 0
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringN(1, 40, 80).Draw(t, "body")
		head := "POST /v1/payments?a=b HTTP/1.1\r\nHost: pay.example\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n"
		for range rapid.IntRange(0, 5).Draw(t, "headers") {
			head += rapid.SampledFrom(names).Draw(t, "name") + ":" + rapid.StringMatching(`[ \t]{0,2}[!-~]([ -~]{0,9}[!-~])?[ \t]{0,2}`).Draw(t, "value") + "\r\n"
		}
		x := &exchange{Server: &Server{}, ctx: &fasthttp.RequestCtx{}, body: []byte(body), admission: gate.Admission{Posture: 7}}
		x.ctx.Init(&fasthttp.Request{}, nil, discard{})
		req := &x.ctx.Request
		if err := req.Header.Read(bufio.NewReader(strings.NewReader(head + "\r\n"))); err != nil {
			t.Skip(err)
		}
		req.SetBodyRaw(x.body)
		x.marks = readMarks(&req.Header)
		if !x.unchanged() {
			return
		}
		same++
		deadline := time.Now()
		first := x.request(deadline)
		asCame := written(t, first)
		x.prepare(deadline)
		afresh := written(t, (*anew)(x))
		if _, ok := first.(*verbatim); !ok || !maps.EqualFunc(asCame.Header, afresh.Header, slices.Equal) || asCame.body != afresh.body ||
			asCame.Host != afresh.Host || asCame.RequestURI != afresh.RequestURI || asCame.Method != afresh.Method {
			t.Fatalf("as it came:\n%v %q\nanew:\n%v %q", asCame.Header, asCame.body, afresh.Header, afresh.body)
		}
	})
	if same == 0 {
		t.Error("no request went on as it came")
	}
}

// written is a request as a primary reads it, but for the trace, which is drawn
// by lot.
func written(t *rapid.T, r request) *seen {
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := r.Write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	req, err := http.ReadRequest(bufio.NewReader(&b))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(req.Body)
	if err != nil || b.Len() > 0 {
		t.Fatalf("%v, and %d bytes more", err, b.Len())
	}
	if !isTrace(req.Header.Get(traceHeader)) {
		t.Fatalf("the trace is %q", req.Header[traceHeader])
	}
	req.Header.Del(traceHeader)
	return &seen{req, string(body)}
}
