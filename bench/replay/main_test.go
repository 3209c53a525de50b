package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/posture"
)

func TestRequired(t *testing.T) {
	t.Parallel()
	good := figures{Advices: 1, Used: 0.95, Growth: 64}
	for name, c := range map[string]struct {
		change func(*figures)
		good   bool
	}{
		"all met":          {func(*figures) {}, true},
		"too slow":         {func(f *figures) { f.Used = 0.949 }, false},
		"above the budget": {func(f *figures) { f.Over = 1 }, false},
		"it grows":         {func(f *figures) { f.Growth = 65 }, false},
	} {
		f := good
		c.change(&f)
		if err := f.check(); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The gate that is measured stands in for what the bench sends.
func TestSettings(t *testing.T) {
	t.Parallel()
	b := bench{advices: 10, rate: 5000, dir: t.TempDir()}
	g := b.newGate("127.0.0.1:1")
	if err := g.Prepare(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(b.dir, "settings"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadGate(config.Options{Content: content}); err != nil {
		t.Error(err)
	}
	d, err := g.Directive()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := posture.Compile(posture.Set{Directives: []posture.Directive{d}}, nil, "gate-1"); err != nil {
		t.Error(err)
	}
	if _, err := g.Profile.Compile(false); err != nil {
		t.Fatal(err)
	}
}

// Ten seconds at 100 a second are counted as that; one more in any second is seen.
func TestFigures(t *testing.T) {
	t.Parallel()
	even := func() *primary {
		p := &primary{all: 1000, seen: make([]uint8, 1000)}
		for n := range 1000 {
			p.times = append(p.times, time.Duration(n)*10*time.Millisecond)
		}
		return p
	}
	perSecond, fullest := even().used()
	if perSecond != 100 || fullest != 100 {
		t.Errorf("%v a second, %d in the fullest", perSecond, fullest)
	}
	p := even()
	p.times = append(p.times, 5003*time.Millisecond)
	if _, fullest := p.used(); fullest != 101 {
		t.Errorf("%d in the fullest second", fullest)
	}
}

func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys   []string
		repeat bool
		want   string
	}{
		"each once":  {[]string{"advice-0", "advice-1"}, false, ""},
		"one lost":   {[]string{"advice-1"}, false, "1 did not come"},
		"one twice":  {[]string{"advice-0", "advice-1", "advice-1"}, false, "1 came more than once"},
		"a stranger": {[]string{"advice-0", "advice-1", "advice-2"}, false, "1 were repeats or strange"},
		"a repeat":   {[]string{"advice-0", "advice-1"}, true, "2 were repeats or strange"},
	} {
		p := &primary{all: 2, seen: make([]uint8, 2), begun: make(chan struct{}), done: make(chan struct{})}
		for _, key := range c.keys {
			p.advice(key, c.repeat)
		}
		if err := p.exactlyOnce(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
