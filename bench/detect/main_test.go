package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The short form of what the command measures, without Prometheus.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	for i, within := range []float64{5, 10, 60} {
		if ours, _ := play(faults[i], 100, 3, false); ours > within || ours < 2 {
			t.Errorf("%s: found after %v s", faults[i].name, ours)
		}
	}
	if ours, _ := play(fault{share: always(0), lasts: 600}, 100, 3, false); ours != never {
		t.Errorf("nothing was found after %v s", ours)
	}
}

// What Prometheus scrapes is what was judged: every payment is in the counters of its
// channel and of its bank, every failure has its code.
func TestCounters(t *testing.T) {
	t.Parallel()
	_, c := play(fault{bank: "icbc", share: always(0.5), code: newCode, lasts: 30}, 100, 1, true)
	if len(c.scrapes) != (before+30)/scrape {
		t.Fatalf("%d scrapes", len(c.scrapes))
	}
	sums := map[string]float64{}
	for i, name := range series {
		kind, labels, _ := strings.Cut(name, "{")
		if strings.Contains(labels, `outcome="not-done"`) {
			kind += " not done"
		}
		sums[kind] += c.sum[i]
	}
	if sums["payments_total"] != sums["bank_payments_total"] || sums["errors_total"] != sums["payments_total not done"] || sums["payments_total not done"] != sums["bank_payments_total not done"] {
		t.Errorf("sums: %v", sums)
	}
	if text := rules(60); !strings.Contains(text, "[1000ms]") || !strings.Contains(text, "offset 5000ms") || strings.Contains(text, "60S") {
		t.Errorf("rules: %s", text)
	}
	s := &server{runs: []*counters{c}}
	get := func() string {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/0", nil))
		return w.Body.String()
	}
	if got := get(); got != "" {
		t.Errorf("before it begins: %s", got)
	}
	s.begun.Store(time.Now().Add(-3 * tick).UnixNano())
	if got := get(); !strings.Contains(got, `payments_total{channel="qr",outcome="done"} `) || strings.Contains(got, "NaN") {
		t.Errorf("exposed: %s", got)
	}
}

func TestRequired(t *testing.T) {
	t.Parallel()
	if err := (figures{2, 15, 3, 0}).check(); err != nil {
		t.Error(err)
	}
	for _, f := range []figures{{5, 15, 3, 0}, {2, 60, 3, 0}, {2, 15, 3, 1}, {never, 15, 3, 0}} {
		if f.check() == nil {
			t.Errorf("%+v is enough", f)
		}
	}
}

func TestSeries(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(i int) time.Time { return begin.Add(time.Duration(i) * 5 * time.Minute) }
	for i := range 900 {
		value := 100 + i%7
		if i >= 600 && i < 650 {
			value = 3
		}
		fmt.Fprintf(&b, "%s,%d\n", at(i).Format(time.DateTime), value)
	}
	points, err := readSeries(strings.NewReader(b.String()))
	if err != nil || len(points) != 900 || !points[1].at.Equal(at(1)) {
		t.Fatalf("%d points, %v", len(points), err)
	}
	labels := fmt.Sprintf(`{"a.csv":[[%q,%q]],"b.csv":[]}`, at(600).Format(time.DateTime), at(640).Format(time.RFC3339))
	windows, err := readWindows([]byte(labels), "a.csv")
	if err != nil || len(windows) != 1 {
		t.Fatalf("%v, %v", windows, err)
	}
	if found, wrong := judgeSeries(points, windows); found != 1 || wrong != 0 {
		t.Errorf("%d found, %d wrong", found, wrong)
	}
	if found, wrong := judgeSeries(points, nil); found != 0 || wrong != 1 {
		t.Errorf("without a label: %d found, %d wrong", found, wrong)
	}
}

func TestSeriesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"yesterday,1", "5,x", "5,-1", "5,NaN", "5,1e13", "5,1\n5,1", "5", "5,1,1", "9,1\n8,1"} {
		if points, err := readSeries(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read as %v", text, points)
		}
	}
	for _, text := range []string{"{", `[["5"]]`, `[["9","5"]]`, `[["x","5"]]`, `5`} {
		if windows, err := readWindows([]byte(text), "a"); err == nil {
			t.Errorf("%q was read as %v", text, windows)
		}
	}
}

// What is read can be judged.
func FuzzSeries(f *testing.F) {
	f.Add("timestamp,value\n2026-01-01 00:00:00,5\n1795489200,7.5\n", `[["2026-01-01T00:00:00Z","1795489200"]]`)
	f.Fuzz(func(t *testing.T, series, labels string) {
		points, err := readSeries(strings.NewReader(series))
		windows, e := readWindows([]byte(labels), "a")
		if err == nil && e == nil {
			if found, _ := judgeSeries(points, windows); found > len(windows) {
				t.Fatalf("%d of %d windows were found", found, len(windows))
			}
		}
	})
}
