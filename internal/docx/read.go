package docx

import (
	"archive/zip"
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"holdfast"
)

// The most that a document to read may hold.
const (
	// MaxFile is the largest file in bytes.
	MaxFile = 16 << 20
	// maxPart is the largest unpacked part in bytes.
	maxPart = 32 << 20
	// maxStyles is the largest unpacked part of styles in bytes.
	maxStyles = 4 << 20
	// maxBlocks is how many paragraphs and tables it may have.
	maxBlocks = 50_000
	// maxCells is how many rows and cells its tables may have in all. A cell takes
	// a few bytes to write and packs to almost none.
	maxCells = 200_000
	// maxText is the most text in bytes, cells that merged ones repeat included.
	maxText = 8 << 20
	// maxColumns is how many cells of a row are read.
	maxColumns = 100
	// maxDepth is how deep its elements may nest; a real document needs 20.
	maxDepth = 200
)

// Read reads a document's blocks: Title, Cover, Heading, Entry, Paragraph and
// TableBlock. A paragraph is a heading if its style, or a
// style that its style is based on, has an outline level, or it names one itself.
// Errors have code Invalid or TooLarge and say what to do.
func Read(file []byte) ([]Block, error) {
	if len(file) > MaxFile {
		return nil, holdfast.Errorf(holdfast.TooLarge, "the document has %d bytes; %d is the limit: take pictures out and try again", len(file), MaxFile)
	}
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no .docx document: save it in the word processor as .docx and try again").Because(err)
	}
	looks := map[string]look{}
	if part, err := unpack(archive, "word/styles.xml", maxStyles); err == nil {
		looks = readStyles(part)
	}
	part, err := unpack(archive, "word/document.xml", maxPart)
	if err != nil {
		return nil, err
	}
	r := reader{looks: looks, decoder: xml.NewDecoder(bytes.NewReader(part))}
	if err := r.run(); err != nil {
		var e *holdfast.Error
		if errors.As(err, &e) {
			return nil, err
		}
		return nil, holdfast.Errorf(holdfast.Invalid, "the document is damaged: open it in the word processor, save it anew and try again").Because(err)
	}
	return r.blocks, nil
}

func unpack(archive *zip.Reader, name string, limit int) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no .docx document: save it in the word processor as .docx and try again").Because(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	part, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case err != nil:
		return nil, holdfast.Errorf(holdfast.Invalid, "the document is damaged: open it in the word processor, save it anew and try again").Because(err)
	case len(part) > limit:
		return nil, holdfast.Errorf(holdfast.TooLarge, "the document's text takes more than %d bytes", limit)
	}
	return part, nil
}

// look is what a paragraph's style says of it.
type look struct {
	// name is the style's name in lower case, or that of one it is based on which
	// Read knows.
	name string
	// level is the outline level of a heading, from 1.
	level int
	bold  bool
}

// readStyles returns what each style says.
func readStyles(part []byte) map[string]look {
	var sheet struct {
		Styles []style `xml:"style"`
	}
	if err := xml.Unmarshal(part, &sheet); err != nil {
		return nil // the document then has paragraphs only
	}
	byID := map[string]style{}
	for _, s := range sheet.Styles {
		byID[s.ID] = s
	}
	looks := map[string]look{}
	for _, s := range sheet.Styles {
		looks[s.ID] = s.look(byID)
	}
	return looks
}

// style is a style as a document has it.
type style struct {
	ID    string `xml:"styleId,attr"`
	Based struct {
		Val string `xml:"val,attr"`
	} `xml:"basedOn"`
	Name struct {
		Val string `xml:"val,attr"`
	} `xml:"name"`
	Paragraph struct {
		Outline *struct {
			Val string `xml:"val,attr"`
		} `xml:"outlineLvl"`
	} `xml:"pPr"`
	Text struct {
		Bold *struct {
			Val string `xml:"val,attr"`
		} `xml:"b"`
	} `xml:"rPr"`
}

