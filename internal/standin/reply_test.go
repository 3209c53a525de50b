package standin_test

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"holdfast/internal/standin"
)

func TestReplies(t *testing.T) {
	t.Parallel()
	own := standin.Reply{Route: "pay", Status: 201, Body: `{"state":"approved","id":"{identity}","amount":{amount},"currency":"{currency}"}`}
	other := standin.Reply{Status: 200, Body: `{}`}
	p := aProfile()
	p.Replies = []standin.Reply{other, own}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	for route, want := range map[string]standin.Reply{"pay": own, "pay-card": other, "": other} {
		if got, ok := p.Reply(route); !ok || got != want {
			t.Errorf("%q is answered %v", route, got)
		}
	}
	p.Replies = p.Replies[1:]
	if _, ok := p.Reply("pay-card"); ok {
		t.Error("a route without an answer has one")
	}
	if got := string(own.Fill("p1", 1250, "CNY")); got != `{"state":"approved","id":"p1","amount":1250,"currency":"CNY"}` {
		t.Error(got)
	}
	for name, a := range map[string]standin.Reply{
		"a refusal":              {Status: 402, Body: `{}`},
		"no JSON":                {Status: 200, Body: `approved`},
		"nothing":                {Status: 200},
		"two lines":              {Status: 200, Body: "{\n}"},
		"the identity as a name": {Status: 200, Body: `{"id":{identity}}`},
		"another name":           {Status: 200, Body: `{"id":"{payer}"}`},
		"the route twice":        own,
	} {
		p.Replies = []standin.Reply{own, a}
		if p.Check() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p.Replies = make([]standin.Reply, 65)
	if p.Check() == nil {
		t.Error("65 replies are taken")
	}
}

// Whatever a client chose as its identity, the answer says what the plan wrote.
func TestIdentityStaysInItsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.String().Draw(t, "identity")
		a := standin.Reply{Status: 200, Body: `{"id":"{identity}","state":"approved"}`}
		var got map[string]string
		if err := json.Unmarshal(a.Fill(identity, 1, "CNY"), &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got["state"] != "approved" || utf8.ValidString(identity) && got["id"] != identity {
			t.Fatalf("%q gives %v", identity, got)
		}
	})
}
