package plan

import (
	"strings"
	"testing"
	"time"
)

// A band holds by the operator's clock, over midnight too, on the days it begins.
func TestBandHolds(t *testing.T) {
	t.Parallel()
	taipei := time.FixedZone("", 8*3600)
	day := Band{Starts: "10:00", Ends: "22:00"}
	night := Band{Starts: "22:00", Ends: "06:00", Days: []string{"fri", "sun"}}
	whole := Band{Starts: "09:00", Ends: "09:00", Days: []string{"mon"}}
	for _, c := range []struct {
		band Band
		at   string // of Taipei; 2026-11-27 is a Friday
		want bool
	}{
		{day, "2026-11-27 10:00", true}, {day, "2026-11-27 09:59", false}, {day, "2026-11-27 21:59", true}, {day, "2026-11-27 22:00", false},
		{night, "2026-11-27 22:00", true}, {night, "2026-11-28 05:59", true}, {night, "2026-11-28 06:00", false}, {night, "2026-11-28 22:00", false},
		{night, "2026-11-27 05:00", false}, {night, "2026-11-30 03:00", true},
		{whole, "2026-11-30 09:00", true}, {whole, "2026-12-01 08:59", true}, {whole, "2026-12-01 09:00", false}, {whole, "2026-11-30 08:59", false},
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, taipei)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.band.Holds(at); got != c.want {
			t.Errorf("%s–%s %v at %s: %t", c.band.Starts, c.band.Ends, c.band.Days, c.at, got)
		}
		// The same instant by another clock is another time of day.
		if utc := at.UTC(); c.band.Holds(utc.In(taipei)) != c.want {
			t.Errorf("%s by way of UTC differs", c.at)
		}
	}
}

func TestLevelEnters(t *testing.T) {
	t.Parallel()
	l := Level{Enter: "a", Bands: []Band{{Starts: "10:00", Ends: "22:00", Enter: "b"}, {Starts: "20:00", Ends: "23:00", Enter: "c"}}}
	for clock, want := range map[string]string{"09:00": "a", "21:00": "b", "22:30": "c", "23:30": "a"} {
		at, _ := time.Parse("15:04", clock)
		enter, band := l.Enters(at)
		if enter != want || (band == nil) != (want == "a") {
			t.Errorf("at %s %q counts, in band %v; want %q", clock, enter, band, want)
		}
	}
}

func TestMeasuresAndBandsAreChecked(t *testing.T) {
	t.Parallel()
	sound := string(Builtin())
	for _, c := range []struct{ name, from, to, want string }{
		{"no such source", "from: success-percent", "from: success", "P015"},
		{"source of another type", "from: payments-stopped", "from: minutes", "P015"},
		{"amount without a currency", "from: channels-affected", "from: funds-at-risk", "P010"},
		{"time of no clock", `starts: "10:00"`, `starts: "24:00"`, "P015"},
		{"time missing", `ends: "22:00"`, `ends: ""`, "P010"},
		{"no such day", `starts: "10:00"`, "starts: \"10:00\"\n        days: [mon, funday]", "P015"},
		{"day twice", `starts: "10:00"`, "starts: \"10:00\"\n        days: [mon, mon]", "P014"},
		{"band without criteria", "enter: functions_limited > 0 or channels_affected > 0 or success_percent < 95", `enter: ""`, "P010"},
		{"band reads what is not declared", "enter: functions_limited > 0 or channels_affected > 0 or success_percent < 95", "enter: functions_lamed > 0", "P016"},
	} {
		src := strings.Replace(sound, c.from, c.to, 1)
		if src == sound {
			t.Fatalf("%s: the built-in plan has no %q", c.name, c.from)
		}
		_, faults := Decode("plan.yaml", []byte(src))
		if len(faults) != 1 || faults[0].Rule != c.want {
			t.Errorf("%s: %v, want one %s", c.name, faults, c.want)
		}
	}
}
