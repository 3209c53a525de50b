package debrief

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/incident"
)

// Blocks are the figures under headings of a level.
func (f Figures) Blocks(e Edition, level int) (blocks []docx.Block) {
	add := func(key string, more ...docx.Block) {
		if len(more) > 0 {
			blocks = append(append(blocks, docx.H(level, e.t(key))), more...)
		}
	}
	blocks = append(blocks, docx.P(e.t("taken", "at", e.at(f.At), "position", e.Words.Int(int64(f.Position)))))
	add("times", f.Record.timesTable(e))
	add("payments", f.Counts.blocks(e)...)
	add("outcomes", f.Counts.Outcomes.blocks(e)...)
	add("stated", rows(e, []string{e.t("measure"), e.t("value"), e.t("by"), e.t("note")}, f.Record.Stated, func(s Stated) []string {
		return []string{s.Measure, fmt.Sprint(s.Value), s.By + " · " + e.at(s.At), cmp.Or(s.Note, "–")}
	})...)
	add("people", f.Record.peopleTable(e)...)
	add("limits", f.Record.limitsTable(e)...)
	add("steps", f.Record.stepsTable(e)...)
	add("levels", f.Record.levelBlocks(e)...)
	add("decisions", rows(e, []string{e.t("question"), e.t("chosen"), e.t("by"), e.t("why")}, f.Record.Decisions, func(d Decision) []string {
		if d.Made.IsZero() {
			return []string{d.ID + " " + d.Question, e.t("undecided"), "–", strings.Join(d.Options, e.Words.T("plan.list-mark"))}
		}
		reversible := e.t("irreversible")
		if d.Reversible {
			reversible = e.t("reversible")
		}
		return []string{d.ID + " " + d.Question, d.Chosen + " · " + reversible, d.By + " · " + e.at(d.Made), d.Why}
	})...)
	add("directives", f.Record.directivesTable(e)...)
	add("owed", f.owedTable(e)...)
	return blocks
}

// rows makes a table of a list, none of an empty one. Of one that is longer than the
// edition wants it says how much is left.
func rows[T any](e Edition, head []string, list []T, row func(T) []string) []docx.Block {
	if len(list) == 0 {
		return nil
	}
	shown := list
	if e.Most > 0 && len(list) > e.Most {
		shown = list[:e.Most]
	}
	table := docx.T(head)
	for _, x := range shown {
		table.Rows = append(table.Rows, row(x))
	}
	blocks := []docx.Block{table}
	if left := len(list) - len(shown); left > 0 {
		blocks = append(blocks, docx.P(e.t("rows-left", "n", e.Words.Int(int64(left)))))
	}
	return blocks
}

func (r Record) timesTable(e Edition) docx.Block {
	table := docx.T([]string{e.t("span"), e.t("took"), e.t("from"), e.t("to")}).Wide(3, 2, 5, 5)
	for _, s := range r.Times {
		took := e.t("missing." + s.Missing)
		if d, known := s.Took(); known {
			took = e.Words.Span(d)
		}
		table.Rows = append(table.Rows, []string{e.t("span." + s.Name), took, e.instant(s.From), e.instant(s.To)})
	}
	return table
}

// instant is one end of a span, and who says so.
func (e Edition) instant(i *Instant) string {
	if i == nil {
		return "–"
	}
	ref := i.Ref
	if i.Source == FromStage {
		ref = e.Words.T("choice.stage." + ref)
	}
	text := e.at(i.At) + "\n" + e.t("source."+i.Source, "ref", ref)
	if i.Position > 0 {
		text += " " + e.t("position", "n", e.Words.Int(int64(i.Position)))
	}
	return text
}

