package app

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/config"
	"holdfast/internal/gate/decider"
)

// A gate is sent its payer snapshot over TLS, and knows it after a restart.
func TestPayerFeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	token := strings.Repeat("t", 32)
	authority := feedFiles(t, dir, token)
	open := func() *Gate {
		feed := fmt.Sprintf("  feed: {listen: 127.0.0.1:0, token: \"file:%[1]s/token\", certificate: %[1]s/cert.pem, key: %[1]s/key.pem}\nroutes:\n", dir)
		settings := strings.Replace(fmt.Sprintf(standInSettings, dir, "http://127.0.0.1:9"), "routes:\n", feed, 1)
		conf, err := config.LoadGate(config.Options{Content: []byte(settings)})
		if err != nil {
			t.Fatal(err)
		}
		g, err := OpenGate(GateOptions{Config: conf, Control: &told{changed: make(chan struct{})}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	at := time.Now().UTC().Truncate(time.Second)
	for start := range 2 {
		g := open()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		base := "https://" + g.feed.Addr().String()
		if start == 0 {
			stranger, err := client.NewPayerFeed(base, token+"x", authority)
			if err != nil {
				t.Fatal(err)
			}
			if err := stranger.Do(ctx, http.MethodPut, "/payers", strings.NewReader("{}"), nil); holdfast.CodeOf(err) != holdfast.Unauthenticated {
				t.Errorf("a wrong token: %v", err)
			}
		}
		c, err := client.NewPayerFeed(base, token, authority)
		if err != nil {
			t.Fatal(err)
		}
		if start == 0 {
			text := fmt.Sprintf("{\"at\":%q}\n{\"payer\":\"anna\",\"class\":\"good\"}\n", at.Format(time.RFC3339))
			if err := c.Do(ctx, http.MethodPut, "/payers", strings.NewReader(text), nil); err != nil {
				t.Error(err)
			}
		}
		if known, err := client.Get[decider.PayersKnown](ctx, c, "/payers"); err != nil || known != (decider.PayersKnown{At: at, Payers: 1}) {
			t.Errorf("start %d: %+v, %v", start, known, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// feedFiles writes keys and a certificate, and returns who signed that.
func feedFiles(t *testing.T, dir, token string) *x509.CertPool {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	s.Close()
	pair := s.TLS.Certificates[0]
	private, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"key": []byte(strings.Repeat("k", 32)), "token": []byte(token),
		"cert.pem": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}),
		"key.pem":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return pool
}
