package alert

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/payment"
)

// payload writes a webhook with these members.
func payload(members ...string) []byte {
	return fmt.Appendf(nil, `{"version":"4","groupKey":"g","status":"firing","alerts":[%s]}`, strings.Join(members, ","))
}

func decode(t testing.TB, body []byte) Delivery {
	t.Helper()
	d, err := DecodeAlertmanager(body)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecodeRealPayload(t *testing.T) {
	t.Parallel()
	body, err := os.ReadFile("testdata/v0.25.json")
	if err != nil {
		t.Fatal(err)
	}
	d := decode(t, body)
	if len(d.Members) != 2 || d.Cut != 0 || d.Group == "" || strings.Contains(d.Group, "{") {
		t.Fatalf("decoded %+v", d)
	}
	one, two := d.Members[0], d.Members[1]
	if one.Resolved || !one.EndsAt.IsZero() || one.Fingerprint != "8ef1ac2b3c4d5e6f" || one.Labels["bank"] != "A" || one.StartsAt.Nanosecond() != 123456789 {
		t.Errorf("the first is %+v", one)
	}
	// The group fires, the member does not.
	if !two.Resolved || !two.EndsAt.Equal(time.Date(2026, 11, 24, 2, 59, 0, 0, time.UTC)) {
		t.Errorf("the second is %+v", two)
	}
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	id := func(member string) string { return decode(t, payload(member)).Members[0].ID() }
	const one = `{"status":"firing","fingerprint":"f1","startsAt":"2026-11-24T03:00:00Z","labels":{"a":"b"}}`
	for name, same := range map[string]string{
		"resolved":          `{"status":"resolved","fingerprint":"f1","startsAt":"2026-11-24T03:00:00Z","endsAt":"2026-11-24T03:01:00Z"}`,
		"another zone":      `{"status":"firing","fingerprint":"f1","startsAt":"2026-11-24T11:00:00+08:00"}`,
		"other annotations": `{"status":"firing","fingerprint":"f1","startsAt":"2026-11-24T03:00:00Z","annotations":{"value":"3"}}`,
	} {
		if id(same) != id(one) {
			t.Errorf("%s is taken for another alert", name)
		}
	}
	for name, other := range map[string]string{
		"another start":       `{"status":"firing","fingerprint":"f1","startsAt":"2026-11-24T03:00:00.000000001Z"}`,
		"another fingerprint": `{"status":"firing","fingerprint":"f2","startsAt":"2026-11-24T03:00:00Z"}`,
		"no fingerprint":      `{"status":"firing","startsAt":"2026-11-24T03:00:00Z","labels":{"a":"b"}}`,
	} {
		if id(other) == id(one) {
			t.Errorf("%s is taken for the same alert", name)
		}
	}
	// Without a fingerprint the label set is the identity.
	a := id(`{"status":"firing","startsAt":"2026-11-24T03:00:00Z","labels":{"a":"b","c":"d"}}`)
	if b := id(`{"status":"firing","startsAt":"2026-11-24T03:00:00Z","labels":{"c":"d","a":"b"}}`); a != b {
		t.Error("the order of labels makes another alert")
	}
	if b := id(`{"status":"firing","startsAt":"2026-11-24T03:00:00Z","labels":{"a":"bc","d":""}}`); a == b {
		t.Error("other labels make the same alert")
	}
}

// What one member lacks must not cost the others, and never makes an alert
// quieter than it may be.
func TestDecodeIncomplete(t *testing.T) {
	t.Parallel()
	d := decode(t, []byte(`{"version":"4","unknown":{"a":[1]},"alerts":[
		{}, {"status":"pending","startsAt":"yesterday"}, {"status":"firing","startsAt":null,"endsAt":7},
		{"status":"resolved","fingerprint":"f","startsAt":"2026-11-24T03:00:00Z","endsAt":"0001-01-01T00:00:00Z"},
		{"status":"firing","fingerprint":"f","startsAt":"2026-11-24T03:00:00Z","endsAt":"2026-11-24T04:00:00Z"}]}`))
	if len(d.Members) != 5 {
		t.Fatalf("decoded %+v", d)
	}
	for i, in := range d.Members {
		if in.Resolved != (i == 3) || !in.EndsAt.IsZero() || in.Fingerprint == "" || (i < 3) != in.StartsAt.IsZero() {
			t.Errorf("member %d is %+v", i, in)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		``, `null`, `[]`, `{`, `{"version":"3","alerts":[]}`, `{"alerts":[]}`, `{"version":4,"alerts":[]}`, `{"version":"4","alerts":{}}`,
		`{"version":"4","alerts":[{"labels":{"a":1}}]}`,
	} {
		if _, err := DecodeAlertmanager([]byte(body)); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestDecodeCut(t *testing.T) {
	t.Parallel()
	for n, want := range map[string]int{"0": 0, "3": 3, "-4": 0, "9000000000000000000": maxCut} {
		if d := decode(t, []byte(`{"version":"4","truncatedAlerts":`+n+`}`)); d.Cut != want {
			t.Errorf("%s members cut are %d", n, d.Cut)
		}
	}
	many := strings.Repeat(`{"status":"firing"},`, maxMembers+6) + `{}`
	if d := decode(t, payload(many)); len(d.Members) != maxMembers || d.Cut != 7 {
		t.Errorf("%d members, %d cut", len(d.Members), d.Cut)
	}
}

// No text of an alert holds a card number once it is decided on, and none is so
// long that it cannot be stored.
func TestMaskedAndBounded(t *testing.T) {
	t.Parallel()
	const card = "6222021234567890123"
	long := strings.Repeat("長", 3000)
	in := Incoming{
		Source: "alertmanager", Fingerprint: "f", Link: "http://p/?card=" + card,
		Labels:      map[string]string{"alertname": "Fail", card: "x", "pan": card},
		Annotations: map[string]string{"summary": "card 6222 0212 3456 7890 123 fails", "aaa": long},
	}
	for i := range 40 {
		in.Annotations[fmt.Sprint("more-", i)] = long
	}
	id := in.ID()
	draft := Receive(nil, in)[0]
	if strings.Contains(string(draft.Body), "123456789") || strings.Contains(string(draft.Body), "3456 7890") {
		t.Errorf("stored is %.500s", draft.Body)
	}
	if draft.Subject != subject(id) {
		t.Error("masking changed the identity")
	}
	var got Incoming
	if err := json.Unmarshal(draft.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Annotations["summary"] == "" || got.Labels["alertname"] != "Fail" || got.size() > 2*maxTexts+maxValue {
		t.Errorf("%d bytes are left, the summary is %q", got.size(), got.Annotations["summary"])
	}
	for k, v := range got.Annotations {
		if len(v) > maxValue || !utf8.ValidString(v) || len(v) > 1000 && !strings.HasSuffix(v, "…") {
			t.Errorf("%s has %d bytes and ends with %q", k, len(v), v[len(v)-6:])
		}
	}
	if in.Link = strings.Repeat("x", maxValue+1); in.masked().Link != "" {
		t.Error("half a link is kept")
	}
}

func FuzzDecodeAlertmanager(f *testing.F) {
	real, err := os.ReadFile("testdata/v0.25.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(real)
	f.Add(payload(`{"status":"resolved","endsAt":"9999-12-31T23:59:59.999999999+14:00"}`))
	f.Add(payload(`{"fingerprint":"` + strings.Repeat("f", 100) + `","labels":{"pan":"4111111111111111"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := DecodeAlertmanager(body)
		if err != nil {
			if holdfast.CodeOf(err) == holdfast.Internal {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if d.Cut < 0 || len(d.Members) > maxMembers {
			t.Fatalf("%d members, %d cut", len(d.Members), d.Cut)
		}
		for _, in := range d.Members {
			draft := Receive(nil, in)[0]
			if len(draft.Body) > 1<<20 || draft.Subject != subject(in.ID()) || len(in.Fingerprint) > maxFingerprint {
				t.Fatalf("%d bytes, subject %s", len(draft.Body), draft.Subject)
			}
			// What is stored says the same when it is read back, and is masked.
			var back Incoming
			if err := json.Unmarshal(draft.Body, &back); err != nil {
				t.Fatal(err)
			}
			if again := back.masked(); !maps.Equal(again.Labels, back.Labels) && len(again.Labels) == len(back.Labels) {
				t.Fatalf("masking again changes %v to %v", back.Labels, again.Labels)
			}
			for _, m := range []map[string]string{back.Labels, back.Annotations} {
				for k, v := range m {
					if payment.Mask(k) != k || payment.Mask(v) != v {
						t.Fatalf("%q: %q is not masked", k, v)
					}
				}
			}
			if back.ID() != in.ID() && in.Fingerprint == back.Fingerprint && in.StartsAt.Equal(back.StartsAt) {
				t.Fatal("the stored alert has another identity")
			}
		}
	})
}
