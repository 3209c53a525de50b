package intake

import (
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast/internal/alert"
)

// sound fails for an alert that could not be stored.
func sound(t *testing.T, in alert.Incoming) {
	t.Helper()
	c := in.Clean()
	size := len(c.Link) + len(c.Fingerprint)
	for _, m := range []map[string]string{c.Labels, c.Annotations} {
		for k, v := range m {
			size += len(k) + len(v)
			if !utf8.ValidString(v) {
				t.Fatalf("%q is not text", v)
			}
		}
	}
	if size > 200<<10 || len(c.Fingerprint) > 64 {
		t.Fatalf("%d bytes, fingerprint %q", size, c.Fingerprint)
	}
}

func FuzzDecodePagerDuty(f *testing.F) {
	f.Add([]byte(`{"routing_key":"k","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"info","custom_details":[1,{"a":null}]}}`))
	f.Add([]byte(`{"event_action":"resolve"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if p, err := DecodePagerDuty(body, key); err == nil && len(p.Errors) == 0 {
			sound(t, p.Alert)
		}
	})
}

func FuzzDecodeCloudEvents(f *testing.F) {
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","data":"x"}`), "application/cloudevents+json", "")
	f.Add([]byte(`[{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"eA=="}]`), "application/cloudevents-batch+json", "")
	f.Add([]byte(`text`), "text/plain", "a%20b")
	f.Fuzz(func(t *testing.T, body []byte, kind, source string) {
		h, names := headers("content-type", kind)
		if source != "" {
			h, names = headers("content-type", kind, "ce-id", "1", "ce-source", source, "ce-type", "t", "ce-specversion", "1.0")
		}
		d, err := DecodeCloudEvents(body, names, h.Get)
		if err != nil {
			return
		}
		for _, in := range d.Members {
			sound(t, in)
		}
	})
}

func FuzzMapping(f *testing.F) {
	f.Add(`body["a"]`, `channel=lower(body["b"])`, []byte(`{"a":"x","b":"Y"}`), false)
	f.Add(`body["a"] + 1`, `=`, []byte(`a=1&b=2`), true)
	f.Fuzz(func(t *testing.T, src, label string, body []byte, form bool) {
		w, err := CompileMapping(Mapping{Name: "m", Summary: src, Key: src, Labels: []string{label}})
		if err != nil {
			return
		}
		if in, ok, err := w.Alert(body, form); err == nil && ok {
			sound(t, in)
		}
	})
}

func FuzzDecodeMail(f *testing.F) {
	f.Add([]byte(mailText))
	f.Add([]byte("From: a@b.example\r\nContent-Type: text/html; charset=big5\r\n\r\n<p>\xa4\xa4</p>"))
	f.Fuzz(func(t *testing.T, content []byte) {
		in, from, err := DecodeMail(content)
		if err != nil {
			return
		}
		if !strings.Contains(from, "@") {
			t.Fatalf("the sender is %q", from)
		}
		sound(t, in)
	})
}
