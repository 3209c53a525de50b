package obligation

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
)

// on returns the sheet of an incident.
func (n Nouns) on(id string, now time.Time) (Sheet, error) {
	in := n.Incidents.Incident(id)
	if in == nil {
		return Sheet{}, holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
	}
	return n.Sheet(in, now), nil
}

// duty returns a report of an incident.
func (n Nouns) duty(id, clock string, now time.Time) (Sheet, Duty, error) {
	s, err := n.on(id, now)
	if err != nil {
		return s, Duty{}, err
	}
	d, found := s.Duty(clock)
	if !found {
		return s, d, holdfast.Errorf(holdfast.NotFound, "incident %s has no report %q: the rules of its plan do not know it", id, clock)
	}
	return s, d, nil
}

// fact makes the draft of a fact on an incident's obligations.
func (s Sheet) fact(kind string, body any) []journal.Draft {
	var revision holdfast.Revision
	if s.Record != nil {
		revision = s.Record.revision
	}
	return []journal.Draft{journal.NewDraft(subject(s.Incident.ID), revision, kind, body)}
}

// setMoment decides on a correction. A zero time gives the moment back to the
// incident.
func (n Nouns) setMoment(id, name string, at time.Time, reason string, now time.Time) ([]journal.Draft, error) {
	s, err := n.on(id, now)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(plan.Moments[:], name) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is no moment: choose one of %s", name, strings.Join(plan.Moments[:], ", ")).At("moment")
	}
	at = at.UTC().Truncate(time.Microsecond)
	if at.After(now) || !at.IsZero() && at.Before(s.Incident.Opened.AddDate(-1, 0, 0)) {
		return nil, holdfast.Errorf(holdfast.Invalid, "a moment of the incident lies in the past, at most a year before it was opened").At("at")
	}
	if reason, err = worded("reason", reason, maxReason); err != nil {
		return nil, err
	}
	if m := s.Moments[slices.Index(plan.Moments[:], name)]; m.Corrected() && m.At.Equal(at) || !m.Corrected() && at.IsZero() {
		return nil, nil
	}
	return s.fact(kindMoment, fact{Moment: name, At: at, Reason: reason}), nil
}

// assess decides on an assessment.
func (n Nouns) assess(id string, a Assessment, now time.Time) ([]journal.Draft, error) {
	s, err := n.on(id, now)
	if err != nil {
		return nil, err
	}
	for name := range a.Yes {
		if !slices.Contains(Questions[:], name) {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q is no question: choose one of %s", name, strings.Join(Questions[:], ", ")).At("yes")
		}
	}
	for name, value := range a.Numbers {
		if !slices.Contains(Numbers[:], name) || value < 0 || value > maxNumber {
			return nil, holdfast.Errorf(holdfast.Invalid, "%q is no number that reports ask for, or not between 0 and %d; the names are %s", name, int64(maxNumber), strings.Join(Numbers[:], ", ")).At("numbers")
		}
	}
	if _, told := a.Numbers["loss"]; told && !currency(a.Currency) {
		return nil, holdfast.Errorf(holdfast.Invalid, "a loss needs its currency in three capital letters, as EUR").At("currency")
	}
	for pack, class := range a.Classes {
		if !knowsClass(pack, class) {
			return nil, holdfast.Errorf(holdfast.Invalid, "pack %q has no class %q", pack, class).At("classes")
		}
	}
	if utf8.RuneCountInString(a.Cause) > maxLine || strings.ContainsFunc(a.Cause, unicode.IsControl) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%s is one line of at most %d characters", "cause", maxLine).At("cause")
	}
	a.Cause = payment.Mask(strings.TrimSpace(a.Cause))
	if a.Note, err = worded("note", a.Note, maxReason); err != nil {
		return nil, err
	}
	return s.fact(kindAssessed, a), nil
}

func currency(code string) bool {
	return len(code) == 3 && !strings.ContainsFunc(code, func(r rune) bool { return r < 'A' || r > 'Z' })
}

func knowsClass(pack, class string) bool {
	p := Packs()[pack]
	return p != nil && (class == None || slices.ContainsFunc(p.Classes, func(c Class) bool { return c.ID == class }))
}

// explain decides on the reason for which a report is, or will be, late.
func (n Nouns) explain(id, clock, reason string, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	if err != nil {
		return nil, err
	}
	if reason, err = worded("reason", reason, maxReason); err != nil {
		return nil, err
	}
	switch {
	case d.Due.IsZero():
		return nil, holdfast.Errorf(holdfast.Conflict, "report %s has no limit that could pass", clock)
	case d.State.Done() && !d.Late(now):
		return nil, holdfast.Errorf(holdfast.Conflict, "report %s went out within its limit", clock)
	case len(d.Explained) >= maxProofs:
		return nil, tooMany(clock)
	}
	return s.fact(kindExplained, fact{Clock: clock, Reason: reason, Due: d.Due}), nil
}

