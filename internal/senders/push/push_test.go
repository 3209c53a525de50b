package push

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/device"
	"holdfast/internal/notify"
)

const (
	id      = "d-0123456789abcdef"
	secret  = "/send/s3cretcapability"
	subject = "mailto:ops@example.org"
)

var b64 = base64.RawURLEncoding

// browser is the far end of a subscription: it decrypts as RFC 8291 says.
type browser struct {
	key  *ecdh.PrivateKey
	auth []byte
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{key, make([]byte, 16)}
	rand.Read(b.auth)
	return b
}

func (b *browser) at(endpoint string) device.Subscription {
	return device.Subscription{Endpoint: endpoint, P256DH: b64.EncodeToString(b.key.PublicKey().Bytes()), Auth: b64.EncodeToString(b.auth)}
}

func (b *browser) decrypt(body []byte) ([]byte, error) {
	if len(body) < 86 || body[20] != 65 || int(binary.BigEndian.Uint32(body[16:])) < len(body)-86 {
		return nil, errors.New("not one record of aes128gcm")
	}
	salt, sender, sealed := body[:16], body[21:86], body[86:]
	public, err := ecdh.P256().NewPublicKey(sender)
	if err != nil {
		return nil, err
	}
	shared, err := b.key.ECDH(public)
	if err != nil {
		return nil, err
	}
	derive := func(secret, salt []byte, info string, n int) []byte {
		out, e := hkdf.Key(sha256.New, secret, salt, info, n)
		err = errors.Join(err, e)
		return out
	}
	ikm := derive(shared, b.auth, "WebPush: info\x00"+string(b.key.PublicKey().Bytes())+string(sender), 32)
	key, nonce := derive(ikm, salt, "Content-Encoding: aes128gcm\x00", 16), derive(ikm, salt, "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	plain, err := gcm.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, err
	}
	text, ok := strings.CutSuffix(strings.TrimRight(string(plain), "\x00"), "\x02")
	if !ok {
		return nil, errors.New("the last record's padding is wrong")
	}
	return []byte(text), nil
}

// signed checks a VAPID header and returns what it says.
func signed(header, public string) (claims map[string]any, err error) {
	rest, ok := strings.CutPrefix(header, "vapid t=")
	token, key, both := strings.Cut(rest, ", k=")
	parts := strings.Split(token, ".")
	if !ok || !both || key != public || len(parts) != 3 {
		return nil, errors.New("not signed with the key: " + header)
	}
	point, err := b64.DecodeString(key)
	if err != nil {
		return nil, err
	}
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return nil, err
	}
	signature, err := b64.DecodeString(parts[2])
	if err != nil || len(signature) != 64 {
		return nil, errors.New("the signature has another length")
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(k, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		return nil, errors.New("the signature is wrong")
	}
	body, err := b64.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	return claims, json.Unmarshal(body, &claims)
}

// devices has one device.
type devices struct {
	sub  device.Subscription
	err  error
	mu   sync.Mutex
	gone []string
}

func (d *devices) Subscription(context.Context, string) (device.Subscription, error) {
	return d.sub, d.err
}

func (d *devices) MarkGone(_ context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gone = append(d.gone, id)
	return nil
}

