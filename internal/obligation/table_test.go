package obligation

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/plan"
)

// One outage through all packs. Friday evening in Shanghai: monitoring sees it at
// 22:52, the log shows that it began at 22:50; it is confirmed at level 1 at 22:58, assessed and graded at 23:30, over at
// 01:10 on Saturday. The table is worked out by hand from the rules.
func TestOneOutageThroughAllPacks(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, strings.Join(plan.Packs[:], ", "))
	defer stop()
	id := w.outage(t, holdfast.Level1, instant("2026-10-23 22:52 +08:00"), instant("2026-10-23 22:58 +08:00"), time.Time{})
	w.at(instant("2026-10-23 23:30 +08:00"))
	err := w.Assess(t.Context(), mei, id, Assessment{
		Yes:      map[string]bool{"critical": true, "leak": true, "attack": false, "reputation": true, "card_data": true},
		Numbers:  map[string]int64{"people": 2_000_000, "clients": 200_000, "loss": 6_000_000},
		Currency: "CNY", Classes: map[string]string{"cn-pboc": "major", "tw-csma": "level-3"}, Note: "from the data team",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.SetMoment(t.Context(), mei, id, "occurred", instant("2026-10-23 22:50 +08:00"), "the first refusal in the log"); err != nil {
		t.Fatal(err)
	}
	w.end(t, id, instant("2026-10-24 01:10 +08:00"))
	w.at(instant("2026-10-24 02:00 +08:00"))

	const none = "" // the rule names no figure
	want := map[string]string{
		"cn-pboc.incident.brief":          "2026-10-23 23:20 +08:00", // occurred 22:50 + 30 min
		"cn-pboc.incident.occurrence":     "2026-10-24 00:50 +08:00", // + 2 h
		"cn-pboc.incident.closure":        none,
		"cn-pboc.progress.progress":       none,
		"cn-cac.critical.report":          "2026-10-23 23:58 +08:00", // + 1 h
		"cn-cac.critical.summary":         "2026-11-23 01:10 +08:00", // 30 days after 24 October
		"eu-dora.major.initial":           "2026-10-23 21:30 +02:00", // graded 17:30 in Brussels + 4 h
		"eu-dora.major.intermediate":      "2026-10-26 20:30 +01:00", // 72 h later: clocks went back on the 25th
		"eu-dora.major.recovery":          none,
		"eu-dora.major.final":             "2026-11-26 20:30 +01:00", // a month later
		"eu-gdpr.authority.report":        "2026-10-26 15:58 +01:00", // aware 16:58 in Brussels + 72 h
		"eu-gdpr.persons.notice":          none,
		"hk-hkma.incident.escalate":       none,
		"in-rbi.incident.report":          "2026-10-24 02:22 +05:30", // 20:22 in Kolkata + 6 h
		"pci.compromise.notify":           none,
		"sg-mas.incident.notify":          "2026-10-23 23:52 +08:00", // detected 22:52 + 1 h
		"sg-mas.incident.cause":           "2026-11-06 22:52 +08:00", // 14 days
		"tw-csma.notify.notify":           "2026-10-23 23:58 +08:00", // + 1 h
		"tw-csma.notify.improvement":      "2026-11-24 01:10 +08:00", // a month after 24 October
		"tw-csma.contain-grave.contained": "2026-10-25 10:58 +08:00", // 36 h
		"tw-fsc.event.notify":             "2026-10-23 23:28 +08:00", // + 30 min
		"tw-fsc.event.detail":             "2026-11-03 22:58 +08:00", // 26 27 28 29 30 October, 2 3 November
	}
	got := map[string]string{}
	for _, d := range w.sheet(id).Duties {
		if d.Applies != expression.Yes {
			continue
		}
		got[d.Clock] = ""
		if due, ok := want[d.Clock]; !ok {
			t.Errorf("%s applies: %s", d.Clock, d.Why)
		} else if due != "" && !d.Due.Equal(instant(due)) || due == "" && !d.Due.IsZero() {
			t.Errorf("%s is due %s, not %q", d.Clock, d.Due.In(d.Pack.Location()), due)
		}
		if d.Verified != nil {
			t.Errorf("%s counts as verified", d.Clock)
		}
		if guess := d.Clock == "tw-fsc.event.detail"; d.Guessed != guess {
			t.Errorf("%s: guessed is %t", d.Clock, d.Guessed)
		}
	}
	for _, clock := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[clock]; !ok {
			t.Errorf("%s does not apply: %s", clock, w.duty(t, id, clock).Why)
		}
	}
}

