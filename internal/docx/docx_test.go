package docx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
)

func written(t interface {
	Helper()
	Fatal(...any)
}, d Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What is written is read again, but for the space around a text and what XML
// cannot hold.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	text := rapid.StringMatching(`[a-zA-Z<>&"'應急預案支付。 ]{0,20}[a-z應]`)
	blocks := rapid.Custom(func(t *rapid.T) Block {
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 5:
			return Block{Kind: Cover, Text: text.Draw(t, "text"), Strong: rapid.Bool().Draw(t, "strong")}
		case 0:
			return H(rapid.IntRange(1, maxLevel).Draw(t, "level"), text.Draw(t, "text"))
		case 1:
			return Block{Kind: Entry, Text: text.Draw(t, "text"), Strong: rapid.Bool().Draw(t, "strong")}
		case 2:
			return Block{Kind: Title, Text: text.Draw(t, "text")}
		case 3:
			n := rapid.IntRange(1, 4).Draw(t, "columns")
			row := rapid.SliceOfN(text, n, n)
			return T(row.Draw(t, "head"), rapid.SliceOfN(row, 0, 3).Draw(t, "rows")...)
		default:
			return P(text.Draw(t, "text") + "\n" + text.Draw(t, "line"))
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(blocks, 0, 10).Draw(t, "blocks")
		got, err := Read(written(t, Document{Title: "T", Lang: "zh-Hant", Foot: "foot", Blocks: want}))
		if err != nil {
			t.Fatal(err)
		}
		for i := range want {
			want[i].Head = false
			want[i].Strong = want[i].Strong && want[i].Kind == Entry
			want[i].Text = trimmed(want[i].Text)
			for _, row := range want[i].Rows {
				for c := range row {
					row[c] = trimmed(row[c])
				}
			}
		}
		if len(got) != len(want) {
			t.Fatalf("read %d blocks of %d", len(got), len(want))
		}
		for i := range want {
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("block %d: read %+v, not %+v", i, got[i], want[i])
			}
		}
	})
}

// trimmed is a text without the space around it.
func trimmed(s string) string { return strings.TrimSpace(s) }

// The same document gives the same bytes, each part is well-formed XML, and no
// text can break out of its place.
func TestWrite(t *testing.T) {
	t.Parallel()
	d := Document{Title: `</dc:title><x>`, Lang: "en", Foot: "r3 · a&b", Blocks: []Block{P("]]></w:t> \x00\x1b & \ufffe ok"), {Kind: PageBreak}, T([]string{"a", "b"}, []string{"only one"})}}
	file := written(t, d)
	if !bytes.Equal(file, written(t, d)) {
		t.Error("the same document gives other bytes")
	}
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		for decoder := xml.NewDecoder(part); ; {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
	}
	blocks, err := Read(file)
	if err != nil || len(blocks) != 2 || blocks[0].Text != "]]></w:t>  &  ok" || len(blocks[1].Rows[1]) != 2 {
		t.Errorf("read %+v, %v", blocks, err)
	}
}

// parts unpacks a document.
func parts(t *testing.T, file []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(b)
	}
	return all
}

