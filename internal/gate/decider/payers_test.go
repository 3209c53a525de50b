package decider_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/decider"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

const snapshot = `{"at":"1999-12-31T02:00:00Z"}
{"payer":"anna","class":"good","seen":"2026-11-20T08:00:00Z"}
{"payer":"berta","class":"new","blocked":true}
`

// put writes the file as its owner does: whole, under another name first.
func put(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// A snapshot is read anew when its file changes; one that cannot be read leaves the one
// before, and raises an alarm.
func TestPayersFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "payers")
	synctest.Test(t, func(t *testing.T) {
		p := decider.NewPayersFile(path, key, time.Now, nil)
		anna := standin.Blind(key, "anna")
		if !p.At().IsZero() || !p.Find(anna).At.IsZero() {
			t.Error("there is no file, and something is known")
		}
		d, err := decider.New(t.Context(), decider.Options{
			Gate: "east", Boot: "b", Source: advice.NewMemory("s1", 1), Key: key, Payers: p, Clock: clock{time.Now()},
		})
		if err != nil {
			t.Fatal(err)
		}
		go d.Run(t.Context())
		go p.Run(t.Context())
		alarmed := func(want string) {
			t.Helper()
			time.Sleep(5 * time.Second)
			alarms := d.Summary(time.Now()).Alarms
			if want == "" && len(alarms) != 0 || want != "" && (len(alarms) != 1 || alarms[0].Code != standin.AlarmPayers || alarms[0].Params["cause"] != want) {
				t.Errorf("alarms %+v, want %q", alarms, want)
			}
		}
		alarmed("not-found")
		put(t, path, snapshot)
		alarmed("")
		at := time.Date(1999, 12, 31, 2, 0, 0, 0, time.UTC)
		if got := p.Find(anna); !got.At.Equal(at) || got.Class != "good" || got.Blocked || got.Seen.Day() != 20 {
			t.Errorf("%+v", got)
		}
		if got := p.Find(standin.Blind(key, "berta")); got.Class != "new" || !got.Blocked || !got.Seen.IsZero() {
			t.Errorf("%+v", got)
		}
		if got := p.Find(standin.Blind(key, "carla")); !got.At.IsZero() {
			t.Errorf("who is not there: %+v", got)
		}
		for _, bad := range []string{"", "{}\n", `{"payer":"anna"}` + "\n", snapshot + "{}\n", snapshot + "anna\n", snapshot + `{"payer":"anna"}` + "\n", snapshot + `{"payer":"dora","blokced":true}` + "\n", snapshot + `{"payer":"dora"} {"payer":"emil"}` + "\n", snapshot + strings.Repeat("x", 5000) + "\n", strings.Replace(snapshot, "1999", "2036", 1)} {
			put(t, path, bad)
			time.Sleep(5 * time.Second)
			if !p.At().Equal(at) || p.Fault() == nil {
				t.Errorf("%.40q was taken: %v, %v", bad, p.At(), p.Fault())
			}
		}
		put(t, path, snapshot+`{"payer":"anna","blocked":true}`+"\n")
		alarmed("invalid")
		if text := p.Known().Fault; !strings.Contains(text, "line 4 of the payer snapshot is of a payer who stands in it before") {
			t.Errorf("the file's fault is told as %q", text)
		}
		put(t, path, strings.Replace(snapshot, "T02", "T03", 1))
		alarmed("")
		if !p.At().Equal(at.Add(time.Hour)) {
			t.Errorf("still of %v", p.At())
		}
		if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
			t.Fatal(err)
		}
		alarmed("unavailable")
	})
}

// Whatever a file holds, it is taken whole or not at all.
func FuzzPayersFile(f *testing.F) {
	f.Add([]byte(snapshot))
	f.Add([]byte(`{"at":"1999-12-31T02:00:00Z"}`))
	f.Add([]byte(`{"at":0}` + "\n\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "payers")
		put(t, path, string(content))
		if p := decider.NewPayersFile(path, key, time.Now, nil); p.At().IsZero() != (p.Fault() != nil) {
			t.Errorf("at %v, and %v", p.At(), p.Fault())
		}
	})
}
