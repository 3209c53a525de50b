package console

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/approval"
	"holdfast/internal/attachment"
	"holdfast/internal/draft"
	"holdfast/internal/filing"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// Files: attachments of a plan, scans of approvals and of filings. Each is handed
// in with a plain form and given out to be saved, under the address of what it
// belongs to, so that it is read by those alone who may read that.

// fileLine is one file that can be saved.
type fileLine struct {
	Name, Type, Link string
	Size             int
	Hash             string
	// By and At say who attached a scan.
	By string
	At time.Time
	// Lost says that the text names it and it is not kept here.
	Lost bool
}

func lineOf(at string, f attachment.File) fileLine {
	return fileLine{Name: f.Name, Type: f.Type, Link: at + "/files/" + f.Hash.String(), Size: f.Size, Hash: f.Hash.String()}
}

// fileSize writes a number of bytes for people.
func fileSize(words *locale.Printer, n int) string {
	switch {
	case n <= 0:
		return "–"
	case n < 1<<10:
		return words.Int(int64(n)) + " B"
	case n < 1<<20:
		return words.Int(int64(n>>10)) + " KiB"
	default:
		return words.Decimal(float64(n>>10*10>>10)/10) + " MiB"
	}
}

// upload is a form that hands a file in.
type upload struct {
	// Address is where it is posted to; At and Base are those of the page that it
	// stands on.
	Address, At string
	Base        int
	// Entry, Material and Over say which attachment it becomes; see draft.Attaching.
	Entry, Material, Over string
	Files                 []fileLine
}

// uploadOf returns what a chapter's page offers to hand in: on that of the
// attachments any file, on that of one, or of a material, its file.
func (c *Console) uploadOf(d *draft.Draft, p *plan.Plan, own *chapterPage, chapter string) *upload {
	u := &upload{Address: own.Editor.Address + "/files", At: own.At, Base: own.Base}
	switch {
	case chapter == "attachments" && own.At == "":
		u.Files = fileLines("/drafts/"+d.ID, p, c.View.LostIn(d, p), func(plan.Attachment) bool { return true })
		return u
	case chapter == "attachments":
		for i, a := range p.Attachments {
			if own.At == fmt.Sprintf("attachments[%d]", i) {
				u.Entry = a.ID
			}
		}
	case chapter == "materials":
		for i, m := range p.Materials {
			if own.At == fmt.Sprintf("materials[%d]", i) {
				u.Entry, u.Material = m.File, m.ID
			}
		}
	}
	if u.Entry == "" && u.Material == "" {
		return nil
	}
	if a, found := p.Attachment(u.Entry); found {
		u.Over = a.Hash
		u.Files = fileLines("/drafts/"+d.ID, p, c.View.LostIn(d, p), func(other plan.Attachment) bool { return other.ID == a.ID })
	}
	return u
}

// fileLines lists files of a plan that is shown at an address; lost are the hashes of
// those that are not kept.
func fileLines(at string, p *plan.Plan, lost []string, which func(plan.Attachment) bool) (lines []fileLine) {
	for _, a := range p.Attachments {
		f, ok := a.File()
		if !ok || !which(a) {
			continue
		}
		line := lineOf(at, f)
		line.Lost = slices.Contains(lost, a.Hash)
		lines = append(lines, line)
	}
	return lines
}

// file reads the file of a posted form.
func (v *visit) file() (name string, content []byte, err error) {
	file, head, err := v.r.FormFile("file")
	if err != nil {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "choose a file").At("file")
	}
	defer func() { _ = file.Close() }()              // it was only read
	if content, err = io.ReadAll(file); err != nil { // the form's size is bounded
		return "", nil, holdfast.Errorf(holdfast.Invalid, "the file could not be read").At("file").Because(err)
	}
	return head.Filename, content, nil
}

func (c *Console) attachFile(v *visit) error {
	name, content, err := v.file()
	if err != nil {
		return err
	}
	in := draft.Attaching{Entry: v.form("entry"), Material: v.form("material"), Title: v.form("title")}
	if over := v.form("over"); over != "" {
		if err := in.Over.UnmarshalText([]byte(strings.ToLower(over))); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "the form does not say which text it changes: load the page again")
		}
	}
	if _, _, err := c.Drafts.Attach(v.r.Context(), v.by(), v.path("id"), in, name, content); err != nil {
		return err
	}
	return c.toChapter(v, v.path("chapter"), where(v.form("at"), ""), "saved")
}

// uploadPage shows the chapter again after a file was refused: its own form was not
// posted, and holds nothing that is unsaved.
func (c *Console) uploadPage(v *visit) error {
	own, err := c.chapterOf(v, false)
	if err != nil {
		return err
	}
	return c.show(v, "chapter", own.Heading, false, *own)
}

