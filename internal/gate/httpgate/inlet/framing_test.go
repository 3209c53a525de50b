package inlet

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

const most = 1 << 10

// followed feeds bytes in pieces of a size and returns what was passed on.
func followed(input string, piece int) (passed string, fault Fault, f *follower) {
	f = &follower{most: most}
	for rest := input; len(rest) > 0 && fault == ""; {
		n := min(piece, len(rest))
		var took int
		took, fault = f.next([]byte(rest[:n]))
		passed += rest[:took]
		rest = rest[n:]
	}
	return passed, fault, f
}

func get(headers ...string) string {
	return "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func TestRefused(t *testing.T) {
	t.Parallel()
	chunked := "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
	tests := []struct {
		name, request string
		fault         Fault
	}{
		{"two lengths", get("Content-Length: 2", "Content-Length: 2"), FaultHead},
		{"two different lengths", get("Content-Length: 2", "Content-Length: 3"), FaultHead},
		{"a list of lengths", get("Content-Length: 2, 2"), FaultHead},
		{"a length with a sign", get("Content-Length: +2"), FaultHead},
		{"a length below zero", get("Content-Length: -2"), FaultHead},
		{"a length in hex", get("Content-Length: 0x2"), FaultHead},
		{"a length with a space in it", get("Content-Length: 1 2"), FaultHead},
		{"an empty length", get("Content-Length:"), FaultHead},
		{"a length too long", get("Content-Length: 18446744073709551618"), FaultHead},
		{"a length beside a coding", get("Content-Length: 2", "Transfer-Encoding: chunked"), FaultHead},
		{"a coding beside a length", get("Transfer-Encoding: chunked", "Content-Length: 2"), FaultHead},
		{"two codings", get("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), FaultHead},
		{"a list of codings", get("Transfer-Encoding: gzip, chunked"), FaultHead},
		{"identity", get("Transfer-Encoding: identity"), FaultHead},
		{"a coding with a parameter", get("Transfer-Encoding: chunked;x"), FaultHead},
		{"a coding misspelt", get("Transfer-Encoding: xchunked"), FaultHead},
		{"a coding in quotes", get(`Transfer-Encoding: "chunked"`), FaultHead},
		{"a coding behind a vertical tab", get("Transfer-Encoding:\vchunked"), FaultHead},
		{"an empty coding", get("Transfer-Encoding:"), FaultHead},
		{"a coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", FaultHead},
		{"a folded line", get("X-A: 1", " 2"), FaultHead},
		{"a folded line with a tab", get("X-A: 1", "\t2"), FaultHead},
		{"a folded coding", get("Transfer-Encoding:", " chunked"), FaultHead},
		{"a first line that is folded", "GET / HTTP/1.1\r\n X-A: 1\r\nHost: x\r\n\r\n", FaultHead},
		{"a space before the colon", get("Content-Length : 2"), FaultHead},
		{"a tab before the colon", get("Content-Length\t: 2"), FaultHead},
		{"a space in a name", get("Content Length: 2"), FaultHead},
		{"a name of nothing", get(": 2"), FaultHead},
		{"no colon", get("Content-Length"), FaultHead},
		{"a name with a NUL", get("X\x00A: 2"), FaultHead},
		{"a name with a bracket", get("X(A): 2"), FaultHead},
		{"a name with a letter of another script", get("Ｘ: 2"), FaultHead},
		{"a value with a NUL", get("X-A: \x00"), FaultHead},
		{"a value with a CR", get("X-A: 1\r2"), FaultHead},
		{"a value with a DEL", get("X-A: \x7f"), FaultHead},
		{"a bare LF behind the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", FaultHead},
		{"a bare LF behind a header", "GET / HTTP/1.1\r\nHost: x\nX-A: 1\r\n\r\n", FaultHead},
		{"two bare LFs before the end", "GET / HTTP/1.1\r\nHost: x\n\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"bare LFs and no other end", "GET / HTTP/1.1\nHost: x\n\n", FaultHead},
		{"a bare CR behind a header", "GET / HTTP/1.1\r\nHost: x\rX-A: 1\r\n\r\n", FaultHead},
		{"an empty line first", "\r\n" + get(), FaultHead},
		{"a bare LF first", "\n" + get(), FaultHead},
		{"a space first", " " + get(), FaultHead},
		{"no host", "GET / HTTP/1.1\r\n\r\n", FaultHead},
		{"an empty host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", FaultHead},
		{"two hosts", get("Host: x"), FaultHead},
		{"a host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", FaultHead},
		{"a host with a user", "GET / HTTP/1.1\r\nHost: a@x\r\n\r\n", FaultHead},
		{"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"a target that is not ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"a method with a colon", "G:T / HTTP/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"no version", "GET /\r\nHost: x\r\n\r\n", FaultHead},
		{"HTTP/0.9", "GET / HTTP/0.9\r\nHost: x\r\n\r\n", FaultHead},
		{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", FaultHead},
		{"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", FaultHead},
		{"a version in small letters", "GET / http/1.1\r\nHost: x\r\n\r\n", FaultHead},
		{"a space behind the version", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", FaultHead},
		{"a head too large", get("X-A: " + strings.Repeat("a", most)), FaultLarge},
		{"a head without end", "GET /" + strings.Repeat("a", 2*most), FaultLarge},
		{"too many headers", get(slices.Repeat([]string{"A:b"}, maxFields+1)...), FaultLarge},
		{"a TLS hello", "\x16\x03\x01\x02\x00\x01\x00", FaultHead},

		{"a chunk without a size", chunked + "\r\n", FaultChunk},
		{"a size that is none", chunked + "zz\r\n", FaultChunk},
		{"a size with 0x", chunked + "0x1\r\na\r\n0\r\n\r\n", FaultChunk},
		{"a size with a sign", chunked + "-1\r\n", FaultChunk},
		{"a size too large", chunked + "100000000\r\n", FaultChunk},
		{"a size that turns to zero", chunked + "0000000000000000000\r\n\r\n", FaultChunk},
		{"a space behind the size", chunked + "1 \r\na\r\n0\r\n\r\n", FaultChunk},
		{"an extension", chunked + "1;a=b\r\na\r\n0\r\n\r\n", FaultChunk},
		{"an extension of the last chunk", chunked + "0;a\r\n\r\n", FaultChunk},
		{"a bare LF behind the size", chunked + "1\na\r\n0\r\n\r\n", FaultChunk},
		{"a bare CR behind the size", chunked + "1\r\ra", FaultChunk},
		{"a chunk longer than its size", chunked + "1\r\nab\r\n0\r\n\r\n", FaultChunk},
		{"a bare LF behind the chunk", chunked + "1\r\na\n0\r\n\r\n", FaultChunk},
		{"a trailer", chunked + "0\r\nX-A: 1\r\n\r\n", FaultChunk},
		{"a bare LF behind the last chunk", chunked + "0\r\n\n", FaultChunk},
	}
	for _, test := range tests {
		for _, piece := range []int{1, 3, 7, 1 << 20} {
			passed, fault, _ := followed(test.request, piece)
			if fault != test.fault {
				t.Errorf("%s, in pieces of %d: fault %q, passed %q", test.name, piece, fault, passed)
			}
			// A server must not have got a head, or a last chunk, that is at fault.
			if fault == FaultHead && strings.HasSuffix(passed, "\r\n\r\n") {
				t.Errorf("%s, in pieces of %d: the head was passed on", test.name, piece)
			}
		}
	}
}

func TestTaken(t *testing.T) {
	t.Parallel()
	tests := []string{
		get(),
		get("X-A:1", "X-A: \t2 ", "x-!#$%&'*+.^_`|~: \xe9", "X-Empty:"),
		"GET / HTTP/1.0\r\n\r\n",
		"POST http://x/a HTTP/1.1\r\nHost: x:80\r\ncontent-LENGTH: 5\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 05\r\n\r\nhello",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n00000A\r\n0123456789\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		get("X-A: " + strings.Repeat("a", most-40)),
	}
	whole := strings.Join(tests, "")
	for _, input := range append(tests, whole, whole+whole) {
		for _, piece := range []int{1, 2, 5, 64, 1 << 20} {
			passed, fault, f := followed(input, piece)
			if fault != "" || passed != input || !f.idle() {
				t.Errorf("%q in pieces of %d: fault %q, %d of %d bytes passed, idle %t", input, piece, fault, len(passed), len(input), f.idle())
			}
		}
	}
	// A fault in the second request does not hold up the first.
	if passed, fault, _ := followed(get()+get("X : 1"), 1<<20); passed != get() || fault != FaultHead {
		t.Errorf("passed %q, fault %q", passed, fault)
	}
}

// reading is one request as a parser understands it.
type reading struct {
	method, target, host, body string
	header                     []string
	rest                       string
}

func (r reading) String() string {
	return fmt.Sprintf("%s %s at %s\n%s\n%q, then %q", r.method, r.target, r.host, strings.Join(r.header, "\n"), r.body, r.rest)
}

func byNetHTTP(input string) (r reading, err error) {
	in := bufio.NewReader(strings.NewReader(input))
	req, err := http.ReadRequest(in)
	if err != nil {
		return r, err
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return r, err
	}
	rest, err := io.ReadAll(in)
	r = reading{method: req.Method, target: req.RequestURI, host: req.Host, body: string(body), rest: string(rest)}
	for name, values := range req.Header {
		for _, v := range values {
			r.header = append(r.header, strings.ToLower(name)+": "+v)
		}
	}
	slices.Sort(r.header)
	return r, err
}

func byFasthttp(input string) (r reading, err error) {
	in := bufio.NewReaderSize(strings.NewReader(input), 1<<16)
	var req fasthttp.Request
	req.Header.DisableNormalizing()
	if err := req.Header.Read(in); err != nil {
		return r, err
	}
	if err := req.ContinueReadBody(in, 1<<20, false); err != nil {
		return r, err
	}
	rest, err := io.ReadAll(in)
	r = reading{method: string(req.Header.Method()), target: string(req.Header.RequestURI()), host: string(req.Header.Host()), body: string(req.Body()), rest: string(rest)}
	for name, v := range req.Header.All() {
		switch low := strings.ToLower(string(name)); low {
		case "host", "content-length", "transfer-encoding", "connection", "cookie", "trailer":
		default:
			r.header = append(r.header, low+": "+string(v))
		}
	}
	slices.Sort(r.header)
	return r, err
}

// Whatever the follower takes, net/http and fasthttp take too and read alike, to
// the byte at which the next request begins. Whatever they read differently, the
// follower refuses.
func FuzzFraming(f *testing.F) {
	for _, seed := range []string{
		get(), get("Content-Length: 2") + "ab" + get(), get("Transfer-Encoding: chunked") + "1\r\na\r\n0\r\n\r\n" + get(),
		get("X-A: 1", " 2"), get("X : 1"), "GET / HTTP/1.1\nHost: x\n\n", get("Content-Length: 1", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		get("Transfer-Encoding: chunked") + "1;a\r\na\r\n0\r\nA: b\r\n\r\n", "POST http://a@x:80/?#b HTTP/1.0\r\nHost: x\r\n\r\n",
		get("Connection: close", "Cookie: a=b", "Expect: 100-continue", "Trailer: A"), "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", get("Content-Length: \t05 ") + "hello",
	} {
		f.Add([]byte(seed), uint8(7))
	}
	f.Fuzz(func(t *testing.T, input []byte, piece uint8) {
		if len(input) > 4*most {
			return
		}
		flow := &follower{most: most}
		ends := -1 // where the first request ends
		passed, fault := 0, Fault("")
		for passed < len(input) && fault == "" && ends < 0 {
			// Byte by byte, to see where a request ends.
			var n int
			n, fault = flow.next(input[passed : passed+1])
			passed += n
			if n == 1 && flow.idle() {
				ends = passed
			}
		}
		_, inPieces, _ := followed(string(input), int(piece)+1)
		if fault != "" && inPieces != fault {
			t.Fatalf("byte by byte the fault is %q, in pieces of %d it is %q", fault, int(piece)+1, inPieces)
		}
		if ends < 0 {
			return
		}
		compare(t, string(input[:ends]))
	})
}

func compare(t *testing.T, request string) {
	t.Helper()
	const next = "GET /next HTTP/1.1\r\nHost: y\r\n\r\n"
	std, err := byNetHTTP(request + next)
	if err != nil {
		// What the standard server refuses at the target is refused by the gate's
		// stages too: see the table of targets there.
		if strings.Contains(err.Error(), "parse ") || strings.Contains(err.Error(), "invalid URI") {
			return
		}
		t.Fatalf("taken, but net/http refuses it: %v\n%q", err, request)
	}
	if std.rest != next {
		t.Fatalf("net/http ends the request elsewhere: %q is left of %q", std.rest, request)
	}
	fast, err := byFasthttp(request + next)
	if err != nil {
		if strings.Contains(err.Error(), "request uri") || strings.Contains(err.Error(), "trailer") {
			return
		}
		t.Fatalf("taken, but fasthttp refuses it: %v\n%q", err, request)
	}
	std.header = slices.DeleteFunc(std.header, func(h string) bool {
		name, _, _ := strings.Cut(h, ":")
		return slices.Contains([]string{"content-length", "connection", "cookie", "trailer"}, name)
	})
	if !strings.HasPrefix(std.target, "/") {
		std.host, fast.host = "", "" // absolute: the gate's stages compare the two
	}
	if !bytes.Equal([]byte(std.String()), []byte(fast.String())) {
		t.Fatalf("read in two ways:\nnet/http %s\nfasthttp %s", std, fast)
	}
}
