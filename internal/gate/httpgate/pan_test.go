package httpgate

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// Card numbers of test accounts, one for each place of a request, so that a find
// says where it came from.
var pans = map[string]string{
	"path": "4111111111111111", "query": "4012888888881881", "header": "5555555555554444", "payer": "6222021234567890",
	"payee": "6222021234567891234", "channel": "4000056655665556", "method": "5200828282828210", "amount": "371449635398431",
	"currency": "6011000990139424", "broken": "3566002020360505", "mark": "5105105105105100", "host": "4242424242424242",
	"trace": "4000002500003155", "id": "4000000000003220", "multipart": "6200000000000005", "verb": "3056930009020004",
	"form": "5019717010103742", "answer": "4917610000000000", "user": "4462030000000000", "spaced": "4539 1488 0343 6467",
}

// panRequests are requests with card numbers in every place, good and bad ones.
func panRequests() []string {
	p := func(place string) string { return pans[place] }
	body := func(payer, payee, channel, method string) string {
		return fmt.Sprintf(`{"amount":1299,"currency":"CNY","payer":%q,"payee":%q,"channel":%q,"method":%q}`, payer, payee, channel, method)
	}
	whole := body(p("payer"), p("payee"), p("channel"), p("method"))
	return []string{
		postText("/v1/payments?card="+p("query"), "k1", whole, "X-Card: "+p("header"), "User-Agent: "+p("user")),
		postText("/v1/payments", "k2", body("a", "b", p("spaced"), "m"), "X-Request-Id: "+p("id"), "Tracestate: a="+p("trace")),
		postText("/v1/payments", "k3", `{"amount":`+p("amount")+`,"currency":"`+p("currency")+`","payer":"a","channel":"b"}`),
		postText("/v1/payments", "k4", `{"amount":1,"payer":"`+p("broken")),
		postText("/v1/payments", "k5", goodPayment, "Holdfast-Probe: "+p("mark")),
		postText("/v1/payments/"+p("path"), "k6", goodPayment),
		postText("/v1/payments;"+p("path"), "k7", goodPayment),
		postText("/v1/%2e%2e/"+p("path"), "k8", goodPayment),
		postText("/v1/quick", "k9", p("form"), "Content-Type: application/x-www-form-urlencoded"),
		postText("/upload", "", "--x\r\n\r\n"+p("multipart")+"\r\n--x--\r\n", "Content-Type: multipart/form-data; boundary=x"),
		"GET /v1/payments?key=" + p("query") + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /cards/" + p("path") + " HTTP/1.1\r\nHost: " + p("host") + "\r\n\r\n",
		"GET /x HTTP/1.1\r\nHost: x@" + p("host") + "\r\n\r\n",
		p("verb") + " / HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\n" + p("header") + " : x\r\n\r\n",
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + p("broken") + "\r\n",
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\nContent-Length: " + p("broken") + "0000\r\n\r\n",
		p("broken"), "GET http://" + p("user") + "@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/payments HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 100\r\n\r\n" + p("broken"),
	}
}