// giveOut sends the file in the path, if it belongs to what the path names.
func (c *Console) giveOut(v *visit, of func(h holdfast.Hash) (attachment.File, error)) error {
	var h holdfast.Hash
	if err := h.UnmarshalText([]byte(strings.ToLower(v.path("hash")))); err != nil {
		return holdfast.Errorf(holdfast.NotFound, "there is no page %s", v.r.URL.Path)
	}
	f, err := of(h)
	if err != nil {
		return err
	}
	content, err := c.Store.Blob(v.r.Context(), h)
	if err != nil {
		return err
	}
	return web.WriteAttachment(v.w, f.Name, content)
}

func (c *Console) draftFile(v *visit) error {
	d, err := c.Drafts.Draft(v.path("id"))
	if err != nil {
		return err
	}
	return c.giveOut(v, func(h holdfast.Hash) (attachment.File, error) { return c.Drafts.File(d, h) })
}

func (c *Console) planFile(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	return c.giveOut(v, func(h holdfast.Hash) (attachment.File, error) { return c.View.PlanFile(p, h) })
}

func (c *Console) filingFile(v *visit) error {
	f, err := c.Filings.Filing(v.path("id"))
	if err != nil {
		return err
	}
	return c.giveOut(v, f.File)
}

// keepAgain keeps a file that a revision names and that is not kept here.
func (c *Console) keepAgain(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	name, content, err := v.file()
	if err != nil {
		return err
	}
	if _, err := c.Drafts.KeepAgain(v.r.Context(), p.ID, p.Revision, name, content); err != nil {
		return err
	}
	return v.seeOther("/plan/"+strconv.Itoa(p.Revision), "filekept")
}

// scans are the signed papers beside something, and the form for one more.
type scans struct {
	// ID tells forms on one page apart; Of is what is scanned, where the form must
	// say so.
	ID, Address, Of string
	Files           []fileLine
	May             bool
}

// ScansOf returns the scans beside a decision.
func (p draftPage) ScansOf(g approval.Decision) scans {
	n := strconv.Itoa(g.Number)
	own := scans{ID: n, Address: "/drafts/" + p.Draft.ID + "/decisions/" + n + "/scan", May: p.MayScan[g.Number]}
	for _, s := range p.Draft.ScansOf(g.Number) {
		line := lineOf("/drafts/"+p.Draft.ID, s.File)
		line.By, line.At = s.By.Name, s.At
		own.Files = append(own.Files, line)
	}
	return own
}

// mayScan says to which decisions the reader may attach a scan.
func mayScan(v *visit, d *draft.Draft) map[int]bool {
	may := map[int]bool{}
	for _, g := range d.Decisions {
		may[g.Number] = d.MayScan(g, v.by()) && (v.who().May(access.ApprovePlan) || v.who().May(access.DraftPlan))
	}
	return may
}

func (c *Console) scanDecision(v *visit) error {
	if !v.who().May(access.ApprovePlan) {
		if err := v.who().Require(access.DraftPlan); err != nil {
			return err
		}
	}
	name, content, err := v.file()
	if err != nil {
		return err
	}
	number, _ := strconv.Atoi(v.path("n")) // 0 is no decision, which the act says
	_, err = c.Drafts.Scan(v.r.Context(), v.by(), v.path("id"), number, name, content)
	return c.draftDone(v, "scanned", err)
}

// planScans returns the scans beside an approval that a revision was published on.
func planScans(p view.Plan, a view.PlanApproval) scans {
	var own scans
	for _, s := range a.Scans {
		line := lineOf("/plan/"+strconv.Itoa(p.Revision), s.File)
		line.By, line.At = s.By.Name, s.At
		own.Files = append(own.Files, line)
	}
	return own
}

// filingScans returns the scans of a filing, or of its receipt.
func filingScans(f view.Filing, of filing.Of, may bool) scans {
	own := scans{ID: string(of) + "-" + f.ID, Address: "/filings/" + f.ID + "/scans", Of: string(of), May: may}
	for _, s := range f.ScansOf(of) {
		line := lineOf("/filings/"+f.ID, s.File)
		line.By, line.At = s.By.Name, s.At
		own.Files = append(own.Files, line)
	}
	return own
}

func (c *Console) scanFiling(v *visit) error {
	name, content, err := v.file()
	if err != nil {
		return err
	}
	if _, err := c.Filings.Scan(v.r.Context(), v.by(), v.path("id"), filing.Of(v.form("of")), name, content); err != nil {
		return err
	}
	return v.seeOther("/filings", "scanned")
}