// save decides on a new text of a report. The same text again gives no fact.
func (n Nouns) save(id, clock string, lang holdfast.Lang, text string, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	if err != nil {
		return nil, err
	}
	lang = cmp.Or(lang, d.Pack.Lang)
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case !slices.Contains(holdfast.Langs[:], lang):
		return nil, holdfast.Errorf(holdfast.Invalid, "language %q is not one of zh-Hant, zh-Hans and en", string(lang)).At("lang")
	case text == "":
		return nil, holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", "text").At("text")
	case utf8.RuneCountInString(text) > maxText:
		return nil, holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", "text", maxText).At("text")
	case len(d.Drafts) >= maxDrafts:
		return nil, tooMany(clock)
	}
	text = payment.Mask(text)
	if last, some := d.Last(); some && last.Text == text && last.Lang == lang {
		return nil, nil
	}
	return s.fact(kindDrafted, fact{Clock: clock, Lang: lang, Text: text}), nil
}

// decideDraft is a second person's answer to a text; number is the one that was
// read. Nobody answers his own.
func (n Nouns) decideDraft(by holdfast.Actor, id, clock string, number int, approve bool, reason string, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	if err != nil {
		return nil, err
	}
	last, some := d.Last()
	switch {
	case !some || last.Number != number:
		return nil, holdfast.Errorf(holdfast.Conflict, "the report's text is another one by now: read it again").At("draft")
	case last.By.SameParty(by):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you wrote this text: a second person decides on it")
	case approve && last.Refused != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "this text was refused: write another")
	case approve && last.Approved != nil || !approve && last.Refused != nil:
		return nil, nil
	case d.sent(number):
		return nil, holdfast.Errorf(holdfast.Conflict, "this text has gone out already")
	}
	if approve {
		return s.fact(kindApproved, fact{Clock: clock, Draft: number}), nil
	}
	if reason, err = worded("reason", reason, maxReason); err != nil {
		return nil, err
	}
	return s.fact(kindRefused, fact{Clock: clock, Draft: number, Reason: reason}), nil
}

func (w Work) sent(draft int) bool {
	return slices.ContainsFunc(w.Submissions, func(o Submission) bool { return o.Draft == draft })
}

// submit decides on the record that the approved text went out.
func (n Nouns) submit(id, clock string, at time.Time, how string, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	if err != nil {
		return nil, err
	}
	if how, err = lineOf("how", how); err != nil {
		return nil, err
	}
	at = at.UTC().Truncate(time.Microsecond)
	last, some := d.Last()
	switch {
	case s.Incident.Drill:
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s is a drill: nothing is handed in", id)
	case !some || last.Approved == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "the report's text is not approved yet: a second person approves it first")
	case d.sent(last.Number):
		return nil, nil
	case at.IsZero() || at.After(now) || at.Before(s.Incident.Opened):
		return nil, holdfast.Errorf(holdfast.Invalid, "say when it went out: since the incident was opened, and not to come").At("at")
	case len(d.Submissions) >= maxProofs:
		return nil, tooMany(clock)
	case !d.Due.IsZero() && at.After(d.Due) && len(d.Submissions) == 0 && len(d.Explained) == 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "report %s is late: say why first", clock).At("reason")
	}
	return s.fact(kindSubmitted, fact{Clock: clock, Draft: last.Number, At: at, How: how, Due: d.Due}), nil
}

// receive decides on the recipient's receipt. The same again gives no fact.
func (n Nouns) receive(id, clock, number string, at, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	if err != nil {
		return nil, err
	}
	if number, err = lineOf("number", number); err != nil {
		return nil, err
	}
	at = at.UTC().Truncate(time.Microsecond)
	switch {
	case len(d.Submissions) == 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "report %s has not gone out yet: record that first", clock)
	case at.After(now) || at.Before(d.Submissions[0].At):
		return nil, holdfast.Errorf(holdfast.Invalid, "say when the receipt came: after the report went out, and not to come").At("at")
	case slices.ContainsFunc(d.Receipts, func(r Receipt) bool { return r.Number == number && r.At.Equal(at) }):
		return nil, nil
	case len(d.Receipts) >= maxProofs:
		return nil, tooMany(clock)
	}
	return s.fact(kindReceipted, fact{Clock: clock, Number: number, At: at}), nil
}

// scan decides on a file beside a report. The same file again gives no fact.
func (n Nouns) scan(id, clock string, file attachment.File, now time.Time) ([]journal.Draft, error) {
	s, d, err := n.duty(id, clock, now)
	switch {
	case err != nil:
		return nil, err
	case len(d.Submissions) == 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "report %s has not gone out yet: record that first", clock)
	case slices.ContainsFunc(d.Scans, func(o Scan) bool { return o.File.Hash == file.Hash }):
		return nil, nil
	case len(d.Scans) >= maxProofs:
		return nil, tooMany(clock)
	}
	return s.fact(kindScanned, fact{Clock: clock, File: &file}), nil
}