// maxBased is how many styles one may be based on, each on the next.
const maxBased = 20

// look follows the styles that it is based on until one says what it wants to
// know.
func (s style) look(byID map[string]style) look {
	l := look{name: strings.ToLower(s.Name.Val)}
	bold := ""
	for at, steps := s, 0; steps < maxBased; steps++ {
		name := strings.ToLower(at.Name.Val)
		if l.level == 0 && at.Paragraph.Outline != nil {
			l.level = levelOf(at.Paragraph.Outline.Val)
		} else if n, ok := strings.CutPrefix(name, "heading "); ok && l.level == 0 {
			if level, err := strconv.Atoi(n); err == nil && level >= 1 && level <= 9 {
				l.level = level
			}
		}
		if at.Text.Bold != nil && bold == "" {
			bold = cmp.Or(at.Text.Bold.Val, "1")
		}
		if known(name) && !known(l.name) {
			l.name = name
		}
		var found bool
		if at, found = byID[at.Based.Val]; !found {
			break
		}
	}
	l.bold = on(bold)
	return l
}

// known reports whether a style's name tells what its paragraphs are.
func known(name string) bool {
	return name == "title" || name == "cover" || strings.HasPrefix(name, "list bullet") || isContents(name)
}

// isContents reports whether a style is one of a table of contents.
func isContents(name string) bool {
	return strings.HasPrefix(name, "toc ") || strings.HasPrefix(name, "contents ") || name == "toc heading"
}

// on reads a switch that is there: without a value it is on.
func on(val string) bool { return val != "" && val != "0" && val != "false" && val != "off" }

// levelOf reads an outline level, written from 0; 9 is body text.
func levelOf(val string) int {
	n, err := strconv.Atoi(val)
	if err != nil || n < 0 || n > 8 {
		return 0
	}
	return n + 1
}

// reader turns the document's elements into blocks.
type reader struct {
	decoder *xml.Decoder
	looks   map[string]look
	blocks  []Block
	depth   int
	// cells and size count what was read, against maxCells and maxText.
	cells, size int

	text     strings.Builder
	style    string
	level    int
	listed   bool
	inText   bool
	skipping int // depth at which deleted text or a fallback began
	// plain and bold say whether the paragraph has text that is or is not.
	plain, bold, runBold bool
	inRun                bool

	// tables are the tables that are open, the outermost first; a table in a cell
	// becomes text of the cell.
	tables []*Block
	cell   strings.Builder
	// span is over how many columns the cell goes, under says that it goes on from
	// the one above.
	span  int
	under bool
}

func (r *reader) run() error {
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			if r.depth++; r.depth > maxDepth {
				return holdfast.Errorf(holdfast.TooLarge, "the document's parts nest more than %d deep", maxDepth)
			}
			r.start(e)
		case xml.EndElement:
			r.end(e.Name.Local)
			r.depth--
		case xml.CharData:
			if r.inText && r.skipping == 0 {
				r.text.Write(e)
				if len(bytes.TrimSpace(e)) > 0 {
					r.plain, r.bold = r.plain || !r.runBold, r.bold || r.runBold
				}
			}
		}
		if len(r.blocks) > maxBlocks {
			return holdfast.Errorf(holdfast.TooLarge, "the document has more than %d paragraphs", maxBlocks)
		}
		if r.cells > maxCells {
			return holdfast.Errorf(holdfast.TooLarge, "the document's tables have more than %d cells", maxCells)
		}
		if r.size > maxText {
			return holdfast.Errorf(holdfast.TooLarge, "the document's text takes more than %d bytes", maxText)
		}
	}
}

