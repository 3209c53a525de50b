package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"holdfast/internal/detect"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// maxPoints bounds a series, maxCount one value of it.
const (
	maxPoints = 10_000_000
	maxCount  = 1e12
)

// point is one value of a series.
type point struct {
	at    time.Time
	value float64
}

// window is a span in which something is wrong.
type window struct{ from, until time.Time }

func parseTime(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 && n < 1<<40 {
		return time.Unix(n, 0).UTC(), nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no time: write 2026-12-31T08:00:00Z, 2026-12-31 08:00:00 or seconds since 1970", text)
}

// readSeries reads lines timestamp,value, the first of which may be a heading.
func readSeries(r io.Reader) (points []point, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.ReuseRecord = 2, true
	for line := 1; ; line++ {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return points, nil
		}
		if err != nil {
			return nil, err
		}
		if line == 1 && record[0] == "timestamp" {
			continue
		}
		at, err := parseTime(record[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		value, err := strconv.ParseFloat(record[1], 64)
		if err != nil || !(value >= 0 && value <= maxCount) {
			return nil, fmt.Errorf("line %d: %.60q is no count of 0 to %g", line, record[1], maxCount)
		}
		if n := len(points); n > 0 && !at.After(points[n-1].at) || n == maxPoints {
			return nil, fmt.Errorf("line %d: the times must rise, and there may be %d", line, maxPoints)
		}
		points = append(points, point{at, value})
	}
}

// readWindows reads [["from","until"],…], or an object of such lists by the name
// of the series' file, of which it takes the one named.
func readWindows(b []byte, name string) (windows []window, err error) {
	var list [][2]string
	if err := json.Unmarshal(b, &list); err != nil {
		var by map[string][][2]string
		if json.Unmarshal(b, &by) != nil {
			return nil, fmt.Errorf("windows: %w", err)
		}
		list = by[name]
	}
	for i, pair := range list {
		from, e1 := parseTime(pair[0])
		until, e2 := parseTime(pair[1])
		if err := errors.Join(e1, e2); err != nil || until.Before(from) {
			return nil, fmt.Errorf("window %d ends before it begins, or has no times: %w", i+1, err)
		}
		windows = append(windows, window{from, until})
	}
	return windows, nil
}

// judgeSeries takes a series for the volume of a route, a point for a second, and
// says how many windows were found and how often it was wrong.
func judgeSeries(points []point, windows []window) (found, wrong int) {
	d, hit := detect.New(time.UTC), make([]bool, len(windows))
	for i, p := range points {
		at := int64(i + 1)
		s := detect.Second{At: at, Quiet: true, Gates: []detect.Gate{{Name: "file", Last: at, Heard: true}}}
		k := traffic.Key{Route: "series", Kind: payment.Pay, Verdict: posture.Forward.String(), Outcome: payment.Done}
		if n := int64(math.Round(p.value)); n > 0 {
			s.Rows = []traffic.Row{{Key: k, Cell: traffic.Cell{Count: n}}}
		}
		for _, c := range d.Second(s) {
			if !c.Ended.IsZero() {
				continue
			}
			in := false
			for w := range windows {
				if !p.at.Before(windows[w].from) && !p.at.After(windows[w].until) {
					in, hit[w] = true, true
				}
			}
			if !in {
				wrong++
			}
		}
	}
	for _, h := range hit {
		if h {
			found++
		}
	}
	return found, wrong
}

// runSeries judges files by path.
func runSeries(files []string, windowsFile string) error {
	labels, err := os.ReadFile(windowsFile)
	if err != nil {
		return err
	}
	fmt.Printf("%-40s %8s %8s %8s %8s\n", "series", "points", "windows", "found", "wrong")
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		points, err := readSeries(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		windows, err := readWindows(labels, filepath.Base(name))
		if err != nil {
			return fmt.Errorf("%s: %w", windowsFile, err)
		}
		found, wrong := judgeSeries(points, windows)
		fmt.Printf("%-40s %8d %8d %8d %8d\n", filepath.Base(name), len(points), len(windows), found, wrong)
	}
	return nil
}
