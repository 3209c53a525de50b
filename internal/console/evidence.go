package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/archive"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// incidentEvidence sends an incident's evidence pack.
func (c *Console) incidentEvidence(v *visit) error {
	p, err := c.Evidence(v.path("id"), v.by())
	if err != nil {
		return err
	}
	return archive.WritePack(v.r.Context(), web.Download(v.w, "evidence-"+v.path("id")+".zip", "application/zip"), c.Store, p)
}

// Evidence is what an incident's evidence pack is made of: its facts, and for people
// its record in each language, the debrief as a Word document, and what is assembled
// of it as JSON. Its times are in the operator's zone.
func (c *Console) Evidence(id string, by holdfast.Actor) (archive.Pack, error) {
	r, err := c.View.Record(id)
	if err != nil {
		return archive.Pack{}, err
	}
	p := archive.Pack{
		Subject: holdfast.NewSubject("incident", id), Title: r.Incident.Title, Made: c.Desk.Now(), By: by, First: r.First, Head: r.Head,
		Of: func(f holdfast.Fact) bool { return r.Subjects[f.Subject] },
	}
	owed, err := c.View.IncidentObligations(id)
	if err != nil {
		return p, err
	}
	p.Copies = append(p.Copies, archive.Copy{Path: "README.txt", Content: []byte(evidenceReadme())})
	for _, lang := range holdfast.Langs {
		v := &visit{words: locale.For(lang), zone: c.Zone}
		p.Copies = append(p.Copies, archive.Copy{Path: string(lang) + "/record.txt", Content: []byte(c.recordText(v, r, owed.Reports, p.Made))})
	}
	if r.Plan != "" {
		p.Copies = append(p.Copies, archive.Copy{Path: "data/plan.yaml", Content: []byte(r.Plan)})
	}
	data := map[string]any{"incident": r.Incident, "obligations": owed}
	if len(r.Incident.StoodIn) > 0 {
		data["stand-in"] = map[string]any{"stood_in": r.Incident.StoodIn, "decisions": r.Decided}
	}
	if !r.Incident.Confirmed.IsZero() {
		d, err := c.View.Debrief(id)
		if err != nil {
			return p, err
		}
		data["debrief"] = d
		for _, lang := range holdfast.Langs {
			var file bytes.Buffer
			if err := docx.Write(&file, d.Report(debrief.Edition{Words: locale.For(lang), Zone: c.Zone})); err != nil {
				return p, err
			}
			p.Copies = append(p.Copies, archive.Copy{Path: string(lang) + "/debrief.docx", Content: file.Bytes()})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		text, err := json.MarshalIndent(data[name], "", "  ")
		if err != nil {
			return p, err
		}
		p.Copies = append(p.Copies, archive.Copy{Path: "data/" + name + ".json", Content: text})
	}
	return p, nil
}

// evidenceReadme says in every language what a pack is.
func evidenceReadme() string {
	var b strings.Builder
	for _, lang := range holdfast.Langs {
		fmt.Fprintf(&b, "%s\n\n", locale.For(lang).T("evidence.readme"))
	}
	return b.String()
}

// recordText is an incident's record to be read: what was done, oldest first, whom
// notices reached, and what was ordered at the gates and confirmed.
func (c *Console) recordText(v *visit, r view.Record, owed []view.Obligation, made time.Time) string {
	in := r.Incident
	b := &chronicle{Printer: v.words, zone: v.zone}
	b.line(0, "%s %s · %s", b.T("evidence.incident"), in.ID, titled(b.Printer, in.Title, in.Titles))
	b.line(0, "%s", b.T("evidence.made", "at", b.at(made), "position", b.Int(int64(r.Head.Position))))
	b.line(0, "%s %s", b.T("incident.opened"), b.at(in.Opened))
	if !in.Confirmed.IsZero() {
		b.line(0, "%s %s · %s", b.T("incident.confirmed"), b.at(in.Confirmed), b.T("level.n", "n", int(in.Level)))
	}
	acts, delivered := c.timeline(v, in, owed)
	b.lines(b.T("timeline.title"), acts)
	if in.TimelineLeft > 0 {
		b.line(0, "%s", b.T("evidence.left-out", "n", b.Int(int64(in.TimelineLeft))))
	}
	b.told(in)
	b.directives(in)
	b.stoodIn(r)
	b.lines(b.T("timeline.deliveries", "n", b.Int(int64(len(delivered)))), delivered)
	return b.String()
}

// chronicle is the text of a record as it grows.
type chronicle struct {
	strings.Builder
	*locale.Printer
	zone *time.Location
}

func (b *chronicle) at(t time.Time) string { return b.Time(t, b.zone) }

func (b *chronicle) line(depth int, format string, args ...any) {
	text := strings.TrimSpace(fmt.Sprintf(format, args...))
	indent := strings.Repeat("    ", depth)
	fmt.Fprintf(b, "%s%s\n", indent, strings.ReplaceAll(text, "\n", "\n"+indent))
}

func (b *chronicle) heading(text string) { fmt.Fprintf(b, "\n\n== %s ==\n\n", text) }

// lines writes what the console's timeline has newest first.
func (b *chronicle) lines(title string, list []line) {
	b.heading(title)
	for _, l := range slices.Backward(list) {
		b.line(0, "%s  %s", b.at(l.At), l.Text)
		for _, more := range []string{l.Detail, l.Who} {
			if more != "" {
				b.line(1, "%s", more)
			}
		}
		for _, e := range l.Evidence {
			b.line(1, "%s  %s", e.Name, e.Hash)
		}
	}
}

// told is the log of the call-outs: for each task whom it told, how, and who has
// acknowledged.
func (b *chronicle) told(in view.Incident) {
	b.heading(b.T("evidence.call-outs"))
	for _, stage := range in.Stages {
		for _, task := range stage.Tasks {
			if task.Notice == nil || len(task.Notice.People) == 0 {
				continue
			}
			b.line(0, "%s · %s", stage.Title.In(b.Lang()), task.Title.In(b.Lang()))
			for _, p := range task.Notice.People {
				b.person(p)
			}
		}
	}
}

func (b *chronicle) person(p view.Told) {
	state := "notice.not-yet"
	switch {
	case p.Acknowledged:
		state = "notice.acknowledged"
	case p.Reached:
		state = "notice.reached"
	}
	said := b.T(state)
	if a := p.Ack; a != nil {
		said += " " + b.at(a.At)
		if a.By != nil {
			said += " · " + party(b.Printer, a.By)
		}
		said += " " + a.Note
	}
	b.line(1, "%s: %s", p.Name, said)
	for _, n := range p.Notices {
		b.line(2, "%s · %s %s", b.T("channel."+n.Channel), b.T("notice.state."+n.State), n.Detail)
		for _, a := range n.Log {
			at := a.Began
			if at.IsZero() {
				at = a.Ended
			}
			b.line(3, "%s  %s %s", b.at(at), b.T("notice.state."+a.State), a.Detail)
		}
	}
}

func (b *chronicle) directives(in view.Incident) {
	b.heading(b.T("evidence.directives"))
	for _, d := range in.Directives {
		b.line(0, "%s %s · %s", d.ID, b.T("directive.kind."+d.Kind), b.T("directive.state."+d.State))
		b.line(1, "%s: %s", b.T("directive.scope"), d.Scope)
		reason := d.Reason
		if !d.Why.IsZero() {
			reason = d.Why.In(b.Lang())
		}
		b.line(1, "%s: %s", b.T("directive.reason"), reason)
		if d.IssuedAt.IsZero() {
			continue
		}
		confirmed := b.T("directive.issued-not-confirmed")
		if !d.Confirmed.IsZero() {
			confirmed = b.at(d.Confirmed) + " " + b.T("confirmation.after", "ms", b.Int(d.ConfirmedAfterMillis))
		}
		b.line(1, "%s: %s", b.T("confirmation.issued"), b.at(d.IssuedAt))
		b.line(1, "%s: %s", b.T("confirmation.confirmed"), confirmed)
		for _, g := range d.Gates {
			b.gate(g)
		}
	}
}

func (b *chronicle) gate(g directive.Row) {
	n := func(n int) string { return b.Int(int64(n)) }
	figures := b.T("confirmation.in-flight") + " " + b.T("confirmation.not-known")
	if g.Known {
		figures = b.T("confirmation.in-flight") + " " + n(g.InFlight)
	}
	if g.Drained {
		figures += " · " + b.T("confirmation.done") + " " + n(g.Done) + " · " + b.T("confirmation.not-done") + " " + n(g.NotDone) + " · " + b.T("confirmation.unknown") + " " + n(g.Unknown)
	}
	b.line(2, "%s: %s %s · %s", g.Gate, b.T("standing."+string(g.Standing)), b.at(g.At), figures)
}
