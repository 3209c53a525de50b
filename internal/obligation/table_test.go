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

const none = "" // the rule names no figure

// passage is one outage and the reports that it owes, worked out by hand from the
// rules. Times are as people write them; a moment left out has not come.
type passage struct {
	opened, confirmed, graded, occurred, over string
	said                                      Assessment
	// submitted are reports that went out, from which later ones count.
	submitted map[string]string
	// verified are clocks of which a person read another figure.
	verified map[string]Limit
	want     map[string]string
	// guessed are those that rest on days of which there is no calendar.
	guessed []string
}

// What people found out: of a critical system, and of one that is not.
var (
	critical = Assessment{
		Yes:      map[string]bool{"critical": true, "leak": true, "attack": false, "reputation": true, "card_data": true},
		Numbers:  map[string]int64{"people": 2_000_000, "clients": 200_000, "loss": 6_000_000},
		Currency: "CNY", Classes: map[string]string{"cn-pboc": "major", "tw-csma": "level-3"}, Note: "from the data team",
	}
	lesser = Assessment{
		Yes:      map[string]bool{"critical": false, "leak": true, "attack": true, "reputation": false, "card_data": true},
		Numbers:  map[string]int64{"people": 2_000_000, "clients": 200_000, "loss": 6_000_000},
		Currency: "CNY", Classes: map[string]string{"cn-pboc": "larger", "tw-csma": "level-2", "eu-dora": "major"}, Note: "from the data team",
	}
)

