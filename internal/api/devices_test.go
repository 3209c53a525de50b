package api

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/device"
	"holdfast/internal/roster"
)

func TestDevices(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	by := holdfast.Self("test")
	if err := n.api.Roster.Record(t.Context(), by, roster.Person{ID: "mei", Name: "梅"}); err != nil {
		t.Fatal(err)
	}
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	id, err := n.api.Devices.Register(t.Context(), by, "mei", "phone", device.Subscription{
		Endpoint: "https://push.example.org/s3cret", P256DH: text(key.PublicKey().Bytes()), Auth: text(make([]byte, 16)),
	})
	if err != nil {
		t.Fatal(err)
	}
	reader, keeper := n.token(t, access.Read), n.token(t, access.Read, access.ManageRoster)
	if own := get[[]device.Device](t, n, reader, "/devices"); len(own) != 0 {
		t.Errorf("an account that is nobody's has %+v", own)
	}
	if w := n.call("GET", "/devices?all=true", reader, ""); w.Code != 403 {
		t.Errorf("everyone's without the right: %d", w.Code)
	}
	w := n.call("GET", "/devices?all=true", keeper, "")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, id) || strings.Contains(body, "s3cret") {
		t.Errorf("%d %s", w.Code, body)
	}
	if w := n.call("POST", "/devices/"+id+"/remove", reader, ""); w.Code != 403 {
		t.Errorf("removed without the right: %d", w.Code)
	}
	if w := n.call("POST", "/devices/"+id+"/remove", keeper, ""); w.Code != 204 && w.Code != 200 {
		t.Errorf("removed: %d %s", w.Code, w.Body)
	}
	if left := get[[]device.Device](t, n, keeper, "/devices?all=true"); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
