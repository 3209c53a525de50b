package httpgate

import (
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

func benchGate(b *testing.B, directives ...posture.Directive) *gate.Gate {
	b.Helper()
	g, err := gate.New(gate.Options{Name: "gate-1", Dir: b.TempDir(), Clock: realClock{time.Now()}, Alone: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { g.Close() })
	set := posture.Set{Head: holdfast.Head{Journal: "j", Epoch: 1, Position: 5}, Lease: time.Hour, Directives: directives}
	if _, err := g.Enforce(set); err != nil {
		b.Fatal(err)
	}
	return g
}

// One payment through the gate without its transport: Decide, Admit, Finish.
func BenchmarkAdmission(b *testing.B) {
	directives := map[string][]posture.Directive{
		"open":  nil,
		"limit": {{ID: "d1", Kind: posture.Limit, Scope: `channel in ["app", "qr"]`, Share: 1, Rates: map[string]float64{"gate-1": 1e9}}},
		"stop":  {{ID: "d1", Kind: posture.Stop, Scope: `channel == "card" && amount > 100000`}},
	}
	for name, list := range directives {
		b.Run(name, func(b *testing.B) {
			g := benchGate(b, list...)
			keys := make([]string, 1024)
			for i := range keys {
				keys[i] = "key-" + strconv.Itoa(i)
			}
			var next atomic.Uint32
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					p := payment.Payment{
						Route: "pay", Kind: payment.Pay, Read: 0x7f, Identity: keys[next.Add(1)%1024], Amount: 1299, Currency: "CNY",
						Payer: "acct_000123", Payee: "m_001", Channel: "app", Method: "card",
					}
					if v := g.Decide(&p, gate.Static); v.Action != posture.Forward {
						b.Error(v)
						return
					}
					a, v := g.Admit(&p, gate.Static)
					if v.Action != posture.Forward {
						b.Error(v)
						return
					}
					a.Finish(payment.Done, "the primary answered with status 201")
				}
			})
		})
	}
}

func BenchmarkReaders(b *testing.B) {
	tests := []struct{ name, route, body string }{
		{"json", jsonRoute, `{"payer":"acct_1","payee":"m_001","channel":"app","order":{"amount":1299,"cur/rency":"CNY"},"items":[{"sku":"1","n":2}]}`},
		{"form", formRoute, "id=k1&amount=1299&currency=CNY&payer=acct_1"},
		{"xml", xmlRoute, "<Doc><Id>k1</Id><Amt>1299</Amt><Dbtr><Acct>acct_1</Acct></Dbtr></Doc>"},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			r := routeOf(b, test.route)
			h := header("Idempotency-Key: k1")
			body := []byte(test.body)
			b.ReportAllocs()
			for b.Loop() {
				if p := r.read(h, "/p/m1/pay", "ch=app", body); !p.Read.Has(payment.Amount) {
					b.Fatal("the amount was not read")
				}
			}
		})
	}
}

// One payment over loopback: client, gate, primary. All three run in this
// process, so the allocations are theirs together.
func BenchmarkExchange(b *testing.B) {
	back := &fasthttp.Server{Handler: func(c *fasthttp.RequestCtx) {
		c.SetStatusCode(201)
		c.SetBodyString(`{"id":"p1","status":"succeeded"}`)
	}}
	listen := func(serve func(net.Listener) error) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { l.Close() })
		go serve(l)
		return l.Addr().String()
	}
	conf := gateSettings(b, listen(back.Serve))
	p, err := NewPrimary(conf, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	edge, err := New(Options{Gate: benchGate(b), Primary: p, Config: conf})
	if err != nil {
		b.Fatal(err)
	}
	addr := listen(func(l net.Listener) error { return edge.Serve(b.Context(), l, time.Second) })
	text := strings.ReplaceAll(postText("/v1/payments", "KEY", goodPayment), "KEY", "k1")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for pb.Next() {
			if _, err := c.Write([]byte(text)); err != nil {
				b.Error(err)
				return
			}
			if n, err := c.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "HTTP/1.1 201") {
				b.Errorf("answered %q, %v", buf[:n], err)
				return
			}
		}
	})
}