func sender(t *testing.T, d *devices, limit time.Duration) *Sender {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Devices: d, Key: key, Subject: subject, Page: func(incident string) string { return "/incidents/" + incident }, Now: time.Now, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message() notify.Message {
	return notify.Message{Attempt: 1, Asked: time.Now(), Notice: notify.Notice{
		ID: strings.Repeat("5f", 16), Incident: "2026-0001", Address: id, Lang: holdfast.ZhHant, Subject: "【演練】一級事件", Body: "a link that acts: https://x/acknowledge", Drill: true,
	}}
}

func service(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestSend(t *testing.T) {
	t.Parallel()
	for _, urgent := range []bool{true, false} {
		b, got, header := newBrowser(t), []byte(nil), http.Header{}
		url := service(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			var err error
			if got, err = b.decrypt(body); err != nil || r.Method != http.MethodPost || r.URL.Path != secret {
				t.Errorf("%s %s: %v", r.Method, r.URL, err)
			}
			header = r.Header.Clone()
			w.WriteHeader(http.StatusCreated)
		})
		s := sender(t, &devices{sub: b.at(url + secret)}, 0)
		m := message()
		m.Urgent = urgent
		if o := s.Send(t.Context(), m); o.Result != notify.Sent || o.Detail != "201 Created" {
			t.Fatalf("%+v", o)
		}
		want := payload{m.ID, m.Subject, m.Incident, "/incidents/2026-0001", m.Lang, urgent, true}
		var p payload
		if err := json.Unmarshal(got, &p); err != nil || p != want || strings.Contains(string(got), "acknowledge") {
			t.Errorf("%s, want %+v", got, want)
		}
		life, urgency := "7200", "normal"
		if urgent {
			life, urgency = "43200", "high"
		}
		for name, want := range map[string]string{"TTL": life, "Urgency": urgency, "Topic": m.ID, "Content-Encoding": "aes128gcm"} {
			if header.Get(name) != want {
				t.Errorf("%s: %q, want %q", name, header.Get(name), want)
			}
		}
		if claims, err := signed(header.Get("Authorization"), s.public); err != nil || claims["aud"] != url || claims["sub"] != subject {
			t.Errorf("%v, %v", claims, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct {
		result notify.Result
		gone   bool
	}{
		200: {notify.Sent, false}, 202: {notify.Sent, false}, 400: {notify.Refused, false}, 403: {notify.Retry, false}, 404: {notify.Refused, true},
		410: {notify.Refused, true}, 413: {notify.Refused, false}, 429: {notify.Retry, false}, 307: {notify.Retry, false}, 503: {notify.Retry, false},
	} {
		d := &devices{}
		url := service(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(status)
			io.WriteString(w, "no such endpoint "+d.sub.Endpoint)
		})
		d.sub = newBrowser(t).at(url + secret)
		o := sender(t, d, 0).Send(t.Context(), message())
		if gone := len(d.gone) == 1 && d.gone[0] == id; o.Result != want.result || gone != want.gone || o.Detail == "" || strings.Contains(o.Detail, "s3cret") {
			t.Errorf("%d: %+v, gone %v", status, o, d.gone)
		}
		if o.Result == notify.Retry && o.After != 7*time.Second {
			t.Errorf("%d: again after %s", status, o.After)
		}
	}
}

func TestHowFarItCame(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent := service(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	b := newBrowser(t)
	for name, tt := range map[string]struct {
		ctx  context.Context
		d    *devices
		want notify.Result
	}{
		"no answer":      {ctx, &devices{sub: b.at(silent + secret)}, notify.Unsure},
		"nobody listens": {t.Context(), &devices{sub: b.at("http://127.0.0.1:1" + secret)}, notify.Retry},
		"removed":        {t.Context(), &devices{err: device.Unknown(id)}, notify.Refused},
		"not read":       {t.Context(), &devices{err: holdfast.Errorf(holdfast.Unavailable, "the journal is closed")}, notify.Retry},
		"not a key":      {t.Context(), &devices{sub: device.Subscription{Endpoint: silent + secret, P256DH: "AAAA", Auth: "AAAA"}}, notify.Refused},
	} {
		if o := sender(t, tt.d, 0).Send(tt.ctx, message()); o.Result != tt.want || o.Detail == "" || strings.Contains(o.Detail, "s3cret") {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

// The longest subject that there can be fits, and a card number in it does not show.
func TestTitle(t *testing.T) {
	t.Parallel()
	b, got := newBrowser(t), []byte(nil)
	url := service(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, _ = b.decrypt(body)
	})
	s := sender(t, &devices{sub: b.at(url + secret)}, 0)
	for _, subject := range []string{strings.Repeat("級", 2000), strings.Repeat("\"", 300), "card 4111 1111 1111 1111"} {
		m := message()
		m.Subject = subject
		var p payload
		if o := s.Send(t.Context(), m); o.Result != notify.Sent || json.Unmarshal(got, &p) != nil || p.Title == "" || len(got) > 3993 || strings.Contains(p.Title, "1111 1111") {
			t.Errorf("%.20s: %+v, %s", subject, o, got)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	page := func(string) string { return "/" }
	for _, o := range []Options{{}, {Devices: &devices{}, Page: page, Key: "short", Now: time.Now}, {Devices: &devices{}, Page: page, Key: b64.EncodeToString(make([]byte, 32)), Now: time.Now}} {
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
