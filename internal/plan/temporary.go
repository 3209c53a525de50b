package plan

import (
	"regexp"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/procedure"
	"holdfast/internal/standin"
)

// The kinds of temporary solution (R2.3).
const (
	StandIn = "stand-in"
	Queue   = "queue"
	Reroute = "reroute"
	ByHand  = "manual"
)

// LongestStandIn is the longest that gates may stand in under one directive.
const LongestStandIn = 7 * 24 * time.Hour

// Temporary is a way for payments to go on while the system is down.
type Temporary struct {
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	// Kind is stand-in, queue, reroute or manual.
	Kind string `json:"kind" yaml:"kind"`
	// When says in words under which conditions it is used, How what is done.
	When holdfast.Text `json:"when" yaml:"when"`
	How  holdfast.Text `json:"how" yaml:"how"`
	// Role decides on it.
	Role string `json:"role" yaml:"role"`
	// Scope is which payments it covers: all or an expression over payment fields.
	Scope string `json:"scope,omitempty" yaml:"scope,omitempty"`
	// Longest is how long it may last before the commander decides anew.
	Longest procedure.Duration `json:"longest,omitzero" yaml:"longest,omitempty"`
	// Parameters lists the parameters that bound it.
	Parameters []string `json:"parameters,omitempty" yaml:"parameters,omitempty"`
	// Profile lets gates carry out a stand-in.
	Profile *Profile `json:"profile,omitempty" yaml:"profile,omitempty"`
}

// Parameter is a figure with one value for planned use, such as maintenance, and
// one for an emergency.
type Parameter struct {
	ID        string        `json:"id" yaml:"id"`
	Title     holdfast.Text `json:"title" yaml:"title"`
	Unit      string        `json:"unit,omitempty" yaml:"unit,omitempty"`
	Planned   float64       `json:"planned" yaml:"planned"`
	Unplanned float64       `json:"unplanned" yaml:"unplanned"`
}

// Profile is what gates may approve by themselves while they stand in, and how the
// primary is told of it afterwards. [Temporary.StandIn] gives it as gates read it. What a requester is answered, and how many advices a
// second are sent, is the gates' own setting.
type Profile struct {
	// Reason is why the operator stands in; a directive gives it unless its author
	// writes another.
	Reason holdfast.Text `json:"reason,omitzero" yaml:"reason,omitempty"`
	// Planned holds for an outage that was announced, Unplanned for any other.
	Planned   *Terms `json:"planned,omitempty" yaml:"planned,omitempty"`
	Unplanned *Terms `json:"unplanned,omitempty" yaml:"unplanned,omitempty"`
	// SnapshotAge is how old what is known of a payer may be.
	SnapshotAge procedure.Duration `json:"snapshot_age" yaml:"snapshot_age"`
	// Zone is the offset to UTC at which periods of limits begin, as +08:00; empty
	// means UTC.
	Zone string `json:"zone,omitempty" yaml:"zone,omitempty"`
	// CutOff is the time of the day in Zone, as 23:00, before which the day's payments
	// have to be with the primary; 00:00 and 24:00 are its end. Empty names none.
	CutOff string `json:"cut_off,omitempty" yaml:"cut_off,omitempty"`
	// KeepDeclines makes a decline final; else the same request is decided anew.
	KeepDeclines bool `json:"keep_declines,omitempty" yaml:"keep_declines,omitempty"`
	// OneByOne allows a directive under which payments are forwarded, and stood in for one
	// by one where the primary fails before the first byte.
	OneByOne bool `json:"one_by_one,omitempty" yaml:"one_by_one,omitempty"`
	// SecondAbove is the amount, in minor units of any currency, above which two
	// people resolve an exception; 0 means any amount.
	SecondAbove int `json:"second_above,omitempty" yaml:"second_above,omitempty"`
	// ShadowPercent of payers have their payments tried beside the primary while it is well,
	// in [0, 100]; 0 tries nothing.
	ShadowPercent float64    `json:"shadow_percent,omitempty" yaml:"shadow_percent,omitempty"`
	Forwarding    Forwarding `json:"forwarding" yaml:"forwarding"`
}

// Terms say what is approved: what the expression says yes to, within all limits.
type Terms struct {
	// Eligible reads the fields of standin.EligibilityFields.
	Eligible string  `json:"eligible" yaml:"eligible"`
	Limits   []Limit `json:"limits" yaml:"limits"`
	// Queue lets what is not approved wait for the primary.
	Queue *Deferral `json:"queue,omitempty" yaml:"queue,omitempty"`
}

// Deferral says which payments wait for the primary instead of being declined.
type Deferral struct {
	// Deferrable reads the fields of standin.EligibilityFields.
	Deferrable string `json:"deferrable" yaml:"deferrable"`
	// Expires is how long a payment waits to be sent for the first time.
	Expires procedure.Duration `json:"expires" yaml:"expires"`
	// Limits bound what waits, over payer or all; one over all by count is needed.
	Limits []Limit `json:"limits" yaml:"limits"`
	// Responsible is the role that looks after payments which have expired.
	Responsible string `json:"responsible" yaml:"responsible"`
}

