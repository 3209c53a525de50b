package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The short form of what the command measures, without Prometheus.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	for i, within := range []float64{5, 10, 60} {
		ours, _, err := play(t.TempDir(), faults[i], 100, 3, false)
		if err != nil || ours > within || ours < 2 {
			t.Errorf("%s: found after %v s, %v", faults[i].name, ours, err)
		}
	}
	if ours, _, _ := play("", fault{share: always(0), lasts: 600}, 100, 3, false); ours != never {
		t.Errorf("nothing was found after %v s", ours)
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