// all returns what a pattern finds in a text.
func all(pattern, text string) (found []string) {
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// The package is one that word processors open: each part has a type, each
// relation leads to a part, each style, list, mark and relation that the document
// names is there, and no mark twice.
func TestThePackageIsWhole(t *testing.T) {
	t.Parallel()
	d := Document{Title: "T", Lang: "zh-Hant", Head: "head", Foot: "foot", Cover: true, Blocks: []Block{
		{Kind: Title, Text: "T"}, {Kind: Cover, Text: "c"}, {Kind: PageBreak}, {Kind: Contents, Text: "contents"}, H(1, "one"), H(2, "two"), H(3, "three"),
		{Text: "kept", Keep: true}, L("entry"), T([]string{"a", "b"}, []string{"c", "d"}).Wide(1, 3), H(9, "deepest"),
	}}
	p := parts(t, written(t, d))
	types := p["[Content_Types].xml"]
	for name := range p {
		if !strings.HasSuffix(name, ".rels") && name != "[Content_Types].xml" && !strings.Contains(types, `PartName="/`+name+`"`) {
			t.Errorf("the part %s has no type", name)
		}
	}
	for _, name := range all(`PartName="/([^"]+)"`, types) {
		if p[name] == "" {
			t.Errorf("there is no part %s", name)
		}
	}
	for _, target := range all(`Target="([^"]+)"`, p["_rels/.rels"]) {
		if p[target] == "" {
			t.Errorf("the package leads to no part %s", target)
		}
	}
	relations := p["word/_rels/document.xml.rels"]
	for _, target := range all(`Target="([^"]+)"`, relations) {
		if p["word/"+target] == "" {
			t.Errorf("the document leads to no part %s", target)
		}
	}
	body := p["word/document.xml"]
	for _, id := range all(`r:id="([^"]+)"`, body) {
		if !strings.Contains(relations, `Id="`+id+`"`) {
			t.Errorf("the document has no relation %s", id)
		}
	}
	for _, style := range all(`<w:(?:p|tbl)Style w:val="([^"]+)"`, body+p["word/header1.xml"]+p["word/footer1.xml"]) {
		if !strings.Contains(p["word/styles.xml"], `w:styleId="`+style+`"`) {
			t.Errorf("there is no style %s", style)
		}
	}
	for _, list := range all(`<w:numId w:val="([^"]+)"`, p["word/styles.xml"]) {
		if !strings.Contains(p["word/numbering.xml"], `<w:num w:numId="`+list+`"`) {
			t.Errorf("there is no list %s", list)
		}
	}
	marks := all(`<w:bookmarkStart w:id="\d+" w:name="([^"]+)"`, body)
	if len(marks) != 4 || len(slices.Compact(slices.Sorted(slices.Values(marks)))) != 4 {
		t.Errorf("the headings' marks are %q", marks)
	}
	if anchors := all(`w:anchor="([^"]+)"`, body); !slices.Equal(anchors, marks[:2]) {
		t.Errorf("the contents point at %q, not at %q", anchors, marks[:2])
	}
	if !strings.Contains(body, "<w:titlePg/>") || !strings.Contains(p["word/header1.xml"], "head") || !strings.Contains(p["word/footer1.xml"], "NUMPAGES") {
		t.Error("the cover, the head or the page's number is missing")
	}
	if blocks, err := Read(written(t, d)); err != nil || len(blocks) != 9 || blocks[len(blocks)-1].Level != maxLevel {
		t.Errorf("read %+v, %v", blocks, err)
	}
}

// packed is a .docx of the parts given.
func packed(t testing.TB, parts map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range parts {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const namespace = `<w:document xmlns:w="` + wordSpace + `"><w:body>`

// Documents as word processors write them: styles based on headings, outline
// levels, tracked changes, tables in tables, fields.
func TestRead(t *testing.T) {
	t.Parallel()
	file := packed(t, map[string]string{
		"word/styles.xml": `<w:styles xmlns:w="` + wordSpace + `">
			<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>
			<w:style w:styleId="a"><w:name w:val="章"/><w:basedOn w:val="1"/></w:style>
			<w:style w:styleId="b"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>
			<w:style w:styleId="c"><w:name w:val="強調"/><w:rPr><w:b/></w:rPr></w:style><w:style w:styleId="10"><w:name w:val="toc 1"/></w:style></w:styles>`,
		"word/document.xml": namespace + `
			<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr><w:r><w:t>第一章</w:t></w:r><w:r><w:tab/><w:t>總則</w:t></w:r></w:p>
			<w:p><w:pPr><w:pStyle w:val="b"/></w:pPr><w:r><w:t>目的</w:t></w:r></w:p>
			<w:p><w:pPr><w:outlineLvl w:val="2"/></w:pPr><w:r><w:t>deep</w:t></w:r></w:p>
			<w:p><w:r><w:t>kept </w:t></w:r><w:del><w:r><w:delText>gone</w:delText><w:t>gone</w:t></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>
			<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>entry</w:t></w:r></w:p>
			<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc><w:tc><w:tbl><w:tr><w:tc><w:p><w:r><w:t>inner</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>
			<w:p></w:p>
			<w:p><w:pPr><w:pStyle w:val="10"/></w:pPr><w:r><w:t>第一章 總則 5</w:t></w:r></w:p>
			<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>一、</w:t></w:r><w:r><w:rPr><w:b w:val="1"/></w:rPr><w:t>總則</w:t></w:r><w:r><w:t> </w:t></w:r></w:p>
			<w:p><w:r><w:rPr><w:b/></w:rPr><w:t>part</w:t></w:r><w:r><w:rPr><w:b w:val="0"/></w:rPr><w:t>ly</w:t></w:r></w:p>
			<w:p><w:pPr><w:pStyle w:val="c"/></w:pPr><w:r><w:t>by style</w:t></w:r></w:p>
			<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="3"/></w:tcPr><w:p><w:r><w:t>聯絡表</w:t></w:r></w:p></w:tc></w:tr>
			<w:tr><w:tc><w:tcPr><w:vMerge w:val="restart"/></w:tcPr><w:p><w:r><w:t>技術部</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>甲</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr>
			<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr><w:p/></w:tc><w:tc><w:p><w:r><w:t>乙</w:t></w:r></w:p></w:tc><w:tc><w:p/></w:tc></w:tr></w:tbl></w:body></w:document>`,
	})
	want := []Block{
		H(1, "第一章 總則"), H(2, "目的"), H(3, "deep"), P("kept new"), L("entry"),
		{Kind: TableBlock, Rows: [][]string{{"a\nb", "inner"}}},
		{Text: "一、總則", Strong: true}, P("partly"), {Text: "by style", Strong: true},
		{Kind: TableBlock, Rows: [][]string{{"聯絡表", "", ""}, {"技術部", "甲", ""}, {"技術部", "乙", ""}}},
	}
	if got, err := Read(file); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, %v", got, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		file []byte
		code holdfast.Code
	}{
		"nothing":      {nil, holdfast.Invalid},
		"no archive":   {[]byte("Dear Sir"), holdfast.Invalid},
		"another zip":  {packed(t, map[string]string{"a.txt": "b"}), holdfast.Invalid},
		"broken":       {packed(t, map[string]string{"word/document.xml": namespace + "<w:p>"}), holdfast.Invalid},
		"too deep":     {packed(t, map[string]string{"word/document.xml": strings.Repeat("<a>", maxDepth+1)}), holdfast.TooLarge},
		"a zip bomb":   {packed(t, map[string]string{"word/document.xml": strings.Repeat(" ", maxPart+1)}), holdfast.TooLarge},
		"too large":    {make([]byte, MaxFile+1), holdfast.TooLarge},
		"paragraphs":   {packed(t, map[string]string{"word/document.xml": namespace + strings.Repeat("<w:p><w:r><w:t>x</w:t></w:r></w:p>", maxBlocks+1)}), holdfast.TooLarge},
		"cells":        {tableOf(t, `<w:tr><w:tc><w:tcPr><w:gridSpan w:val="100"/></w:tcPr></w:tc></w:tr>`, maxCells/100), holdfast.TooLarge},
		"rows":         {tableOf(t, `<w:tr/>`, maxCells+1), holdfast.TooLarge},
		"merged text":  {tableOf(t, `<w:tr><w:tc><w:tcPr><w:vMerge/></w:tcPr></w:tc></w:tr>`, maxText/4000), holdfast.TooLarge},
		"unknown form": {packed(t, map[string]string{"word/document.xml": `<!DOCTYPE x [<!ENTITY e "x">]><a>&e;</a>`}), holdfast.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := Read(tc.file); holdfast.CodeOf(err) != tc.code {
				t.Errorf("%v", err)
			}
		})
	}
}

// tableOf is a document of a table: a row with a long text, and one row many times.
func tableOf(t *testing.T, row string, times int) []byte {
	t.Helper()
	first := `<w:tr><w:tc><w:p><w:r><w:t>` + strings.Repeat("x", 4000) + `</w:t></w:r></w:p></w:tc></w:tr>`
	return packed(t, map[string]string{"word/document.xml": namespace + `<w:tbl>` + first + strings.Repeat(row, times) + `</w:tbl></w:body></w:document>`})
}

// Styles that take more than a document's ever do are left aside.
func TestStylesAreBounded(t *testing.T) {
	t.Parallel()
	styles := `<w:styles xmlns:w="` + wordSpace + `"><w:style w:styleId="a"><w:name w:val="heading 1"/></w:style>`
	for want, more := range map[Kind]string{Heading: "", Paragraph: strings.Repeat("<w:style/>", maxStyles/10)} {
		blocks, err := Read(packed(t, map[string]string{
			"word/styles.xml":   styles + more + `</w:styles>`,
			"word/document.xml": namespace + `<w:p><w:pPr><w:pStyle w:val="a"/></w:pPr><w:r><w:t>x</w:t></w:r></w:p></w:body></w:document>`,
		}))
		if err != nil || len(blocks) != 1 || blocks[0].Kind != want {
			t.Errorf("%d bytes of styles: %v, %v", len(more), blocks, err)
		}
	}
}

// FuzzRead holds that no document makes Read panic, and that what it read can be
// written and read again.
func FuzzRead(f *testing.F) {
	f.Add(`<w:p><w:r><w:t>a</w:t></w:r></w:p>`)
	f.Add(`<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc></w:tr></w:tbl>`)
	f.Add(`<w:tc></w:tc><w:tbl></w:tbl><w:tbl><w:tc/></w:tbl><w:del><w:t>x</w:t>`)
	f.Fuzz(func(t *testing.T, inner string) {
		blocks, err := Read(packed(t, map[string]string{"word/document.xml": namespace + inner + "</w:body></w:document>"}))
		if err != nil {
			return
		}
		if _, err := Read(written(t, Document{Blocks: blocks})); err != nil {
			t.Fatal(err)
		}
	})
}

// A page that is begun is begun by what stands on it, so that none is empty; cells
// have the colours that they are given.
func TestPagesAndColours(t *testing.T) {
	t.Parallel()
	coloured := T([]string{"a", "b"}, []string{"c", "d"})
	coloured.Fills = [][]string{nil, {"", "F2B8B5"}}
	body := parts(t, written(t, Document{Title: "T", Lang: "en", Blocks: []Block{
		P("before"), {Kind: PageBreak}, H(1, "heading"), P("after"), {Kind: PageBreak}, coloured, {Kind: PageBreak}, {Kind: Contents, Text: "contents"}, {Kind: PageBreak},
	}}))["word/document.xml"]
	if n := strings.Count(body, "<w:pageBreakBefore/>"); n != 3 || strings.Contains(body, `w:type="page"`) {
		t.Errorf("%d pages are begun in %s", n, body)
	}
	if !strings.Contains(body, `<w:pStyle w:val="Heading1"/><w:pageBreakBefore/>`) {
		t.Error("the heading begins no page")
	}
	if strings.Count(body, `w:fill="F2B8B5"`) != 1 || strings.Count(body, `w:fill="EDEDED"`) != 2 || strings.Count(body, "<w:shd ") != 3 {
		t.Errorf("colours in %s", body)
	}
}
