// Package intake reads what senders outside deliver, besides Alertmanager and
// Grafana, and makes alerts of it: events in the shape of PagerDuty's Events API v2,
// CloudEvents, mail, and any JSON by a mapping of expressions. It reads and stores
// nothing itself; docs/formats/intake.md says what becomes of each field.
//
// Every reader bounds what it takes and refuses with an error that says what is
// wrong; texts are masked where alerts are decided on, all of them.
//
// # A mapping
//
// A [Mapping] names, for one sender, the expressions that make an alert of its body,
// which is JSON or a form. They read body, the texts of its leaves by their place:
//
//	{"problem": {"title": "Queue full", "tags": ["app"]}}
//	body["problem.title"]   body["problem.tags.0"]
//
// What is not there reads as "". Numbers, true and false are texts as written.
package intake

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"holdfast"
)

// Limits on bodies, in bytes.
const (
	MaxGrafana     = 16 << 20
	MaxPagerDuty   = 512 << 10
	MaxCloudEvents = 4 << 20
	MaxWebhook     = 1 << 20
	MaxMail        = 256 << 10
)

// Limits on what is read of one body: how many leaves, how deep they lie, and how long
// a text is, in bytes.
const (
	maxLeaves = 1000
	maxDepth  = 16
	maxLeaf   = 4000
)

// flatten lists the leaves of a JSON value by their place. What is over the limits is
// left out: half of a body is still worth an alert.
func flatten(v any, prefix string) map[string]string {
	leaves := map[string]string{}
	leaf(leaves, v, prefix, 0)
	return leaves
}

func leaf(leaves map[string]string, v any, at string, depth int) {
	if len(leaves) >= maxLeaves || depth > maxDepth || len(at) > 200 {
		return
	}
	under := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	switch v := v.(type) {
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			leaf(leaves, v[name], under(name), depth+1)
		}
	case []any:
		for i, entry := range v {
			leaf(leaves, entry, under(itoa(i)), depth+1)
		}
	case string:
		leaves[at] = cut(v)
	case json.Number:
		leaves[at] = cut(v.String())
	case bool:
		leaves[at] = map[bool]string{true: "true", false: "false"}[v]
	}
}

func itoa(i int) string {
	b, _ := json.Marshal(i)
	return string(b)
}

func cut(s string) string {
	if len(s) <= maxLeaf {
		return strings.ToValidUTF8(s, "�")
	}
	return strings.ToValidUTF8(s[:maxLeaf], "")
}

// readJSON reads a body that is one JSON value, with its numbers as written.
func readJSON(body []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is not JSON: %v", err)
	}
	if d.More() {
		return nil, holdfast.Errorf(holdfast.Invalid, "something follows the JSON value")
	}
	return v, nil
}

// moment reads a time as monitoring systems write it: RFC 3339, or seconds or
// milliseconds since 1970; zero if it is neither, or far from any present.
func moment(s string) time.Time {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return bounded(t)
	}
	var n int64
	if err := json.Unmarshal([]byte(s), &n); err != nil {
		return time.Time{}
	}
	if n > 1e11 {
		return bounded(time.UnixMilli(n))
	}
	return bounded(time.Unix(n, 0))
}

func bounded(t time.Time) time.Time {
	if t.Year() < 2000 || t.Year() > 2200 {
		return time.Time{}
	}
	return t.UTC()
}
