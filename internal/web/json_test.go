package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast"
)

type inner struct {
	What string `json:"what"`
	Due  string `json:"due,omitempty"`
}

type base struct {
	Reason string `json:"reason"`
}

type sample struct {
	base
	Base2  base           `json:"other"`
	Level  holdfast.Level `json:"level"`
	Count  int            `json:"count"`
	Share  float64        `json:"share"`
	Yes    bool           `json:"yes"`
	List   []inner        `json:"list"`
	Names  []string       `json:"names"`
	More   *inner         `json:"more"`
	At     time.Time      `json:"at"`
	Hash   holdfast.Hash  `json:"hash"`
	Labels map[string]int `json:"labels"`
	Any    any            `json:"any"`
	Hidden string         `json:"-"`
	//lint:ignore U1000 that it cannot be set is what is tested
	secret string
}

func TestDecodeJSON(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("ab", 32)
	tests := []struct {
		body  string
		field string // of the error
		says  string // "" for none
	}{
		{`{}`, "", ""},
		{` {"reason":"演練","level":2,"count":-1,"share":0.5,"yes":true} `, "", ""},
		{`{"list":[{"what":"a"},{"what":"b","due":"2026-12-01"}],"names":["x","y"],"more":null,"any":{"a":[1,{"b":2}]}}`, "", ""},
		{`{"at":"2026-11-24T03:00:00Z","hash":"` + hash + `","labels":{"a":1,"A":2}}`, "", ""},
		{`{"other":{"reason":"x"},"list":null}`, "", ""},
		{"", "", "no body"},
		{"  \n", "", "no body"},
		{"\xff", "", "UTF-8"},
		{"{\"reason\":\"\xc3\"}", "", "UTF-8"},
		{`{"reason":"x"`, "", "line 1, column 14"},
		{"{\n \"reason\": x}", "", "line 2, column"},
		{`{"reason" "x"}`, "", "not JSON"},
		{`{"reason":"x",}`, "", "not JSON"},
		{`{reason:"x"}`, "", "not JSON"},
		{`{"reason":"x"}{}`, "", "something follows"},
		{`{"reason":"x"} x`, "", "something follows"},
		{`{"reason":"x"}]`, "", "something follows"},
		{`[]`, "", "an object is expected"},
		{`"x"`, "", "an object is expected"},
		{`{"reasn":"x"}`, "reasn", `no member "reasn"`},
		{`{"Reason":"x"}`, "Reason", `no member "Reason"`},
		{`{"Hidden":"x"}`, "Hidden", "no member"},
		{`{"-":"x"}`, "-", "no member"},
		{`{"secret":"x"}`, "secret", "no member"},
		{`{"base":{}}`, "base", "no member"},
		{`{"list":[{"what":"a"},{"waht":"b"}]}`, "list/1/waht", "no member"},
		{`{"more":{"x":1}}`, "more/x", "no member"},
		{`{"reason":"x","reason":"y"}`, "reason", "twice"},
		{`{"list":[{"what":"a","what":"b"}]}`, "list/0/what", "twice"},
		{`{"labels":{"a":1,"a":2}}`, "labels/a", "twice"},
		{`{"any":{"a":1,"a":2}}`, "any/a", "twice"},
		{`{"any":[0,{"a":1,"a":2}]}`, "any/1/a", "twice"},
		{`{"reason":5}`, "reason", "a text"},
		{`{"count":"5"}`, "count", "a whole number"},
		{`{"count":1.5}`, "count", "a whole number"},
		{`{"count":99999999999999999999}`, "count", "a whole number"},
		{`{"level":256}`, "level", "a whole number"},
		{`{"share":"x"}`, "share", "a number"},
		{`{"yes":"true"}`, "yes", "true or false"},
		{`{"names":"x"}`, "names", "a list"},
		{`{"names":["a",{}]}`, "names/1", "a text"},
		{`{"list":{}}`, "list", "a list"},
		{`{"more":[]}`, "more", "an object"},
		{`{"labels":7}`, "labels", "an object"},
		{`{"labels":{"a":"x"}}`, "labels/a", "a whole number"},
		{`{"at":"yesterday"}`, "at", "cannot be read"},
		{`{"hash":"ab"}`, "hash", "64 hexadecimal digits"},
		{`{"any":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "", "deep"},
	}
	for _, tt := range tests {
		var v sample
		err := DecodeJSON(httptest.NewRecorder(), request("POST", "/", tt.body), &v)
		if tt.says == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.body, err)
			}
			continue
		}
		e := new(holdfast.Error)
		if !errors.As(err, &e) || e.Code != holdfast.Invalid || !strings.Contains(e.Message(), tt.says) {
			t.Errorf("%.60s: %v, want one that says %q", tt.body, err, tt.says)
		} else if e.Field != tt.field && tt.says != "deep" {
			t.Errorf("%.60s: field %q, want %q", tt.body, e.Field, tt.field)
		}
	}
}

func TestDecodeJSONReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	var v sample
	body := `{"reason":"r","level":1,"list":[{"what":"a"}],"more":{"what":"b"},"at":"2026-11-24T03:00:00Z"}`
	if err := DecodeJSON(httptest.NewRecorder(), request("POST", "/", body), &v); err != nil {
		t.Fatal(err)
	}
	if v.Reason != "r" || v.Level != holdfast.Level1 || len(v.List) != 1 || v.List[0].What != "a" || v.More.What != "b" || !v.At.Equal(now) {
		t.Errorf("read %+v", v)
	}
}

func TestDecodeJSONLimit(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]holdfast.Code{maxJSON - 100: "", maxJSON + 1: holdfast.TooLarge} {
		var v sample
		err := DecodeJSON(httptest.NewRecorder(), request("POST", "/", `{"reason":"`+strings.Repeat("x", size)+`"}`), &v)
		if got := holdfast.CodeOf(err); got != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	r := request("POST", "/", "")
	r.Body = brokenOff{}
	if err := DecodeJSON(httptest.NewRecorder(), r, new(sample)); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a request that breaks off: %v", err)
	}
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, errors.New("reset") }
func (brokenOff) Close() error             { return nil }

// What is taken is what encoding/json takes, and says the same after a round.
func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"reason":"x","level":3}`, `{"list":[{"what":"a"}]}`, `{"any":{"a":[1,null]}}`, `{"reason":1}`, `{"a":1}{}`, `{"at":"2026-11-24T03:00:00Z"}`, "{\"\\ud800\":1}", `{"more":{"due":null}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v sample
		err := decode(body, &v)
		if err != nil {
			if code := holdfast.CodeOf(err); code != holdfast.Invalid {
				t.Fatalf("code %s: %v", code, err)
			}
			return
		}
		var plain sample
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatalf("taken, though it is not JSON: %v", err)
		}
		again, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var second sample
		if err := decode(again, &second); err != nil {
			t.Fatalf("%s is not taken again: %v", again, err)
		}
		if fmt.Sprintf("%+v", v.List) != fmt.Sprintf("%+v", second.List) || v.Reason != second.Reason || v.Count != second.Count {
			t.Fatalf("%+v became %+v", v, second)
		}
	})
}

func TestWriteJSON(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := WriteJSON(w, 201, map[string]string{"a": "<&>"}); err != nil {
		t.Fatal(err)
	}
	if w.Code != 201 || w.Header().Get("Content-Type") != "application/json" || w.Body.String() != "{\"a\":\"<&>\"}\n" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	if err := WriteJSON(w, 204, struct{}{}); err != nil || w.Code != 204 || w.Body.Len() != 0 {
		t.Errorf("no content: %v %d %s", err, w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	if err := WriteJSON(w, 200, func() {}); err == nil || w.Body.Len() != 0 {
		t.Errorf("what cannot be encoded: %v, %s", err, w.Body)
	}
}
