package docx

import (
	"archive/zip"
	"bytes"
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
	// maxBlocks is how many paragraphs and tables it may have.
	maxBlocks = 50_000
	// maxDepth is how deep its elements may nest; a real document needs 20.
	maxDepth = 200
)

// Read reads a document's blocks. A paragraph is a heading if its style, or a
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
	outline := map[string]int{}
	if part, err := unpack(archive, "word/styles.xml"); err == nil {
		outline = readStyles(part)
	}
	part, err := unpack(archive, "word/document.xml")
	if err != nil {
		return nil, err
	}
	r := reader{outline: outline, decoder: xml.NewDecoder(bytes.NewReader(part))}
	if err := r.run(); err != nil {
		var e *holdfast.Error
		if errors.As(err, &e) {
			return nil, err
		}
		return nil, holdfast.Errorf(holdfast.Invalid, "the document is damaged: open it in the word processor, save it anew and try again").Because(err)
	}
	return r.blocks, nil
}

func unpack(archive *zip.Reader, name string) ([]byte, error) {
	f, err := archive.Open(name)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "this is no .docx document: save it in the word processor as .docx and try again").Because(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	part, err := io.ReadAll(io.LimitReader(f, maxPart+1))
	switch {
	case err != nil:
		return nil, holdfast.Errorf(holdfast.Invalid, "the document is damaged: open it in the word processor, save it anew and try again").Because(err)
	case len(part) > maxPart:
		return nil, holdfast.Errorf(holdfast.TooLarge, "the document's text takes more than %d bytes", maxPart)
	}
	return part, nil
}

// readStyles returns the outline level, from 1, of each style that is one of a
// heading.
func readStyles(part []byte) map[string]int {
	var sheet struct {
		Styles []struct {
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
		} `xml:"style"`
	}
	levels, based := map[string]int{}, map[string]string{}
	if err := xml.Unmarshal(part, &sheet); err != nil {
		return levels // the document then has paragraphs only
	}
	for _, s := range sheet.Styles {
		based[s.ID] = s.Based.Val
		if s.Paragraph.Outline != nil {
			levels[s.ID] = levelOf(s.Paragraph.Outline.Val)
		} else if n, ok := strings.CutPrefix(strings.ToLower(s.Name.Val), "heading "); ok {
			if level, err := strconv.Atoi(n); err == nil && level >= 1 && level <= 9 {
				levels[s.ID] = level
			}
		}
	}
	for id := range based {
		for at, steps := id, 0; at != "" && steps < 20; at, steps = based[at], steps+1 {
			if level := levels[at]; level > 0 {
				levels[id] = level
				break
			}
		}
	}
	return levels
}

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
	outline map[string]int
	blocks  []Block
	depth   int

	text     strings.Builder
	style    string
	level    int
	listed   bool
	inText   bool
	skipping int // depth at which deleted text or a fallback began

	// tables are the tables that are open, the outermost first; a table in a cell
	// becomes text of the cell.
	tables []*Block
	cell   strings.Builder
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
			}
		}
		if len(r.blocks) > maxBlocks {
			return holdfast.Errorf(holdfast.TooLarge, "the document has more than %d paragraphs", maxBlocks)
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
		r.style, r.level, r.listed = "", 0, false
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
		}
	case "tc":
		if len(r.tables) == 1 {
			r.cell.Reset()
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
	case "p":
		r.paragraph()
	case "tc":
		if t := r.table(); t != nil && len(t.Rows) > 0 {
			row := len(t.Rows) - 1
			t.Rows[row] = append(t.Rows[row], strings.TrimSpace(r.cell.String()))
		}
	case "tbl":
		if len(r.tables) == 1 && len(r.tables[0].Rows) > 0 {
			r.blocks = append(r.blocks, *r.tables[0])
		}
		r.tables = r.tables[:max(len(r.tables)-1, 0)]
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
	if len(r.tables) > 0 {
		if r.cell.Len() > 0 {
			r.cell.WriteByte('\n')
		}
		r.cell.WriteString(text)
		return
	}
	level := r.level
	if level == 0 {
		level = r.outline[r.style]
	}
	switch {
	case level > 0:
		r.blocks = append(r.blocks, H(level, text))
	case r.style == "Title":
		r.blocks = append(r.blocks, Block{Kind: Title, Text: text})
	case r.listed || r.style == "ListEntry":
		r.blocks = append(r.blocks, L(strings.TrimSpace(strings.TrimPrefix(text, "•"))))
	default:
		r.blocks = append(r.blocks, P(text))
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
