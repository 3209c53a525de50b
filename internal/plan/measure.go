package plan

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"holdfast"
)

// What Holdfast gathers in an incident by itself. Payments are attempts that move
// money: payments and refunds. "Since the start" is since the incident was opened;
// "lately" is in the last minute whose counts have arrived.
const (
	// FromMinutes is how long the incident has been open, in minutes.
	FromMinutes = "minutes"
	// FromFailed counts the payments that went to the primary since the start and were
	// not done or are of unknown outcome; the primary's own refusals count.
	FromFailed = "payments-failed"
	// FromUnknown counts those of unknown outcome among them.
	FromUnknown = "payments-unknown"
	// FromDeclined counts the payments that gates declined by directives since the start.
	FromDeclined = "payments-declined"
	// FromSuccess is the share of done in those that lately went to the primary, in
	// percent.
	FromSuccess = "success-percent"
	// FromPayers is about how many distinct payers those are of which FromFailed and
	// FromDeclined count the payments; see traffic.PayersError.
	FromPayers = "payers-affected"
	// FromFailedAmount and FromAtRisk sum FromFailed and FromUnknown in the currency
	// that the measure's unit names, in minor units.
	FromFailedAmount = "amount-failed"
	FromAtRisk       = "funds-at-risk"
	// FromChannels counts the channels of which lately less than half was done.
	FromChannels = "channels-affected"
	// FromStopped tells whether nothing of what lately went to the primary was done.
	FromStopped = "payments-stopped"
	// FromStop tells whether a stop of the incident is in force.
	FromStop = "stop-in-force"
)

// sources gives the type that a measure from each source has.
var sources = map[string]string{
	FromMinutes: MeasureNumber, FromFailed: MeasureNumber, FromUnknown: MeasureNumber, FromDeclined: MeasureNumber, FromPayers: MeasureNumber,
	FromSuccess: MeasureNumber, FromFailedAmount: MeasureNumber, FromAtRisk: MeasureNumber, FromChannels: MeasureNumber,
	FromStopped: MeasureYesNo, FromStop: MeasureYesNo,
}

// Sources lists what a measure can be gathered from, sorted.
func Sources() []string { return slices.Sorted(maps.Keys(sources)) }

// figures gives the type of a measure that is a figure of what is owed to regulators;
// package obligation has their meaning.
var figures = map[string]string{
	"clients": MeasureNumber, "clients_share": MeasureNumber, "payments_share": MeasureNumber, "people": MeasureNumber, "regions": MeasureNumber,
	"leak": MeasureYesNo, "attack": MeasureYesNo, "critical": MeasureYesNo, "reputation": MeasureYesNo, "card_data": MeasureYesNo,
}

// Figures lists which figures of obligations a measure can be, sorted.
func Figures() []string { return slices.Sorted(maps.Keys(figures)) }

// Lasting reports whether a measure says what came of an incident, and so goes into
// what is reported of it; the others say how it stands at an instant.
func (m Measure) Lasting() bool {
	return slices.Contains([]string{"", FromFailed, FromUnknown, FromDeclined, FromPayers, FromFailedAmount, FromAtRisk}, m.From)
}

// Days are the words for the days of the week.
var Days = [...]string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

// Band is a part of the day, in the operator's time zone, in which a level has
// other criteria: fewer failures are grave at the peak than in the night.
type Band struct {
	Title holdfast.Text `json:"title" yaml:"title"`
	// Days on which it begins; none means every day.
	Days []string `json:"days,omitempty" yaml:"days,omitempty"`
	// Starts and Ends are times of the clock, 09:00; the end is not in it. One that
	// ends no later than it starts goes on over midnight.
	Starts string `json:"starts" yaml:"starts"`
	Ends   string `json:"ends" yaml:"ends"`
	// Enter stands for the level's own while the band holds.
	Enter string `json:"enter" yaml:"enter"`
}

var clockTime = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$`)

// Holds reports whether the time lies in the band; it is taken by the clock of its
// own location.
func (b Band) Holds(at time.Time) bool {
	clock, day := at.Format("15:04"), (int(at.Weekday())+6)%7 // Days begins with Monday
	if b.Starts < b.Ends {
		return clock >= b.Starts && clock < b.Ends && b.begins(day)
	}
	return clock >= b.Starts && b.begins(day) || clock < b.Ends && b.begins((day+6)%7)
}

func (b Band) begins(day int) bool { return len(b.Days) == 0 || slices.Contains(b.Days, Days[day]) }

// Enters returns the expression that counts at a time of the operator's clock,
// and the band that it stands in, if it stands in one.
func (l Level) Enters(at time.Time) (enter string, band *Band) {
	for i, b := range l.Bands {
		if b.Holds(at) {
			return b.Enter, &l.Bands[i]
		}
	}
	return l.Enter, nil
}

// gathered checks where a measure comes from.
func (c *checker) gathered(path string, m Measure) {
	if m.From == "" {
		return
	}
	c.oneOf(path+".from", m.From, Sources()...)
	if want, known := sources[m.From]; known && want != m.Type {
		c.add(path+".type", "P015", holdfast.Errorf(holdfast.Invalid, "what is gathered from %s is of the type %s: write that, or take the measure from elsewhere", m.From, want))
	}
	if m.From == FromFailedAmount || m.From == FromAtRisk {
		c.required(path+".unit", m.Unit)
	}
}

// figured checks which figure of obligations a measure is.
func (c *checker) figured(path string, m Measure) {
	if m.Figure == "" {
		return
	}
	c.oneOf(path+".figure", m.Figure, Figures()...)
	if want, known := figures[m.Figure]; known && want != m.Type {
		c.add(path+".type", "P015", holdfast.Errorf(holdfast.Invalid, "the figure %s is of the type %s: write that, or another figure", m.Figure, want))
	}
	if i := slices.IndexFunc(c.plan.Measures, func(o Measure) bool { return o.Figure == m.Figure }); c.plan.Measures[i].ID != m.ID {
		c.add(path+".figure", "P014", holdfast.Errorf(holdfast.Invalid, "the measure %q is the figure %s already: remove one", c.plan.Measures[i].ID, m.Figure))
	}
}

func (c *checker) bands(path string, l Level) {
	path += ".bands"
	if !c.atMost(path, len(l.Bands), MaxEntries) {
		return
	}
	for i, b := range l.Bands {
		path := at(path, i)
		c.text(path+".title", b.Title)
		c.some(path+".days", b.Days, func(path, day string) { c.oneOf(path, day, Days[:]...) })
		for _, clock := range []struct{ key, value string }{{".starts", b.Starts}, {".ends", b.Ends}} {
			if c.required(path+clock.key, clock.value) && !clockTime.MatchString(clock.value) {
				c.add(path+clock.key, "P015", holdfast.Errorf(holdfast.Invalid, "%q is not a time of the clock: write hours and minutes as 09:00", clock.value))
			}
		}
		if c.required(path+".enter", b.Enter) {
			c.expression(path+".enter", compileFields(b.Enter, c.fields))
		}
	}
}
