package story

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/payment"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/view"
)

var begun = time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)

func TestJudge(t *testing.T) {
	t.Parallel()
	item := func(id string, at time.Time, effects int) checker.Item {
		return checker.Item{Identity: id, Begun: at, Effects: make([]truth.Effect, effects)}
	}
	unknownTo := func(items ...checker.Item) checker.Class { return checker.Class{Count: len(items), Items: items} }
	settledAs := func(id string, o payment.Outcome) unknown {
		return unknown{Record: payment.Record{Identity: id}, Outcome: o}
	}
	after := begun.Add(time.Second)
	for name, test := range map[string]struct {
		report  checker.Report
		settled []unknown
		open    int
		want    string // part of the error; "" for none
	}{
		"clean":               {},
		"lost":                {report: checker.Report{Lost: checker.Class{Count: 2}}, want: "2 lost"},
		"doubled and wrong":   {report: checker.Report{Doubled: checker.Class{Count: 1}, Wrong: checker.Class{Count: 3}}, want: "1 doubled, 3 wrong"},
		"denied":              {report: checker.Report{Denied: checker.Class{Count: 1}}, want: "1 denied"},
		"open at a gate":      {open: 4, want: "4 of unknown outcome at the gates"},
		"never told, settled": {report: checker.Report{Unknown: unknownTo(item("a", after, 1), item("b", after, 0))}, settled: []unknown{settledAs("a", payment.Done), settledAs("b", payment.NotDone)}},
		"never told, unlisted": {
			report: checker.Report{Unknown: unknownTo(item("a", after, 1))}, want: "1 unknown and not resolved",
		},
		"settled against the truth": {
			report: checker.Report{Unknown: unknownTo(item("a", after, 1))}, settled: []unknown{settledAs("a", payment.NotDone)}, want: "1 unknown and not resolved",
		},
		"of another story":       {report: checker.Report{Unknown: unknownTo(item("a", begun.Add(-time.Hour), 0))}},
		"more than can be shown": {report: checker.Report{Unknown: checker.Class{Count: 5}}, want: "5 unknown and not resolved"},
	} {
		err := judge(test.report, test.settled, test.open, begun)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// node answers a story's first calls: tokens, the second person's revocation, and
// what else the test gives.
func node(t *testing.T, answers map[string]any) (url string, asked *[]string) {
	t.Helper()
	asked = new([]string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.Method+" "+r.URL.RequestURI())
		answer, ok := answers[r.Method+" "+r.URL.RequestURI()]
		switch {
		case r.URL.Path == "/api/v1/tokens":
			json.NewEncoder(w).Encode(api.Issued{ID: "t1", Token: "hf_t1"})
		case ok:
			json.NewEncoder(w).Encode(answer)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// A story does not meddle with an incident that people are at work on, and takes
// the second person's token away again.
func TestPlayLeavesAnOpenIncidentAlone(t *testing.T) {
	t.Parallel()
	url, asked := node(t, map[string]any{
		"GET /api/v1/incidents?open=1": view.Page[view.Incident]{Items: []view.Incident{{ID: "2026-7"}}, Total: 1},
	})
	_, err := Play(t.Context(), Options{URL: url, Token: "hf_x", Second: "commander", Sandbox: url, Out: io.Discard, Now: func() time.Time { return begun }})
	if holdfast.CodeOf(err) != holdfast.Conflict || !strings.Contains(err.Error(), "2026-7") {
		t.Errorf("%v", err)
	}
	if last := (*asked)[len(*asked)-1]; last != "POST /api/v1/tokens/t1/revoke" {
		t.Errorf("the last call is %s", last)
	}
	if slices.ContainsFunc(*asked, func(call string) bool { return strings.Contains(call, "/sandbox/") }) {
		t.Errorf("it has touched the simulated world: %q", *asked)
	}
}

// Only payments of this story count, over all pages.
func TestSettled(t *testing.T) {
	t.Parallel()
	at := func(id string, since time.Time) unknown {
		return unknown{Record: payment.Record{Identity: id}, Since: since}
	}
	url, _ := node(t, map[string]any{
		"GET /api/v1/unknowns?settled=1&limit=500&offset=0": view.Page[unknown]{Items: []unknown{at("a", begun.Add(2)), at("old", begun.Add(-1))}, Next: 2},
		"GET /api/v1/unknowns?settled=1&limit=500&offset=2": view.Page[unknown]{Items: []unknown{at("b", begun.Add(1))}},
	})
	s := &story{Options: Options{URL: url, Sandbox: url, Out: io.Discard}, begun: begun}
	if err := s.connect(); err != nil {
		t.Fatal(err)
	}
	list, err := s.settled(t.Context())
	if err != nil || len(list) != 2 || list[0].Record.Identity != "a" || list[1].Record.Identity != "b" {
		t.Errorf("%+v, %v", list, err)
	}
}
