package e2e_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"holdfast"
)

// A person registers a browser for notices and removes it again. The push services are
// on the internet: what they would give the browser is put into the form by hand, all
// else is the browser's own.
func TestPush(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			b := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-push"), "author", lang)
			b.open("/account")
			b.shoot("95-devices-none")
			b.evaluate(`(navigator.serviceWorker.register("/service-worker.js").then((r) => { window.worker = r.scope }, (e) => { window.worker = String(e) }), "")`)
			b.waitUntil("the worker is taken", "window.worker !== undefined")
			if got, want := b.evaluate("window.worker"), w.ready.Console+"/"; got != want {
				t.Errorf("the worker's scope is %s, want %s", got, want)
			}

			// Nobody at this browser allows notifications, and the page says so.
			b.do("press the button", click("#devices button.main"))
			b.waitFor("#devices [role=status]:not([hidden])")

			key, err := ecdh.P256().GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			text := base64.RawURLEncoding.EncodeToString
			post := func(endpoint string) {
				b.evaluate(fmt.Sprintf(`(() => { const f = document.querySelector("form[data-push-key]"); f.elements.label.value = "值班手機 duty phone";
					f.elements.endpoint.value = %q; f.elements.p256dh.value = %q; f.elements.auth.value = %q; f.submit(); })()`,
					endpoint, text(key.PublicKey().Bytes()), text(make([]byte, 16))))
			}
			post("https://169.254.169.254/latest")
			b.waitFor(".note.bad[role=alert]")
			b.open("/account")
			if n := b.count("#devices tbody tr"); n != 0 {
				t.Errorf("a place inside was taken for a push service\n%s", b.page())
			}
			post("https://fcm.googleapis.com/fcm/send/s3cret-capability")
			b.waitFor("#devices tbody tr")
			b.shoot("96-devices")
			id := b.evaluate("document.querySelector('#devices tbody code').textContent")

			b.open("/people/xu.bianzhi")
			if page := b.page(); !strings.Contains(page, id) || strings.Contains(page, "s3cret") {
				t.Errorf("the person's page does not show the device, or shows too much\n%s", page)
			}
			b.open("/account")
			b.press("#devices tbody form button")
			b.waitGone("#devices tbody tr")
			b.open("/people/xu.bianzhi")
			if page := b.page(); strings.Contains(page, id) {
				t.Errorf("the device is still a contact\n%s", page)
			}
		})
	}
}