func (c Counts) blocks(e Edition) []docx.Block {
	note := e.t("counts-missing")
	if c.Known {
		note = e.t("counted", "from", e.at(c.From), "to", e.at(c.To))
	}
	table := docx.T([]string{e.t("item"), e.t("count"), e.t("amount")})
	type row struct {
		key string
		sum Sum
	}
	rows := []row{{"declined", c.Declined}, {"failed", c.Failed}, {"unknown", c.Unknown}}
	if c.StoodIn != nil {
		rows = append(rows, row{"stood-in", *c.StoodIn})
	}
	for _, row := range rows {
		cells := []string{e.t("count." + row.key), e.t("not-known"), e.t("not-known")}
		if c.Known {
			cells[1], cells[2] = e.number(row.sum.Count, c.AtLeast), e.amounts(row.sum)
		}
		table.Rows = append(table.Rows, cells)
	}
	if c.Untraced != nil {
		table.Rows = append(table.Rows, []string{e.t("count.untraced"), e.number(c.Untraced.Count, true), e.amounts(*c.Untraced)})
	}
	table.Rows = append(table.Rows, []string{e.t("count.payers"), e.payers(c.Payers), "–"})
	if s := c.Stop; s != nil {
		stop := e.t("in-flight", "n", e.Words.Int(int64(s.Payments)), "done", e.Words.Int(int64(s.Done)), "not", e.Words.Int(int64(s.NotDone)), "unknown", e.Words.Int(int64(s.Unknown)))
		if s.NotKnown > 0 {
			stop += e.t("gates-silent", "n", e.Words.Int(int64(s.NotKnown)))
		}
		table.Rows = append(table.Rows, []string{e.t("count.stop"), stop, "–"})
	}
	return []docx.Block{docx.P(note), table}
}

func (e Edition) payers(p *Payers) string {
	if p == nil {
		return e.t("not-counted")
	}
	return e.t("payers-about", "all", e.number(p.All, p.AtLeast),
		"declined", e.Words.Int(p.Declined), "failed", e.Words.Int(p.Failed), "unknown", e.Words.Int(p.Unknown))
}

func (e Edition) number(n int64, least bool) string {
	if least {
		return e.t("at-least", "n", e.Words.Int(n))
	}
	return e.Words.Int(n)
}

func (e Edition) amounts(s Sum) string {
	var list []string
	for currency, minor := range s.Amounts {
		if currency != "" {
			list = append(list, e.Words.Money(holdfast.Money{Minor: minor, Currency: currency}))
		}
	}
	slices.Sort(list)
	if len(list) == 0 {
		return "–"
	}
	return strings.Join(list, "\n")
}

func (r Record) peopleTable(e Edition) []docx.Block {
	return rows(e, []string{e.t("name"), e.t("told"), e.t("reached"), e.t("acknowledged")}, r.People, func(p Told) []string {
		reached, acknowledged := e.t("not-reached"), e.t("not-acknowledged")
		if !p.Reached.IsZero() {
			reached = e.at(p.Reached) + "\n" + e.channel(p.Channel)
		}
		if !p.Acknowledged.IsZero() {
			acknowledged = e.at(p.Acknowledged) + "\n" + e.t("how."+p.How)
		}
		return []string{p.Name, e.at(p.Asked), reached, acknowledged}
	})
}

func (e Edition) channel(name string) string {
	if name == "call" {
		return e.t("by-call")
	}
	if key := "channel." + name; e.Words.Has(key) {
		return e.Words.T(key)
	}
	return name
}

func (r Record) limitsTable(e Edition) []docx.Block {
	table := rows(e, []string{e.t("limit"), e.t("level"), e.t("limit-due"), e.t("limit-result")}, r.Limits, func(l Limit) []string {
		name := e.t("of."+string(l.Of)) + " " + e.name(l.Title, l.ID)
		result := e.t("result." + l.Result)
		if late := l.Late(); late > 0 {
			result += " " + e.t("late", "span", e.Words.Span(late))
		}
		level := "–"
		if l.Of != incident.OfPost {
			level = e.level(l.Level)
		}
		return []string{name, level, e.at(l.Due), result}
	})
	if len(table) == 0 {
		return nil
	}
	return append([]docx.Block{docx.P(e.t("limits-count", "met", e.Words.Int(int64(r.LimitsMet)), "missed", e.Words.Int(int64(r.LimitsMissed))))}, table...)
}

