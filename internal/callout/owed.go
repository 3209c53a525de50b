package callout

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/obligation"
	"holdfast/internal/procedure"
)

// Owed tells who reports to regulators what an incident owes: as reports begin to be
// owed, as limits come near and as they pass. The holders of the role that the plan
// names are told, by their duty times; nobody outside ever is. Reports to which the
// same happens at one instant are told of in one notice. What is to be told follows
// from facts, so it is told once, late rather than never.
type Owed struct {
	State       *journal.State
	Obligations obligation.Nouns
	Book        *notify.Book
	Notices     *notify.Service
	// Link makes the address of an incident's page.
	Link func(incident string) string
	Zone *time.Location
	Log  *slog.Logger
	Now  func() time.Time
}

const (
	// newsFor is how long those who come on duty are told of what others were told.
	newsFor = 24 * time.Hour
	// owedEvery is how often at most, and how seldom at least, it is looked at.
	owedEvery, owedAtLeast = time.Second, time.Minute
)

// Run asks for the notices that are due until ctx ends.
func (o *Owed) Run(ctx context.Context) error {
	watch, end := o.State.WatchFacts(func(f holdfast.Fact) bool {
		noun, _ := f.Subject.Split()
		return noun == "obligation" || noun == "person"
	})
	defer end()
	for {
		var due []notify.Notice
		o.State.View(func() { due = o.due(o.Now()) })
		for _, n := range due { // one by one: what is wrong with one must not keep the others back
			if err := o.Notices.Ask(ctx, holdfast.Self("callout"), n); err != nil && ctx.Err() == nil {
				o.Log.Warn("who reports cannot be told now", "incident", n.Incident, "task", n.Task, "person", n.Person, "error", err)
			}
		}
		if !journal.Pause(ctx, owedEvery, nil) || !journal.Pause(ctx, owedAtLeast-owedEvery, watch) {
			return nil
		}
	}
}

// due lists the notices that do not exist yet.
func (o *Owed) due(now time.Time) (list []notify.Notice) {
	n := o.Obligations
	for _, in := range n.Incidents.All() {
		if n.Book.Record(in.ID) == nil || !n.Live(in, now) {
			continue
		}
		sheet := n.Sheet(in, now)
		for _, t := range sheet.Tidings() {
			list = append(list, o.tell(sheet, t, now)...)
		}
	}
	return list
}

func (o *Owed) tell(s obligation.Sheet, t obligation.Tiding, now time.Time) (list []notify.Notice) {
	about := notify.Notice{
		Incident: s.Incident.ID, Task: strings.Join([]string{"owed", string(t.Kind), t.Role, strconv.FormatInt(t.At.UnixMilli(), 36)}, "-"),
		Drill: s.Incident.Drill, Urgent: t.Kind != obligation.ToReport || soon(t, now),
	}
	if now.Sub(t.At) > newsFor && len(o.Book.ByTask(about.Incident, about.Task)) > 0 {
		return nil
	}
	for _, r := range Recipients(o.Obligations.Roster, "", procedure.Notice{To: []string{t.Role}}, now) {
		about.Why = r.Why
		if r.Lang == "" && s.Plan != nil {
			r.Lang = s.Plan.Language
		}
		for _, n := range letters(about, r.Person, func(p *locale.Printer) (subject, body string) { return o.text(s, t, p) }) {
			if o.Book.Notice(n.ID) == nil {
				list = append(list, n)
			}
		}
	}
	return list
}

// soon reports whether a report is due within a day.
func soon(t obligation.Tiding, now time.Time) bool {
	for _, d := range t.Duties {
		if !d.Due.IsZero() && d.Due.Sub(now) < 24*time.Hour {
			return true
		}
	}
	return false
}

func (o *Owed) text(s obligation.Sheet, t obligation.Tiding, p *locale.Printer) (subject, body string) {
	var lines []string
	for _, d := range t.Duties {
		lines = append(lines, p.T("notice.owed.line", "report", d.Stage.Title.In(p.Lang()), "recipient", d.Rule.Recipient.In(p.Lang()), "due", o.when(d, p)))
	}
	args := []any{
		"incident", s.Incident.ID, "title", s.Incident.Title, "n", p.Int(int64(len(lines))), "list", strings.Join(lines, "\n"),
		"link", o.Link(s.Incident.ID) + "/obligations",
	}
	return p.T("owed.news."+string(t.Kind), args...), p.T("owed.tell."+string(t.Kind), args...)
}

// when says by when a report is due, and what is not sure about that.
func (o *Owed) when(d obligation.Duty, p *locale.Printer) string {
	var marks []string
	if d.Applies.String() == "unknown" {
		marks = append(marks, p.T("owed.unknown"))
	}
	if d.Provisional {
		marks = append(marks, p.T("owed.provisional"))
	}
	if d.Guessed {
		marks = append(marks, p.T("owed.guessed"))
	}
	if d.Verified == nil && d.Stage.Mark != obligation.Planned {
		marks = append(marks, p.T("clock.unverified"))
	}
	due := ""
	switch {
	case !d.Due.IsZero():
		due = p.T("notice.owed.due", "time", p.Time(d.Due, o.Zone))
	case d.Start.IsZero():
		due = p.T("notice.owed.waits")
	default:
		due = p.T("clock.no-figure")
	}
	if len(marks) > 0 {
		due = p.T("notice.owed.marked", "due", due, "marks", strings.Join(marks, p.T("letter.comma")))
	}
	return due
}