// The passages: over the end of summer time in Europe, over its beginning, over the
// Chinese national days, and into the February of a leap year.
var passages = map[string]passage{
	// Friday evening in Shanghai: monitoring sees it at 22:52, the log shows that it
	// began at 22:50; confirmed at level 1 at 22:58, graded at 23:30, over at 01:10.
	"summer time ends": {
		opened: "2026-10-23 22:52 +08:00", confirmed: "2026-10-23 22:58 +08:00", graded: "2026-10-23 23:30 +08:00", occurred: "2026-10-23 22:50 +08:00", over: "2026-10-24 01:10 +08:00",
		said: critical,
		want: map[string]string{
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
			"tw-fsc.event.detail":             "2026-10-30 22:58 +08:00", // 7 days: without a calendar of Taiwan each counts
		},
		guessed: []string{"tw-fsc.event.detail"},
	},
	// Friday 27 March, 23:00 in Shanghai, is 16:00 in Brussels, where clocks go forward
	// in the night of Saturday. It is no critical system; it is over at 04:00.
	"summer time begins": {
		opened: "2026-03-27 23:00 +08:00", confirmed: "2026-03-27 23:20 +08:00", graded: "2026-03-28 00:00 +08:00", occurred: "2026-03-27 22:40 +08:00", over: "2026-03-28 04:00 +08:00",
		said:      lesser,
		submitted: map[string]string{"eu-dora.major.initial": "2026-03-28 03:00 +08:00"},
		want: map[string]string{
			"cn-pboc.incident.brief":      "2026-03-27 23:10 +08:00", // occurred 22:40 + 30 min
			"cn-pboc.incident.occurrence": "2026-03-28 00:40 +08:00", // + 2 h
			"cn-pboc.incident.closure":    none,
			"cn-cac.operator.report":      "2026-03-28 03:20 +08:00", // aware 23:20 + 4 h
			"cn-cac.operator.summary":     "2026-04-27 04:00 +08:00", // 30 days after 28 March
			"eu-dora.major.initial":       "2026-03-27 21:00 +01:00", // graded 17:00 in Brussels + 4 h
			"eu-dora.major.intermediate":  "2026-03-30 21:00 +02:00", // out at 20:00 there + 72 h: clocks went forward on the 29th
			"eu-dora.major.recovery":      none,
			"eu-dora.major.final":         "2026-04-30 21:00 +02:00", // a month later
			"eu-gdpr.authority.report":    "2026-03-30 17:20 +02:00", // aware 16:20 in Brussels + 72 h
			"eu-gdpr.persons.notice":      none,
			"hk-hkma.incident.escalate":   none,
			"in-rbi.incident.report":      "2026-03-28 02:30 +05:30", // 20:30 in Kolkata + 6 h
			"pci.compromise.notify":       none,
			"sg-mas.incident.notify":      "2026-03-28 00:00 +08:00", // detected 23:00 + 1 h
			"sg-mas.incident.cause":       "2026-04-10 23:00 +08:00", // 14 days
			"tw-csma.notify.notify":       "2026-03-28 00:20 +08:00", // + 1 h
			"tw-csma.notify.improvement":  "2026-04-28 04:00 +08:00", // a month after 28 March
			"tw-csma.contain.contained":   "2026-03-30 23:20 +08:00", // 72 h
			"tw-fsc.event.notify":         "2026-03-27 23:50 +08:00", // + 30 min
			"tw-fsc.event.detail":         "2026-04-03 23:20 +08:00", // 7 days
		},
		guessed: []string{"tw-fsc.event.detail"},
	},
	// Wednesday 30 September, before eight days of holidays in China. A person has read
	// that the bank wants the closing report within 3 working days and the progress by
	// five o'clock of the next, and that Singapore counts 10 working days.
	"national days": {
		opened: "2026-09-30 10:00 +08:00", confirmed: "2026-09-30 10:05 +08:00", graded: "2026-09-30 10:30 +08:00", occurred: "2026-09-30 10:00 +08:00", over: "2026-09-30 12:00 +08:00",
		said: critical,
		verified: map[string]Limit{
			"cn-pboc.incident.closure":  {BusinessDays: 3},
			"cn-pboc.progress.progress": {BusinessDays: 1, At: "17:00"},
			"sg-mas.incident.cause":     {BusinessDays: 10},
		},
		want: map[string]string{
			"cn-pboc.incident.brief":          "2026-09-30 10:30 +08:00",
			"cn-pboc.incident.occurrence":     "2026-09-30 12:00 +08:00",
			"cn-pboc.incident.closure":        "2026-10-10 12:00 +08:00", // 8 and 9 October, and Saturday the 10th, which is worked
			"cn-pboc.progress.progress":       "2026-10-08 17:00 +08:00", // the first day after the holidays
			"cn-cac.critical.report":          "2026-09-30 11:05 +08:00",
			"cn-cac.critical.summary":         "2026-10-30 12:00 +08:00",
			"eu-dora.major.initial":           "2026-09-30 08:30 +02:00", // graded 04:30 there + 4 h
			"eu-dora.major.intermediate":      "2026-10-03 08:30 +02:00",
			"eu-dora.major.recovery":          none,
			"eu-dora.major.final":             "2026-11-03 08:30 +01:00", // the same hour, in winter time
			"eu-gdpr.authority.report":        "2026-10-03 04:05 +02:00",
			"eu-gdpr.persons.notice":          none,
			"hk-hkma.incident.escalate":       none,
			"in-rbi.incident.report":          "2026-09-30 13:30 +05:30", // 07:30 in Kolkata + 6 h
			"pci.compromise.notify":           none,
			"sg-mas.incident.notify":          "2026-09-30 11:00 +08:00",
			"sg-mas.incident.cause":           "2026-10-10 10:00 +08:00", // 10 days: without a calendar of Singapore each counts
			"tw-csma.notify.notify":           "2026-09-30 11:05 +08:00",
			"tw-csma.notify.improvement":      "2026-10-30 12:00 +08:00",
			"tw-csma.contain-grave.contained": "2026-10-01 22:05 +08:00",
			"tw-fsc.event.notify":             "2026-09-30 10:35 +08:00",
			"tw-fsc.event.detail":             "2026-10-07 10:05 +08:00",
		},
		guessed: []string{"tw-fsc.event.detail", "sg-mas.incident.cause"},
	},
	// Sunday 30 January 2028, in the last minutes of the day: months that are shorter.
	"a short month": {
		opened: "2028-01-30 23:58 +08:00", confirmed: "2028-01-30 23:59 +08:00", graded: "2028-01-31 00:00 +08:00", occurred: "2028-01-30 23:50 +08:00", over: "2028-01-31 02:00 +08:00",
		said:      critical,
		submitted: map[string]string{"eu-dora.major.initial": "2028-01-31 04:00 +08:00"},
		want: map[string]string{
			"cn-pboc.incident.brief":          "2028-01-31 00:20 +08:00",
			"cn-pboc.incident.occurrence":     "2028-01-31 01:50 +08:00",
			"cn-pboc.incident.closure":        none,
			"cn-pboc.progress.progress":       none,
			"cn-cac.critical.report":          "2028-01-31 00:59 +08:00",
			"cn-cac.critical.summary":         "2028-03-01 02:00 +08:00", // 30 days: February has 29
			"eu-dora.major.initial":           "2028-01-30 21:00 +01:00",
			"eu-dora.major.intermediate":      "2028-02-02 21:00 +01:00", // out at 21:00 there + 72 h
			"eu-dora.major.recovery":          none,
			"eu-dora.major.final":             "2028-03-02 21:00 +01:00",
			"eu-gdpr.authority.report":        "2028-02-02 16:59 +01:00",
			"eu-gdpr.persons.notice":          none,
			"hk-hkma.incident.escalate":       none,
			"in-rbi.incident.report":          "2028-01-31 03:28 +05:30",
			"pci.compromise.notify":           none,
			"sg-mas.incident.notify":          "2028-01-31 00:58 +08:00",
			"sg-mas.incident.cause":           "2028-02-13 23:58 +08:00",
			"tw-csma.notify.notify":           "2028-01-31 00:59 +08:00",
			"tw-csma.notify.improvement":      "2028-02-29 02:00 +08:00", // 31 January + a month
			"tw-csma.contain-grave.contained": "2028-02-01 11:59 +08:00",
			"tw-fsc.event.notify":             "2028-01-31 00:29 +08:00",
			"tw-fsc.event.detail":             "2028-02-06 23:59 +08:00",
		},
		guessed: []string{"tw-fsc.event.detail"},
	},
}