func (r Record) stepsTable(e Edition) []docx.Block {
	return rows(e, []string{e.t("step"), e.t("level"), e.t("step-status"), e.t("why")}, r.Steps, func(s Step) []string {
		name := e.name(s.Title, s.Stage)
		if s.Task != "" {
			name = "– " + e.name(s.Title, s.Task)
		}
		status := e.Words.T("status." + s.Status)
		if !s.Ended.IsZero() {
			status += " " + e.at(s.Ended)
		}
		why := s.Why
		if s.Consent != "" {
			why = strings.TrimSpace(why + " " + e.t("skipped-by", "by", s.By, "consent", s.Consent))
		}
		return []string{name, e.level(s.Level), status, cmp.Or(why, "–")}
	})
}

func (r Record) levelBlocks(e Edition) []docx.Block {
	blocks := []docx.Block{docx.P(e.t("evaluated", "n", e.Words.Int(int64(r.Evaluations.Stored)), "turns", e.Words.Int(int64(len(r.Evaluations.Turns)+r.Evaluations.Left))))}
	blocks = append(blocks, rows(e, []string{e.t("judged-at"), e.t("level"), e.t("inputs")}, r.Evaluations.Turns, func(t Turn) []string {
		level := e.t("no-level")
		if t.Level != holdfast.Unknown {
			level = e.level(t.Level)
		}
		if t.Triage {
			level += " " + e.t("triage")
		}
		var inputs []string
		for _, in := range t.Readings {
			value := e.t("not-known")
			if in.Value != nil {
				value = fmt.Sprint(in.Value)
			}
			if in.AtLeast {
				value = e.t("at-least", "n", value)
			}
			inputs = append(inputs, in.Measure+" "+value)
		}
		return []string{e.at(t.Judged), level, strings.Join(inputs, "\n")}
	})...)
	return append(blocks, rows(e, []string{e.t("changed-at"), e.t("change"), e.t("by"), e.t("why")}, r.Changes, func(c LevelChange) []string {
		by := c.By
		if c.AskedBy != "" {
			by = c.AskedBy + " → " + c.By
		}
		if c.Automatic {
			by = e.t("automatic")
		}
		return []string{e.at(c.At), e.level(c.From) + " → " + e.level(c.To), by, cmp.Or(c.Why, "–")}
	})...)
}

func (r Record) directivesTable(e Edition) []docx.Block {
	return rows(e, []string{e.t("directive"), e.t("ordered"), e.t("confirmed"), e.t("ended")}, r.Directives, func(d DirectiveSummary) []string {
		name := d.ID + " " + e.Words.T("directive.kind."+d.Kind)
		if d.Share > 0 {
			name += " " + e.Words.Percent(d.Share*100)
		}
		if d.Scope != "all" {
			name += "\n" + d.Scope
		}
		ordered := e.at(d.Issued) + "\n" + d.ProposedBy
		switch {
		case d.Issued.IsZero():
			ordered = e.Words.T("directive.state."+d.State) + "\n" + d.ProposedBy
		case d.PreAuthorised:
			ordered += " " + e.t("pre-authorised")
		case d.ApprovedBy != "":
			ordered += " → " + d.ApprovedBy
		}
		confirmed := e.t("never-confirmed")
		if d.Issued.IsZero() {
			confirmed = "–"
		}
		if !d.Confirmed.IsZero() {
			confirmed = e.at(d.Confirmed) + "\n" + e.t("gates", "n", e.Words.Int(int64(d.Gates)))
		}
		ended := "–"
		if !d.Ended.IsZero() {
			ended = strings.TrimSpace(e.at(d.Ended) + "\n" + d.EndedBy + " " + d.EndReason)
		}
		return []string{name, ordered, confirmed, ended}
	})
}

func (f Figures) owedTable(e Edition) []docx.Block {
	return rows(e, []string{e.t("owed-what"), e.t("owed-due"), e.t("owed-out"), e.t("owed-state")}, f.Owed, func(o Owed) []string {
		state := e.Words.T("owed.state." + o.State)
		if o.Late {
			state += " " + e.t("owed-late")
		}
		if o.Applies != "yes" {
			state += " " + e.t("owed-unsure")
		}
		if o.Explained != "" {
			state += "\n" + o.Explained
		}
		return []string{e.name(o.Title, o.Clock) + "\n" + e.name(o.Recipient, ""), e.at(o.Due), e.at(o.Submitted), state}
	})
}
