package docx

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The parts of the package beside the document itself.
const (
	wordSpace     = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
	relationSpace = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	packageSpace  = "http://schemas.openxmlformats.org/package/2006/"
	wordType      = "application/vnd.openxmlformats-officedocument.wordprocessingml."

	contentTypes = xml.Header + `<Types xmlns="` + packageSpace + `content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/>` +
		`<Override PartName="/word/document.xml" ContentType="` + wordType + `document.main+xml"/>` +
		`<Override PartName="/word/styles.xml" ContentType="` + wordType + `styles+xml"/>` +
		`<Override PartName="/word/fontTable.xml" ContentType="` + wordType + `fontTable+xml"/>` +
		`<Override PartName="/word/numbering.xml" ContentType="` + wordType + `numbering+xml"/>` +
		`<Override PartName="/word/settings.xml" ContentType="` + wordType + `settings+xml"/>` +
		`<Override PartName="/word/header1.xml" ContentType="` + wordType + `header+xml"/>` +
		`<Override PartName="/word/footer1.xml" ContentType="` + wordType + `footer+xml"/>` +
		`<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>`

	packageRelations = xml.Header + `<Relationships xmlns="` + packageSpace + `relationships">` +
		`<Relationship Id="rId1" Type="` + relationSpace + `/officeDocument" Target="word/document.xml"/>` +
		`<Relationship Id="rId2" Type="` + packageSpace + `relationships/metadata/core-properties" Target="docProps/core.xml"/></Relationships>`

	documentRelations = xml.Header + `<Relationships xmlns="` + packageSpace + `relationships">` +
		`<Relationship Id="rId1" Type="` + relationSpace + `/styles" Target="styles.xml"/>` +
		`<Relationship Id="rId2" Type="` + relationSpace + `/footer" Target="footer1.xml"/>` +
		`<Relationship Id="rId3" Type="` + relationSpace + `/header" Target="header1.xml"/>` +
		`<Relationship Id="rId4" Type="` + relationSpace + `/numbering" Target="numbering.xml"/>` +
		`<Relationship Id="rId5" Type="` + relationSpace + `/fontTable" Target="fontTable.xml"/>` +
		`<Relationship Id="rId6" Type="` + relationSpace + `/settings" Target="settings.xml"/></Relationships>`

	coreProperties = xml.Header + `<cp:coreProperties xmlns:cp="` + packageSpace + `metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/">` +
		`<dc:title>%s</dc:title><dc:language>%s</dc:language></cp:coreProperties>`

	// numbering has the one list that entries belong to.
	numbering = xml.Header + `<w:numbering xmlns:w="` + wordSpace + `"><w:abstractNum w:abstractNumId="0"><w:multiLevelType w:val="singleLevel"/>` +
		`<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="bullet"/><w:lvlText w:val="•"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="420" w:hanging="280"/></w:pPr></w:lvl>` +
		`</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>`

	// settings name the form of today's word processors, which would else open it
	// in a mode for old ones.
	settings = xml.Header + `<w:settings xmlns:w="` + wordSpace + `"><w:compat>` +
		`<w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>`
)

// fonts are those of one language, of the text and of headings: free ones, which
// LibreOffice takes by name, and those of Word, which it takes where it lacks them.
type fonts struct{ text, heading, otherText, otherHeading string }

func fontsOf(lang string) fonts {
	if lang == "zh-Hans" {
		return fonts{"Noto Serif CJK SC", "Noto Sans CJK SC", "SimSun", "SimHei"}
	}
	return fonts{"Noto Serif CJK TC", "Noto Sans CJK TC", "PMingLiU", "Microsoft JhengHei"}
}

func fontTable(lang string) string {
	f := fontsOf(lang)
	var b strings.Builder
	b.WriteString(xml.Header + `<w:fonts xmlns:w="` + wordSpace + `">`)
	for _, font := range [][3]string{
		{f.text, f.otherText, "roman"}, {f.heading, f.otherHeading, "swiss"}, {"Times New Roman", "Liberation Serif", "roman"}, {"Arial", "Liberation Sans", "swiss"},
	} {
		fmt.Fprintf(&b, `<w:font w:name="%s"><w:altName w:val="%s"/><w:family w:val="%s"/></w:font>`, font[0], font[1], font[2])
	}
	b.WriteString(`</w:fonts>`)
	return b.String()
}