// Verification is what a person says of a clock of a pack.
type Verification struct {
	// Name is who compared it with the text in force, On the day, as 2026-11-26.
	Name string `json:"name"`
	On   string `json:"on"`
	// Source is the text: its title and version.
	Source string `json:"source"`
	// Limit is what it says, where the pack says another thing.
	Limit *Limit `json:"limit,omitempty"`
}

// verify decides on a verification, which holds for the pack's present version.
func (n Nouns) verify(clock string, v Verification, now time.Time) ([]journal.Draft, error) {
	p, _, err := findClock(clock)
	if err != nil {
		return nil, err
	}
	if v.Name, err = lineOf("name", v.Name); err != nil {
		return nil, err
	}
	if v.Source, err = lineOf("source", v.Source); err != nil {
		return nil, err
	}
	day, err := time.ParseInLocation(time.DateOnly, v.On, n.Zone)
	if err != nil || day.After(now) {
		return nil, holdfast.Errorf(holdfast.Invalid, "say on which day it was verified, as 2026-11-26, not one to come").At("on")
	}
	if v.Limit != nil && v.Limit.check() != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "a limit is one of within (at most 8784h), days, business_days and months, the last three with at as 17:00 if need be").At("limit")
	}
	var revision holdfast.Revision
	if old := n.Book.Verified(clock); old != nil {
		revision = old.revision
	}
	body := Verified{Version: p.Version, Name: v.Name, On: v.On, Source: v.Source, Limit: v.Limit}
	return []journal.Draft{journal.NewDraft(clockSubject(clock), revision, kindVerified, body)}, nil
}

// findClock finds a stage of the packs that come with the program.
func findClock(clock string) (*Pack, Stage, error) {
	parts := strings.Split(clock, ".")
	if p := Packs()[parts[0]]; p != nil && len(parts) == 3 {
		for _, r := range p.Rules {
			i := slices.IndexFunc(r.Stages, func(s Stage) bool { return s.ID == parts[2] })
			if r.ID == parts[1] && i >= 0 {
				return p, r.Stages[i], nil
			}
		}
	}
	return nil, Stage{}, holdfast.Errorf(holdfast.NotFound, "no pack has a clock %q; holdfast obligation packs lists them. What the plan itself says is verified by its approval", clock)
}

// arise returns what follows by itself: rules that begin and cease to apply, limits
// that come near and pass. Only of a confirmed incident: before, each level is
// possible.
func (s Sheet) arise(now time.Time) (drafts []journal.Draft) {
	if s.Record == nil && (s.Incident.State == incident.Suspected || s.Incident.State == incident.Dismissed) {
		return nil
	}
	var revision holdfast.Revision
	if s.Record != nil {
		revision = s.Record.revision
	}
	state := func(kind string, body fact) {
		if len(drafts) < journal.MaxFacts {
			drafts = append(drafts, journal.NewDraft(subject(s.Incident.ID), revision+holdfast.Revision(len(drafts)), kind, body))
		}
	}
	seen := map[string]bool{}
	for _, d := range s.Duties {
		rule := d.Pack.ID + "." + d.Rule.ID
		if last := s.Record.turn(rule); !seen[rule] && s.Incident.State != incident.Suspected {
			unknown := d.Applies == expression.Unknown
			switch {
			case d.Applies != expression.No && (!last.Began || last.Unknown != unknown):
				state(kindBegan, fact{Rule: rule, Why: d.Why, Unknown: unknown})
			case d.Applies == expression.No && last.Began:
				state(kindCeased, fact{Rule: rule, Why: d.Why})
			}
		}
		seen[rule] = true
		switch {
		case d.AtRisk(now) && !d.warned(d.Due, false):
			state(kindAtRisk, fact{Clock: d.Clock, Due: d.Due})
		case d.Late(now) && !d.State.Done() && !d.warned(d.Due, true):
			state(kindBreached, fact{Clock: d.Clock, Due: d.Due})
		}
	}
	return drafts
}

// next returns when something will arise by itself though nothing happens, or the
// zero time.
func (s Sheet) next(now time.Time) (at time.Time) {
	for _, d := range s.Duties {
		for _, t := range []time.Time{d.RiskAt, d.Due.Add(time.Microsecond)} {
			if d.Open() && !d.Due.IsZero() && t.After(now) && (at.IsZero() || t.Before(at)) {
				at = t
			}
		}
	}
	return at
}

func tooMany(clock string) error {
	return holdfast.Errorf(holdfast.TooLarge, "report %s has as many entries of this kind as one can have", clock)
}

// worded returns a text of several lines without space around it and without card
// numbers.
func worded(field, text string, most int) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	switch {
	case text == "":
		return "", holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > most:
		return "", holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, most).At(field)
	}
	return payment.Mask(text), nil
}

func lineOf(field, text string) (string, error) {
	text, err := worded(field, text, maxLine)
	if err == nil && strings.ContainsFunc(text, unicode.IsControl) {
		err = holdfast.Errorf(holdfast.Invalid, "%s is one line: take line breaks and other control characters out", field).At(field)
	}
	return text, err
}
