package journal

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

// example is the worked example of docs/formats/journal.md.
func example() (holdfast.Head, Append) {
	genesis := holdfast.Head{Journal: "0123456789abcdefghjkmnpqrs", Epoch: 1}
	genesis.Hash = Genesis(genesis.Journal)
	return genesis, Append{
		ID:    "append-1",
		Actor: holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "Lin"},
		Time:  time.Date(2026, 11, 24, 1, 30, 0, 123456000, time.UTC),
		Facts: []Draft{
			{Subject: "incident/2026-0001", Expect: 0, Kind: "incident.suspected", Body: json.RawMessage(`{"alert":"a-17"}`)},
			{Subject: "incident/2026-0001", Expect: 1, Kind: "incident.confirmed", Body: json.RawMessage(`{"level":1}`)},
		},
	}
}

// TestWorkedExample pins the chain to the hexadecimal digits in the document: a
// change of any of them orphans every journal there is.
func TestWorkedExample(t *testing.T) {
	genesis, a := example()
	facts, head := Seal(genesis, a)
	document, err := os.ReadFile("../../docs/formats/journal.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		got  holdfast.Hash
		want string
	}{
		{"genesis", genesis.Hash, "f53c796ad1c2657492380b9739596971a72f93e092aebdbc74bc2d5c8d238b31"},
		{"body 1", facts[0].BodyHash, "28d2cfd74eb5d727de5035d352179290e1e3bc7c8c9dfaa689b1294554f40dbc"},
		{"leaf 1", Leaf(facts[0]), "0789860e1dc5f8384389ce3a13d628ac4cd0d558ab37e3a20bf3fd6a9feb4d4f"},
		{"hash 1", facts[0].Hash, "65b49ba8f9acc4c1f590e216cd12832d1edf8269b958c377927fa369fe936f28"},
		{"body 2", facts[1].BodyHash, "16a5197c426cd95602315f8e3673a9738175687f7f09d44ede8144b2a9be21f3"},
		{"leaf 2", Leaf(facts[1]), "5cb25f6e58379a2620733a9dc6ea1d47f731a73b8421658129c4857828f481f5"},
		{"hash 2", head.Hash, "901da140ef12346033b8be897c350de8a2319ede98377030e6b089f1dc0e52fb"},
	} {
		if c.got.String() != c.want {
			t.Errorf("%s is %s, not %s", c.what, c.got, c.want)
		}
		if !bytes.Contains(document, []byte(c.want)) {
			t.Errorf("docs/formats/journal.md does not show %s", c.what)
		}
	}
}

// TestActorAsJSON pins the spelling of an actor that the document describes,
// which a change of the JSON encoder would alter unseen.
func TestActorAsJSON(t *testing.T) {
	for actor, want := range map[holdfast.Actor]string{
		{Kind: holdfast.System, ID: "callout"}:                      `{"kind":"system","id":"callout"}`,
		{Name: "\"\\\b\f\n\r\t\x01\x7f/", Via: "<>&\u2028\u2029林😀"}: `{"kind":"","id":"","name":"\"\\\b\f\n\r\t\u0001` + "\x7f" + `/","via":"\u003c\u003e\u0026\u2028\u2029林😀"}`,
	} {
		if got, err := json.Marshal(actor); err != nil || string(got) != want {
			t.Errorf("%s, error %v, not %s", got, err, want)
		}
	}
}

// TestVerifyFindsEveryChange changes each part of a fact in turn.
func TestVerifyFindsEveryChange(t *testing.T) {
	genesis, a := example()
	facts, _ := Seal(genesis, a)
	if err := Verify(genesis, facts[0]); err != nil {
		t.Fatal(err)
	}
	changes := map[string]func(*holdfast.Fact){
		"position":   func(f *holdfast.Fact) { f.Position++ },
		"append":     func(f *holdfast.Fact) { f.Append += "x" },
		"subject":    func(f *holdfast.Fact) { f.Subject += "x" },
		"revision":   func(f *holdfast.Fact) { f.Revision++ },
		"kind":       func(f *holdfast.Fact) { f.Kind += "x" },
		"actor kind": func(f *holdfast.Fact) { f.Actor.Kind = holdfast.System },
		"actor":      func(f *holdfast.Fact) { f.Actor.ID = "wu" },
		"name":       func(f *holdfast.Fact) { f.Actor.Name = "" },
		"token":      func(f *holdfast.Fact) { f.Actor.Via = "t" },
		"time":       func(f *holdfast.Fact) { f.Time = f.Time.Add(time.Microsecond) },
		"body":       func(f *holdfast.Fact) { f.Body = json.RawMessage(`{"alert":"a-18"}`) },
		"body hash":  func(f *holdfast.Fact) { f.BodyHash[31] ^= 1 },
		"hash":       func(f *holdfast.Fact) { f.Hash[0] ^= 1 },
		// The border between two texts moves, their bytes do not.
		"border": func(f *holdfast.Fact) { f.Append, f.Subject = f.Append+"i", f.Subject[1:] },
	}
	for what, change := range changes {
		f := facts[0]
		change(&f)
		err := Verify(genesis, f)
		if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), "at position 1 ") {
			t.Errorf("with another %s: %v", what, err)
		}
	}
	if err := Verify(genesis, facts[1]); err == nil {
		t.Error("a removed fact was not noticed")
	}
}

// TestSealThenVerify is the law that whatever Check takes and Seal seals, Verify
// accepts after a passage through JSON.
func TestSealThenVerify(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		head, _ := example()
		a := Append{
			ID:    rapid.String().Draw(rt, "id"),
			Actor: holdfast.Actor{Kind: holdfast.ActorKind(rapid.String().Draw(rt, "kind")), Name: rapid.String().Draw(rt, "name")},
			Time:  time.UnixMicro(rapid.Int64Range(-1<<55, 1<<55).Draw(rt, "time")).Add(time.Duration(rapid.IntRange(0, 999).Draw(rt, "ns"))),
			Facts: []Draft{NewDraft(holdfast.Subject(rapid.String().Draw(rt, "subject")), 0, "k", rapid.String().Draw(rt, "body"))},
		}
		if Check(a) != nil {
			rt.Skip("not an append")
		}
		facts, _ := Seal(head, a)
		b, err := json.Marshal(facts[0])
		if err != nil {
			rt.Fatal(err)
		}
		var back holdfast.Fact
		if err := json.Unmarshal(b, &back); err != nil {
			rt.Fatal(err)
		}
		back.Body = facts[0].Body // the encoder may compact a body; stores keep it byte for byte
		if err := Verify(head, back); err != nil {
			rt.Fatal(err)
		}
	})
}