func (r *reader) start(e xml.StartElement) {
	switch e.Name.Local {
	case "del", "moveFrom", "Fallback", "instrText", "footnoteReference":
		if r.skipping == 0 {
			r.skipping = r.depth
		}
	case "p":
		r.text.Reset()
		r.style, r.level, r.listed, r.plain, r.bold = "", 0, false, false, false
	case "r":
		r.inRun, r.runBold = true, r.looks[r.style].bold
	case "b":
		if r.inRun {
			r.runBold = on(cmp.Or(attribute(e, "val"), "1"))
		}
	case "pStyle":
		r.style = attribute(e, "val")
	case "outlineLvl":
		r.level = levelOf(attribute(e, "val"))
	case "numPr":
		r.listed = true
	case "t":
		r.inText = true
	case "tab":
		r.text.WriteByte(' ')
	case "br", "cr":
		r.text.WriteByte('\n')
	case "tbl":
		r.tables = append(r.tables, &Block{Kind: TableBlock})
	case "tr":
		if t := r.table(); t != nil {
			t.Rows = append(t.Rows, nil)
			r.cells++
		}
	case "tc":
		if len(r.tables) == 1 {
			r.cell.Reset()
			r.span, r.under = 1, false
		}
	case "gridSpan":
		if n, err := strconv.Atoi(attribute(e, "val")); err == nil && len(r.tables) == 1 {
			r.span = min(max(n, 1), maxColumns)
		}
	case "vMerge":
		if len(r.tables) == 1 {
			r.under = attribute(e, "val") != "restart"
		}
	}
}

func (r *reader) end(name string) {
	if r.skipping == r.depth {
		r.skipping = 0
	}
	switch name {
	case "t":
		r.inText = false
	case "r":
		r.inRun = false
	case "p":
		r.paragraph()
	case "tc":
		r.endCell()
	case "tbl":
		if len(r.tables) == 1 && len(r.tables[0].Rows) > 0 {
			r.blocks = append(r.blocks, *r.tables[0])
		}
		r.tables = r.tables[:max(len(r.tables)-1, 0)]
	}
}

// endCell adds a cell to its row. One that goes on from the cell above says what
// that says; one over several columns is followed by empty ones, so that the cells
// below keep their columns.
func (r *reader) endCell() {
	t := r.table()
	if t == nil || len(t.Rows) == 0 {
		return
	}
	row := &t.Rows[len(t.Rows)-1]
	if len(*row) >= maxColumns {
		return
	}
	text := strings.TrimSpace(r.cell.String())
	if above := len(t.Rows) - 2; r.under && text == "" && above >= 0 && len(*row) < len(t.Rows[above]) {
		text = t.Rows[above][len(*row)]
		r.size += len(text)
	}
	r.cells += r.span
	*row = append(*row, text)
	for range r.span - 1 {
		*row = append(*row, "")
	}
}

// table returns the table that rows and cells belong to: the outermost.
func (r *reader) table() *Block {
	if len(r.tables) != 1 {
		return nil
	}
	return r.tables[0]
}

func (r *reader) paragraph() {
	text := strings.TrimSpace(r.text.String())
	r.text.Reset()
	if text == "" {
		return
	}
	r.size += len(text)
	if len(r.tables) > 0 {
		if r.cell.Len() > 0 {
			r.cell.WriteByte('\n')
		}
		r.cell.WriteString(text)
		return
	}
	look := r.looks[r.style]
	strong := r.bold && !r.plain
	level := cmp.Or(r.level, look.level)
	switch {
	case isContents(look.name):
		// The headings say the same.
	case look.name == "title" || r.style == "Title":
		r.blocks = append(r.blocks, Block{Kind: Title, Text: text})
	case look.name == "cover":
		r.blocks = append(r.blocks, Block{Kind: Cover, Text: text})
	case level > 0:
		r.blocks = append(r.blocks, H(level, text))
	case r.listed || strings.HasPrefix(look.name, "list bullet"):
		r.blocks = append(r.blocks, Block{Kind: Entry, Text: strings.TrimSpace(strings.TrimPrefix(text, "•")), Strong: strong})
	default:
		r.blocks = append(r.blocks, Block{Text: text, Strong: strong})
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
