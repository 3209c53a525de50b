package console

import (
	"encoding/json"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/view"
)

// Each fact names the payment, masked; what is a part of a gate's fact cannot be corrected.
func TestResolutionsInWords(t *testing.T) {
	t.Parallel()
	c, v := &Console{Zone: time.UTC}, &visit{words: locale.For(holdfast.En), zone: time.UTC}
	in := view.Incident{}
	add := func(kind, body string) {
		in.Timeline = append(in.Timeline, view.Event{Position: holdfast.Position(len(in.Timeline) + 1), At: past, Actor: mei, Kind: "resolution." + kind, Subject: "resolution/r1", Body: json.RawMessage(body)})
	}
	add("asked", `{"identity":"app/4111111111111111","amount":900,"currency":"CNY","outcome":"not-done","reason":"asked the bank","evidence":"ticket 7","two":true}`)
	add("agreed", `{}`)
	add("withdrawn", `{"reason":"a mistake"}`)
	add("carried", `{"gate":"east","outcome":"not-done","how":"a person said so, in resolution r1"}`)
	add("overtaken", `{"gate":"east","outcome":"not-done","how":"the primary's settlement file says so"}`)
	add("contradicted", `{"gate":"east","outcome":"done","how":"inquiry: the primary says it is done (status 200)"}`)
	add("counted", `{"gate":"east","outcome":"not-done","how":"a person said so, in resolution r1"}`)
	add("unlisted", `{"gate":"east","outcome":"not-done","how":"a person said so, in resolution r1"}`)
	in.Timeline = append(in.Timeline, view.Event{Kind: "resolution.asked", Subject: "resolution/r2", Body: json.RawMessage(`{"identity":"k","outcome":"done","reason":"r","evidence":"e"}`)})
	for i, want := range []struct{ text, detail string }{
		{"Payment app/411111******1111 (CNY\u00a09.00), of unknown outcome, is said to be: Not done", "asked the bank (evidence: ticket 7)"},
		{"What was said of payment app/411111******1111: a second person agreed", ""},
		{"What was said of payment app/411111******1111: withdrawn or refused", "a mistake"},
		{"What was said of payment app/411111******1111: carried out at gate east", ""},
		{"Payment app/411111******1111: gate east has another answer, the same as what was said", "By the primary's settlement file"},
		{"Payment app/411111******1111: gate east has another answer, against what was said: Done", "inquiry: the primary says it is done"},
		{"What was said of payment app/411111******1111: counted without gate east, which is gone", ""},
		{"What was said of payment app/411111******1111: counted without gate east, which has no record of it any more", ""},
		{"Payment k (–), of unknown outcome, is said to be: Done", "r (evidence: e)"},
	} {
		e := in.Timeline[i]
		text, detail, ok := resolutionFact(v.words, in, e)
		if !ok || text != want.text || detail != want.detail {
			t.Errorf("%s: %q, %q", e.Kind, text, detail)
		}
		if l := c.line(v, in, e, body{}); l.Text != want.text || l.Position != 0 != (i < 3) {
			t.Errorf("%s stands at %d: %q", e.Kind, l.Position, l.Text)
		}
	}
}