// No card number that comes into a gate comes out of it anywhere but at the
// primary: not in its log, access log, metrics, counts, files, memory of the
// account or answers, whatever the posture and whatever becomes of the request.
func TestCardNumbersStayInside(t *testing.T) {
	t.Parallel()
	access, logged := newAccess(t)
	b := newBackend(t, func(c net.Conn, n int, req *seen) {
		switch n % 4 {
		case 0:
			c.Close()
		case 1:
			say(true, "HTTP/1.1 "+pans["answer"]+"\r\n\r\n")(c, n, req)
		case 2:
			say(false, answerWith(402, pans["answer"]))(c, n, req)
		default:
			created(c, n, req)
		}
	})
	var counts lockedBuffer
	r := &rig{t: t, back: b, log: &lockedBuffer{}, access: access}
	conf := gateSettings(t, b.addr)
	r.counts = func(s traffic.Snapshot) { json.NewEncoder(&counts).Encode(s) }
	r.start(conf, time.Now)

	running, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		r.gate.Run(running, nil)
		close(ended)
	}()
	var answers strings.Builder
	ask := func() {
		for _, request := range panRequests() {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write([]byte(request)); err != nil {
				t.Fatal(err)
			}
			c.(*net.TCPConn).CloseWrite()
			var got bytes.Buffer
			got.ReadFrom(c)
			c.Close()
			// What the primary says is the client's own.
			if strings.Contains(got.String(), "problem+json") {
				answers.WriteString(got.String())
			}
		}
	}
	ask()
	r.enforce(5, posture.Set{}, stopAll)
	ask()
	r.enforce(6, posture.Set{}, posture.Directive{ID: "d1", Kind: posture.Stop, Scope: `channel == "x" && payer startsWith "6"`})
	ask()
	r.enforce(7, posture.Set{}, posture.Directive{ID: "d2", Kind: posture.Limit, Scope: "all", Share: 0.5, Salt: "s"})
	ask()
	r.back.close()
	ask()
	until(t, func() bool { return strings.Count(counts.String(), `"out-of-share"`) > 0 })
	stop()
	<-ended
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(r.server.Metrics()); err != nil {
		t.Fatal(err)
	}
	metrics := gather(t, registry)
	status, err := json.Marshal(r.gate.Status())
	if err != nil {
		t.Fatal(err)
	}
	unresolved := fmt.Sprintf("%+v", r.gate.Unresolved())
	places := map[string]string{
		"log": r.log.String(), "answers": answers.String(), "metrics": metrics, "status": string(status), "unresolved": unresolved,
		"access log": logged(), "counts": counts.String(),
	}
	files, err := os.ReadDir(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Type().IsRegular() {
			places["file "+f.Name()] = readFile(t, filepath.Join(r.dir, f.Name()))
		}
	}
	for _, needed := range []string{"answers", "metrics", "access log", "file inflight", "file outcomes", "file posture", "counts"} {
		if len(places[needed]) == 0 {
			t.Errorf("there is nothing in %s: the test looks at the wrong place", needed)
		}
	}
	if n := strings.Count(places["access log"], "\n"); n < 80 {
		t.Errorf("the access log has %d lines:\n%s", n, places["access log"])
	}
	for place, text := range places {
		for of, pan := range pans {
			if shows(text, pan) {
				t.Errorf("%s: the card number of the %s is in it", place, of)
			}
		}
	}
}

// shows reports whether a text holds a card number: as it is, in groups, in hex
// or escaped.
func shows(text, pan string) bool {
	digits := strings.ReplaceAll(pan, " ", "")
	apart := regexp.MustCompile(strings.Join(strings.Split(digits, ""), `[ -]?`))
	return apart.MatchString(text) || strings.Contains(text, hex.EncodeToString([]byte(digits))) || strings.Contains(text, url.QueryEscape(pan))
}

// An identity that is a card number stands, as it must, in the ring and in the
// account of unknown outcomes, by which the primary is asked; it is shown nowhere.
func TestCardNumberAsIdentity(t *testing.T) {
	t.Parallel()
	access, logged := newAccess(t)
	b := newBackend(t, say(true))
	r := &rig{t: t, back: b, log: &lockedBuffer{}, access: access}
	r.start(gateSettings(t, b.addr), time.Now)
	a := r.post("/v1/payments", pans["payer"], goodPayment)
	r.want(a, 504, "unknown", "unknown")
	again := r.post("/v1/payments", pans["payer"], "{")
	r.want(again, 409, "pending", "unknown")
	if !strings.Contains(readFile(t, filepath.Join(r.dir, "outcomes")), pans["payer"]) {
		t.Error("the account does not know by what to ask")
	}
	for place, text := range map[string]string{"log": r.log.String(), "answers": a.body + again.body, "access log": logged()} {
		if shows(text, pans["payer"]) {
			t.Errorf("the identity is shown in %s: %s", place, text)
		}
	}
}