// Limits on the edges of calendars and clocks.
func TestLimit(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "pci")
	defer stop()
	cn := func(date time.Time) (bool, bool) {
		day := w.Nouns.Roster.Day("cn", date)
		return !day.Holiday, day.Known
	}
	for name, test := range map[string]struct {
		limit             Limit
		start, zone, want string
		guessed           bool
	}{
		"elapsed time over the end of summer time":       {Limit{Within: hours(72)}, "2026-10-23 18:00 +02:00", "Europe/Brussels", "2026-10-26 17:00 +01:00", false},
		"elapsed time over its begin":                    {Limit{Within: hours(24)}, "2026-03-28 12:00 +01:00", "Europe/Brussels", "2026-03-29 13:00 +02:00", false},
		"days keep the hour over the end of summer":      {Limit{Days: 3}, "2026-10-23 18:00 +02:00", "Europe/Brussels", "2026-10-26 18:00 +01:00", false},
		"an hour that is skipped ends as it jumps":       {Limit{Days: 1}, "2026-03-28 02:30 +01:00", "Europe/Brussels", "2026-03-29 03:00 +02:00", false},
		"an hour that comes twice is the first":          {Limit{Days: 1}, "2026-10-24 02:30 +02:00", "Europe/Brussels", "2026-10-25 02:30 +02:00", false},
		"a skipped hour in New York":                     {Limit{Days: 1, At: "02:30"}, "2026-03-07 09:00 -05:00", "America/New_York", "2026-03-08 03:00 -04:00", false},
		"working days over the long holiday":             {Limit{BusinessDays: 3}, "2026-09-30 15:00 +08:00", "Asia/Shanghai", "2026-10-10 15:00 +08:00", false},
		"a Sunday that is worked counts":                 {Limit{BusinessDays: 1}, "2026-09-19 10:00 +08:00", "Asia/Shanghai", "2026-09-20 10:00 +08:00", false},
		"working days of a year without data":            {Limit{BusinessDays: 2}, "2027-01-01 10:00 +08:00", "Asia/Shanghai", "2027-01-05 10:00 +08:00", true},
		"working days at an hour":                        {Limit{BusinessDays: 1, At: "17:00"}, "2026-02-13 23:00 +08:00", "Asia/Shanghai", "2026-02-14 17:00 +08:00", false},
		"a month that is shorter":                        {Limit{Months: 1}, "2026-01-31 09:00 +08:00", "Asia/Shanghai", "2026-02-28 09:00 +08:00", false},
		"a month over the year":                          {Limit{Months: 1}, "2026-12-15 09:00 +08:00", "Asia/Shanghai", "2027-01-15 09:00 +08:00", false},
		"a month in a leap year":                         {Limit{Months: 1}, "2028-01-30 09:00 +08:00", "Asia/Shanghai", "2028-02-29 09:00 +08:00", false},
		"the end of a day":                               {Limit{Days: 1, At: "24:00"}, "2026-10-23 18:00 +08:00", "Asia/Shanghai", "2026-10-25 00:00 +08:00", false},
		"an hour alone is today's if it is to come":      {Limit{At: "17:00"}, "2026-10-23 09:00 +08:00", "Asia/Shanghai", "2026-10-23 17:00 +08:00", false},
		"an hour alone is tomorrow's if it has been":     {Limit{At: "09:00"}, "2026-10-23 09:00 +08:00", "Asia/Shanghai", "2026-10-24 09:00 +08:00", false},
		"the recipient's day counts, not the operator's": {Limit{Days: 1, At: "12:00"}, "2026-10-24 01:00 +08:00", "Europe/Brussels", "2026-10-24 12:00 +02:00", false},
	} {
		end, guessed := test.limit.End(instant(test.start), zoneOf(t, test.zone), cn)
		if !end.Equal(instant(test.want)) || guessed != test.guessed {
			t.Errorf("%s: %s, guessed %t", name, end.In(zoneOf(t, test.zone)), guessed)
		}
	}
	for _, bad := range []Limit{{Days: 1, Months: 1}, {Within: hours(1), At: "17:00"}, {Days: -1}, {At: "25:00"}, {At: "7:00"}, {Days: 1, At: "17:60"}, {Months: 61}} {
		if bad.check() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// The initial report under DORA, by when it was graded and when the operator was
// aware.
func TestTwoLimits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		graded      string // "" is not yet
		want        string
		provisional bool
	}{
		"soon":             {"2026-11-02 10:30 +08:00", "2026-11-02 14:30 +08:00", false},
		"late":             {"2026-11-03 08:00 +08:00", "2026-11-03 10:00 +08:00", false}, // 24 h from awareness
		"after these 24 h": {"2026-11-03 11:00 +08:00", "2026-11-03 15:00 +08:00", false},
		"not yet":          {"", "2026-11-03 10:00 +08:00", true},
	} {
		w, stop := newWorld(t, "eu-dora")
		id := w.outage(t, holdfast.Level1, instant("2026-11-02 10:00 +08:00"), instant("2026-11-02 10:00 +08:00"), time.Time{})
		w.at(instant("2026-11-04 10:00 +08:00"))
		// Before a person says so, the confirmation stands for the grading.
		s := w.sheet(id)
		for i := range s.Moments {
			if s.Moments[i].Name == "classified" {
				s.Moments[i].At = time.Time{}
				if test.graded != "" {
					s.Moments[i].At = instant(test.graded)
				}
			}
		}
		d := Duty{Pack: Packs()["eu-dora"], Stage: Packs()["eu-dora"].Rules[0].Stages[0]}
		d.Limit = d.Stage.Limit
		w.Nouns.time(&d, s.Moments, nil)
		if !d.Due.Equal(instant(test.want)) || d.Provisional != test.provisional {
			t.Errorf("%s: due %s, provisional %t", name, d.Due, d.Provisional)
		}
		stop()
	}
}