// styles are the looks that the blocks name.
func styles(lang string) string {
	f := fontsOf(lang)
	heading := fmt.Sprintf(`<w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:eastAsia="%s" w:cs="Arial"/>`, f.heading)
	var b strings.Builder
	fmt.Fprintf(&b, xml.Header+`<w:styles xmlns:w="%s"><w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:eastAsia="%s" w:cs="Times New Roman"/><w:sz w:val="22"/>`+
		`<w:lang w:val="en-GB" w:eastAsia="%s"/></w:rPr></w:rPrDefault><w:pPrDefault><w:pPr><w:spacing w:after="100" w:line="320" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>`, wordSpace, f.text, officeLang(lang))
	b.WriteString(`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/></w:style>`)
	style := func(id, name, paragraph, text string) {
		fmt.Fprintf(&b, `<w:style w:type="paragraph" w:styleId="%s"><w:name w:val="%s"/><w:basedOn w:val="Normal"/><w:pPr>%s</w:pPr><w:rPr>%s</w:rPr></w:style>`, id, name, paragraph, text)
	}
	style("Title", "Title", `<w:spacing w:before="2800" w:after="640"/><w:jc w:val="center"/>`, heading+`<w:b/><w:sz w:val="48"/>`)
	style("Cover", "Cover", `<w:spacing w:after="160"/><w:jc w:val="center"/>`, `<w:sz w:val="24"/>`)
	for level := 1; level <= maxLevel; level++ {
		style(headingStyle(level), fmt.Sprintf("heading %d", level),
			fmt.Sprintf(`<w:keepNext/><w:keepLines/><w:spacing w:before="%d" w:after="120"/><w:outlineLvl w:val="%d"/>`, max(400-80*level, 120), level-1),
			fmt.Sprintf(heading+`<w:b/><w:sz w:val="%d"/>`, max(36-4*level, 22)))
	}
	style("ListBullet", "List Bullet", `<w:numPr><w:numId w:val="1"/></w:numPr><w:spacing w:after="60"/><w:ind w:left="420" w:hanging="280"/>`, "")
	style("TableText", "Table Text", `<w:spacing w:before="20" w:after="20" w:line="264" w:lineRule="auto"/>`, `<w:sz w:val="19"/>`)
	style("TOCHeading", "TOC Heading", `<w:spacing w:before="240" w:after="240"/><w:jc w:val="center"/>`, heading+`<w:b/><w:sz w:val="32"/>`)
	for level := 1; level <= 2; level++ {
		style(fmt.Sprintf("TOC%d", level), fmt.Sprintf("toc %d", level),
			fmt.Sprintf(`<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="%d"/></w:tabs><w:spacing w:after="20"/><w:ind w:left="%d"/>`, pageWidth, 360*(level-1)), "")
	}
	style("Header", "header", `<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="4" w:color="808080"/></w:pBdr><w:spacing w:after="0"/>`, `<w:sz w:val="17"/>`)
	style("Footer", "footer", fmt.Sprintf(`<w:pBdr><w:top w:val="single" w:sz="4" w:space="4" w:color="808080"/></w:pBdr><w:tabs><w:tab w:val="right" w:pos="%d"/></w:tabs><w:spacing w:after="0"/>`, pageWidth), `<w:sz w:val="16"/>`)
	b.WriteString(`<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/><w:tblPr><w:tblBorders>`)
	for _, edge := range []string{"top", "left", "bottom", "right", "insideH", "insideV"} {
		fmt.Fprintf(&b, `<w:%s w:val="single" w:sz="4" w:space="0" w:color="808080"/>`, edge)
	}
	b.WriteString(`</w:tblBorders><w:tblCellMar><w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style></w:styles>`)
	return b.String()
}

// officeLang is the tag that word processors know a language by.
func officeLang(lang string) string {
	switch lang {
	case "zh-Hans":
		return "zh-CN"
	case "zh-Hant":
		return "zh-TW"
	default:
		return "en-GB"
	}
}