// One outage through all packs, at the edges of calendars and clocks.
func TestOneOutageThroughAllPacks(t *testing.T) {
	t.Parallel()
	for name, p := range passages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, id := p.play(t)
			got := map[string]bool{}
			for _, d := range w.sheet(id).Duties {
				if d.Applies != expression.Yes {
					continue
				}
				got[d.Clock] = true
				if due, ok := p.want[d.Clock]; !ok {
					t.Errorf("%s applies: %s", d.Clock, d.Why)
				} else if due != none && !d.Due.Equal(instant(due)) || due == none && !d.Due.IsZero() {
					t.Errorf("%s is due %s, not %q", d.Clock, d.Due.In(d.Pack.Location()), due)
				}
				if _, verified := p.verified[d.Clock]; verified != (d.Verified != nil) {
					t.Errorf("%s counts as verified: %t", d.Clock, d.Verified != nil)
				}
				if d.Guessed != slices.Contains(p.guessed, d.Clock) {
					t.Errorf("%s: guessed is %t", d.Clock, d.Guessed)
				}
			}
			for _, clock := range slices.Sorted(maps.Keys(p.want)) {
				if !got[clock] {
					t.Errorf("%s does not apply: %s", clock, w.duty(t, id, clock).Why)
				}
			}
		})
	}
}

// play lets the outage happen, and returns when all of it is on record.
func (p passage) play(t *testing.T) (w *world, id string) {
	t.Helper()
	w, stop := newWorld(t, strings.Join(plan.Packs[:], ", "))
	t.Cleanup(stop)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	id = w.outage(t, holdfast.Level1, instant(p.opened), instant(p.confirmed), time.Time{})
	for clock, limit := range p.verified {
		must(w.Verify(t.Context(), mei, clock, Verification{Name: "Mei", On: "2026-01-02", Source: "the text in force", Limit: &limit}))
	}
	w.at(instant(p.graded))
	must(w.Assess(t.Context(), mei, id, p.said))
	must(w.SetMoment(t.Context(), mei, id, "occurred", instant(p.occurred), "the first refusal in the log"))
	w.end(t, id, instant(p.over))
	for clock, at := range p.submitted {
		w.at(instant(at))
		must(w.Explain(t.Context(), mei, id, clock, "in case that it is late"))
		must(w.Save(t.Context(), mei, id, clock, holdfast.En, "it stopped"))
		must(w.Approve(t.Context(), bo, id, clock, 1))
		must(w.Submit(t.Context(), mei, id, clock, instant(at), "the portal"))
	}
	return w, id
}

// Every clock of every pack stands in the table, with a due time in some passage unless
// its rule names no figure.
func TestTheTableHasEveryClock(t *testing.T) {
	t.Parallel()
	for _, p := range Packs() {
		for _, r := range p.Rules {
			for _, s := range r.Stages {
				clock, in := p.ID+"."+r.ID+"."+s.ID, 0
				for _, passage := range passages {
					if due, ok := passage.want[clock]; ok && (due != none || s.Limit.IsZero()) {
						in++
					}
				}
				if in == 0 {
					t.Errorf("no passage has %s", clock)
				}
			}
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