// Limit bounds what is approved.
type Limit struct {
	// Over is what it is counted over, one of [Overs].
	Over string `json:"over" yaml:"over"`
	// Currency of the amount; empty for a limit by count over all currencies.
	Currency string `json:"currency,omitempty" yaml:"currency,omitempty"`
	// Amount is in minor units, Count in payments; 0 does not limit.
	Amount int `json:"amount,omitempty" yaml:"amount,omitempty"`
	Count  int `json:"count,omitempty" yaml:"count,omitempty"`
	// Window is the length of the period that is counted in; 0 bounds what is
	// outstanding.
	Window procedure.Duration `json:"window,omitzero" yaml:"window,omitempty"`
}

// Overs are what a limit may be counted over.
var Overs = [...]string{
	string(standin.EachPayment), string(standin.EachPayer), string(standin.EachPayee), string(standin.EachChannel), string(standin.Whole),
}

// Forwarding says how the primary is told of what was approved. Its keys mean what
// those of standin.Forwarding mean.
type Forwarding struct {
	Timeout      procedure.Duration `json:"timeout" yaml:"timeout"`
	Pause        procedure.Duration `json:"pause" yaml:"pause"`
	LongestPause procedure.Duration `json:"longest_pause" yaml:"longest_pause"`
	Attempts     int                `json:"attempts" yaml:"attempts"`
	Expiry       procedure.Duration `json:"expiry" yaml:"expiry"`
	Retention    procedure.Duration `json:"retention" yaml:"retention"`
	Inquiries    int                `json:"inquiries,omitempty" yaml:"inquiries,omitempty"`
}

// StandIn returns the profile of a solution as gates read it; the solution must have
// one. It is sound if the plan has no faults.
func (t Temporary) StandIn() standin.Profile {
	p := t.Profile
	zone, _ := readZone(p.Zone)
	cutOff, _ := readCutOff(p.CutOff)
	return standin.Profile{
		ID: t.ID, Planned: p.Planned.standIn(), Unplanned: p.Unplanned.standIn(), SnapshotAge: p.SnapshotAge.D(), Zone: zone, CutOff: cutOff,
		OneByOne: p.OneByOne, KeepDeclines: p.KeepDeclines, SecondAbove: int64(p.SecondAbove),
		Forwarding: standin.Forwarding{
			Timeout: p.Forwarding.Timeout.D(), Pause: p.Forwarding.Pause.D(), LongestPause: p.Forwarding.LongestPause.D(), Attempts: p.Forwarding.Attempts,
			Expiry: p.Forwarding.Expiry.D(), Retention: p.Forwarding.Retention.D(), Inquiries: p.Forwarding.Inquiries,
		},
	}
}

// Trial returns what gates try of a solution in shadow; false if the plan does not ask for
// it. Tried are the terms for an outage that nobody announced, if there are any: it is
// theirs to hold unprepared.
func (t Temporary) Trial() (standin.Trial, bool) {
	if t.Kind != StandIn || t.Profile == nil || t.Profile.ShadowPercent <= 0 {
		return standin.Trial{}, false
	}
	trial := standin.Trial{
		Profile: t.StandIn(), Planned: t.Profile.Unplanned == nil, Scope: t.Scope, Share: t.Profile.ShadowPercent / 100,
		Outage: min(t.Longest.D(), standin.LongestOutage),
	}
	if trial.Scope == "" {
		trial.Scope = "all"
	}
	if trial.Outage == 0 {
		trial.Outage = standin.LongestOutage
	}
	return trial, true
}

// Trials are what gates try of a plan's solutions.
func Trials(solutions []Temporary) (list []standin.Trial) {
	for _, t := range solutions {
		if trial, asked := t.Trial(); asked && len(list) < standin.MaxTrials {
			list = append(list, trial)
		}
	}
	return list
}

func (t *Terms) standIn() *standin.Terms {
	if t == nil {
		return nil
	}
	s := &standin.Terms{Eligible: t.Eligible, Limits: standInLimits(t.Limits)}
	if q := t.Queue; q != nil {
		s.Queue = &standin.Queue{Deferrable: q.Deferrable, Expires: q.Expires.D(), Limits: standInLimits(q.Limits), Owner: q.Responsible}
	}
	return s
}

func standInLimits(limits []Limit) (list []standin.Limit) {
	for _, l := range limits {
		list = append(list, standin.Limit{Over: standin.Over(l.Over), Currency: l.Currency, Amount: int64(l.Amount), Count: int64(l.Count), Window: l.Window.D()})
	}
	return list
}

var offset = regexp.MustCompile(`^([+-])([01][0-9]):([0-5][0-9])$`)

// readZone reads an offset to UTC.
func readZone(s string) (time.Duration, bool) {
	m := offset.FindStringSubmatch(s)
	if m == nil {
		return 0, s == ""
	}
	hours, _ := strconv.Atoi(m[2]) // they are digits
	minutes, _ := strconv.Atoi(m[3])
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if m[1] == "-" {
		d = -d
	}
	return d, true
}

var clock = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$`)

// readCutOff reads a time of the day as what has passed since midnight; the first
// moment of a day is the end of the one before.
func readCutOff(s string) (time.Duration, bool) {
	if !clock.MatchString(s) {
		return 0, s == ""
	}
	hours, _ := strconv.Atoi(s[:2]) // they are digits
	minutes, _ := strconv.Atoi(s[3:])
	if hours+minutes == 0 {
		hours = 24
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute, true
}
