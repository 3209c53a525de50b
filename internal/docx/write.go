package docx

import (
	"archive/zip"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Write writes the document. The same document gives the same bytes.
func Write(w io.Writer, d Document) error {
	z := zip.NewWriter(w)
	for _, part := range []struct{ name, content string }{
		{"[Content_Types].xml", contentTypes},
		{"_rels/.rels", packageRelations},
		{"docProps/core.xml", fmt.Sprintf(coreProperties, escape(d.Title), escape(d.Lang))},
		{"word/document.xml", body(d)},
		{"word/styles.xml", styles(d.Lang)},
		{"word/fontTable.xml", fontTable(d.Lang)},
		{"word/numbering.xml", numbering},
		{"word/settings.xml", settings},
		{"word/header1.xml", head(d.Head)},
		{"word/footer1.xml", foot(d.Foot)},
		{"word/_rels/document.xml.rels", documentRelations},
	} {
		f, err := z.CreateHeader(&zip.FileHeader{Name: part.name, Method: zip.Deflate, Modified: epoch})
		if err != nil {
			return fmt.Errorf("write the document's part %s: %w", part.name, err)
		}
		if _, err := io.WriteString(f, part.content); err != nil {
			return fmt.Errorf("write the document's part %s: %w", part.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// epoch is the time that every entry of the archive carries.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// writer writes the document's blocks.
type writer struct {
	strings.Builder
	blocks []Block
	// headings counts those that were written: each has a mark, which the table of
	// contents points at.
	headings int
	// fresh says that the next paragraph begins a page. A break in a paragraph of its
	// own would leave an empty page where the one before it is full.
	fresh bool
}

func body(d Document) string {
	w := writer{blocks: d.Blocks}
	w.WriteString(xml.Header + `<w:document xmlns:w="` + wordSpace + `" xmlns:r="` + relationSpace + `"><w:body>`)
	for _, block := range d.Blocks {
		w.block(block)
	}
	w.WriteString(`<w:sectPr><w:headerReference w:type="default" r:id="rId3"/><w:footerReference w:type="default" r:id="rId2"/><w:pgSz w:w="11906" w:h="16838"/>` +
		`<w:pgMar w:top="1440" w:right="1304" w:bottom="1440" w:left="1304" w:header="708" w:footer="624" w:gutter="0"/>`)
	if d.Cover {
		w.WriteString(`<w:titlePg/>`)
	}
	w.WriteString(`</w:sectPr></w:body></w:document>`)
	return w.String()
}

func (w *writer) block(block Block) {
	switch block.Kind {
	case Title:
		w.paragraph("Title", block)
	case Cover:
		w.paragraph("Cover", block)
	case Heading:
		w.headings++
		mark := fmt.Sprintf(`<w:bookmarkStart w:id="%d" w:name="%s"/>`, w.headings, headingMark(w.headings))
		w.begin(headingStyle(block.Level), false)
		w.WriteString(mark)
		run(&w.Builder, block.Text, false)
		fmt.Fprintf(w, `<w:bookmarkEnd w:id="%d"/></w:p>`, w.headings)
	case Entry:
		w.paragraph("ListBullet", block)
	case PageBreak:
		w.fresh = true
	case Contents:
		w.contents(block.Text)
	case TableBlock:
		w.table(block)
	default:
		w.paragraph("", block)
	}
}

func (w *writer) paragraph(style string, block Block) {
	w.begin(style, block.Keep)
	run(&w.Builder, block.Text, block.Strong)
	w.WriteString("</w:p>")
}

// begin begins a paragraph.
func (w *writer) begin(style string, keep bool) {
	var look string
	if style != "" {
		look = `<w:pStyle w:val="` + style + `"/>`
	}
	if keep {
		look += "<w:keepNext/>"
	}
	if w.fresh {
		look += "<w:pageBreakBefore/>"
	}
	w.fresh = false
	w.WriteString("<w:p>")
	if look != "" {
		w.WriteString("<w:pPr>" + look + "</w:pPr>")
	}
}

func run(b *strings.Builder, text string, strong bool) {
	b.WriteString("<w:r>")
	if strong {
		b.WriteString("<w:rPr><w:b/></w:rPr>")
	}
	for i, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		if i > 0 {
			b.WriteString("<w:br/>")
		}
		b.WriteString(`<w:t xml:space="preserve">` + escape(line) + `</w:t>`)
	}
	b.WriteString("</w:r>")
}

func headingMark(n int) string { return fmt.Sprintf("_Toc%06d", n) }

// contents writes the table of contents: a line for each heading of the first two
// levels, with its page as a field.
func (w *writer) contents(title string) {
	w.begin("TOCHeading", false)
	run(&w.Builder, title, false)
	w.WriteString("</w:p>")
	n := 0
	for _, block := range w.blocks {
		if block.Kind != Heading {
			continue
		}
		if n++; block.Level > 2 {
			continue
		}
		fmt.Fprintf(w, `<w:p><w:pPr><w:pStyle w:val="TOC%d"/></w:pPr><w:hyperlink w:anchor="%s">`, max(block.Level, 1), headingMark(n))
		run(&w.Builder, block.Text, false)
		w.WriteString(`<w:r><w:tab/></w:r>`)
		field(&w.Builder, "PAGEREF "+headingMark(n)+` \h`, true)
		w.WriteString(`</w:hyperlink></w:p>`)
	}
}

// field writes a field; one that is dirty is worked out when the document is
// opened.
func field(b *strings.Builder, instruction string, dirty bool) {
	mark := ""
	if dirty {
		mark = ` w:dirty="true"`
	}
	b.WriteString(`<w:r><w:fldChar w:fldCharType="begin"` + mark + `/></w:r><w:r><w:instrText xml:space="preserve"> ` + instruction + ` </w:instrText></w:r>` +
		`<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t xml:space="preserve"> </w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>`)
}

// pageWidth is the width between the margins in twentieths of a point.
const pageWidth = 11906 - 2*1304

func (w *writer) table(block Block) {
	if w.fresh { // a table cannot begin a page by itself
		w.begin("TableText", true)
		w.WriteString("</w:p>")
	}
	widths := widthsOf(block)
	w.WriteString(`<w:tbl><w:tblPr><w:tblStyle w:val="TableGrid"/><w:tblW w:w="5000" w:type="pct"/><w:tblLayout w:type="fixed"/></w:tblPr><w:tblGrid>`)
	for _, width := range widths {
		fmt.Fprintf(w, `<w:gridCol w:w="%d"/>`, width)
	}
	w.WriteString("</w:tblGrid>")
	for i, row := range block.Rows {
		head := block.Head && i == 0
		w.WriteString("<w:tr><w:trPr><w:cantSplit/>")
		if head {
			w.WriteString("<w:tblHeader/>")
		}
		w.WriteString("</w:trPr>")
		for c, width := range widths {
			fmt.Fprintf(w, `<w:tc><w:tcPr><w:tcW w:w="%d" w:type="dxa"/>`, width)
			if fill := block.fill(i, c); fill != "" {
				w.WriteString(`<w:shd w:val="clear" w:color="auto" w:fill="` + escape(fill) + `"/>`)
			}
			w.WriteString(`</w:tcPr><w:p><w:pPr><w:pStyle w:val="TableText"/>`)
			if head {
				w.WriteString("<w:keepNext/>")
			}
			w.WriteString("</w:pPr>")
			if c < len(row) {
				run(&w.Builder, row[c], head)
			}
			w.WriteString("</w:p></w:tc>")
		}
		w.WriteString("</w:tr>")
	}
	// A word processor wants a paragraph after a table.
	w.WriteString(`</w:tbl><w:p><w:pPr><w:pStyle w:val="TableText"/></w:pPr></w:p>`)
}

// fill is the colour of a cell, empty for none.
func (b Block) fill(row, cell int) string {
	switch {
	case row < len(b.Fills) && cell < len(b.Fills[row]) && b.Fills[row][cell] != "":
		return b.Fills[row][cell]
	case b.Head && row == 0:
		return "EDEDED"
	}
	return ""
}

// widthsOf shares the page among a table's columns.
func widthsOf(block Block) []int {
	columns := 1
	for _, row := range block.Rows {
		columns = max(columns, len(row))
	}
	shares := block.Widths
	if len(shares) != columns {
		shares = slices.Repeat([]int{1}, columns)
	}
	all := 0
	for _, share := range shares {
		all += max(share, 1)
	}
	widths := make([]int, columns)
	for i, share := range shares {
		widths[i] = pageWidth * max(share, 1) / all
	}
	return widths
}

func head(text string) string {
	var b strings.Builder
	b.WriteString(xml.Header + `<w:hdr xmlns:w="` + wordSpace + `"><w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>`)
	run(&b, text, false)
	b.WriteString(`</w:p></w:hdr>`)
	return b.String()
}

func foot(text string) string {
	var b strings.Builder
	b.WriteString(xml.Header + `<w:ftr xmlns:w="` + wordSpace + `"><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>`)
	run(&b, text, false)
	b.WriteString(`<w:r><w:tab/></w:r>`)
	field(&b, "PAGE", false)
	b.WriteString(`<w:r><w:t xml:space="preserve"> / </w:t></w:r>`)
	field(&b, "NUMPAGES", false)
	b.WriteString(`</w:p></w:ftr>`)
	return b.String()
}

// escape writes a text for XML, without the control characters that it cannot
// hold.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(strings.Map(func(r rune) rune {
		if r != '\t' && (unicode.IsControl(r) || r == 0xfffe || r == 0xffff) {
			return -1
		}
		return r
	}, s))) // a strings.Builder takes everything
	return b.String()
}
