package plandoc

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/plan"
)

// Import makes a plan of a document in one language, as far as it goes: headings
// become chapters, tables of risks, levels, materials and obligations become
// their rows, and every other text is kept as an annex under its heading. What
// the plan then lacks is for [plan.Check] and lint to say: nothing is made up but
// ids.
func Import(blocks []docx.Block, lang holdfast.Lang) *plan.Plan {
	im := importer{lang: lang, plan: &plan.Plan{Format: plan.Format, ID: "plan", Language: lang}}
	for _, b := range blocks {
		im.block(b)
	}
	im.flush()
	return im.plan
}

type importer struct {
	lang holdfast.Lang
	plan *plan.Plan

	// The section that is being read.
	title string
	text  []string
}

func (im *importer) in(s string) holdfast.Text {
	switch im.lang {
	case holdfast.ZhHant:
		return holdfast.Text{ZhHant: s}
	case holdfast.ZhHans:
		return holdfast.Text{ZhHans: s}
	default:
		return holdfast.Text{En: s}
	}
}

func (im *importer) block(b docx.Block) {
	switch b.Kind {
	case docx.Title:
		if im.plan.Title.IsZero() {
			im.plan.Title = im.in(b.Text)
			return
		}
		im.text = append(im.text, b.Text)
	case docx.Heading:
		im.flush()
		im.title = unnumbered(b.Text)
	case docx.Entry:
		im.text = append(im.text, "• "+b.Text)
	case docx.TableBlock:
		if !im.table(b.Rows) {
			for _, row := range b.Rows {
				im.text = append(im.text, strings.Join(row, " | "))
			}
		}
	default:
		im.text = append(im.text, b.Text)
	}
}

// numbering is what stands before a heading's title: 第一章, 1.2, 一、, （三）, IV.
var numbering = regexp.MustCompile(`^(第?[一二三四五六七八九十百0-9]+[章节節条條篇]?|[（(][一二三四五六七八九十0-9]+[）)]|[0-9]+(\.[0-9]+)*|[IVX]+|Chapter [0-9]+|Section [0-9]+)[\s　.、．:：)）]+`)

func unnumbered(heading string) string {
	if title := numbering.ReplaceAllString(heading, ""); title != "" {
		return strings.TrimSpace(title)
	}
	return heading
}

// flush puts the section that was read where it belongs.
func (im *importer) flush() {
	text := strings.TrimSpace(strings.Join(im.text, "\n"))
	title := im.title
	im.title, im.text = "", nil
	if text == "" {
		return
	}
	p := im.plan
	switch {
	case says(title, "目的", "purpose", "宗旨") && p.Purpose.IsZero():
		p.Purpose = im.in(text)
	case says(title, "適用範圍", "适用范围", "scope", "適用", "适用") && p.Scope.IsZero():
		p.Scope = im.in(text)
	case levelIn(title) != holdfast.Unknown && says(title, "級別", "级别", "分級", "分级", "level", "標準", "标准", "條件", "条件"):
		im.level(levelIn(title), title, text)
	case says(title, "依據", "依据", "資料", "资料", "materials", "references", "法規", "法规"):
		for _, line := range strings.Split(text, "\n") {
			im.material(strings.TrimPrefix(line, "• "), "", "")
		}
	default:
		if title == "" {
			title = firstLine(text)
		}
		p.Annexes = append(p.Annexes, plan.Annex{ID: "annex-" + strconv.Itoa(len(p.Annexes)+1), Title: im.in(title), Text: im.in(text)})
	}
}

// says reports whether a heading has one of the words.
func says(heading string, words ...string) bool {
	heading = strings.ToLower(heading)
	for _, word := range words {
		if strings.Contains(heading, word) {
			return true
		}
	}
	return false
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if runes := []rune(line); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return line
}

// levelWord is a level as documents write it.
var levelWord = regexp.MustCompile(`(?i)level\s*([123])\b|([一二三123]|\b(?:III|II|I)\b|Ⅰ|Ⅱ|Ⅲ)\s*[級级]`)

func levelIn(text string) holdfast.Level {
	m := levelWord.FindStringSubmatch(text)
	if m == nil {
		return holdfast.Unknown
	}
	switch m[1] + m[2] {
	case "1", "一", "I", "Ⅰ":
		return holdfast.Level1
	case "2", "二", "II", "Ⅱ":
		return holdfast.Level2
	default:
		return holdfast.Level3
	}
}

func (im *importer) level(l holdfast.Level, title, criteria string) {
	for _, known := range im.plan.Levels {
		if known.Level == l {
			return // the first counts; the document says it twice
		}
	}
	im.plan.Levels = append(im.plan.Levels, plan.Level{Level: l, Title: im.in(title), Criteria: im.in(criteria)})
}

func (im *importer) material(title, version, date string) {
	if title = strings.TrimSpace(title); title == "" {
		return
	}
	m := plan.Material{ID: "material-" + strconv.Itoa(len(im.plan.Materials)+1), Title: im.in(title), Kind: plan.Policy, Version: version}
	if says(title, "法", "條例", "条例", "辦法", "办法", "規定", "规定", "act", "regulation", "law") {
		m.Kind = plan.Regulation
	}
	var day plan.Date
	if day.UnmarshalText([]byte(date)) == nil {
		m.Date = day
	}
	im.plan.Materials = append(im.plan.Materials, m)
}

// table takes the rows of a table that it knows by its head, and reports
// whether it did.
func (im *importer) table(rows [][]string) bool {
	if len(rows) < 2 {
		return false
	}
	c := columnsOf(rows[0])
	switch {
	case c.has("title", "likelihood", "impact"):
		for _, row := range rows[1:] {
			im.risk(c, row)
		}
	case c.has("level", "criteria"):
		for _, row := range rows[1:] {
			l := levelIn(c.of(row, "level"))
			if l == holdfast.Unknown {
				return false
			}
			im.level(l, c.of(row, "level"), c.of(row, "criteria"))
		}
	case c.has("material"):
		for _, row := range rows[1:] {
			im.material(c.of(row, "material"), c.of(row, "version"), c.of(row, "date"))
		}
	case c.has("party", "purpose"):
		for _, row := range rows[1:] {
			im.plan.Contacts = append(im.plan.Contacts, plan.Contact{Party: partyID(c.of(row, "party"), len(im.plan.Contacts)), Purpose: im.in(strings.TrimSpace(c.of(row, "party") + " " + c.of(row, "purpose")))})
		}
	default:
		return false
	}
	return true
}

func partyID(name string, n int) string {
	if id := strings.ToLower(name); holdfast.ValidName(id) {
		return id
	}
	return fmt.Sprintf("party-%d", n+1)
}

func (im *importer) risk(c columns, row []string) {
	r := plan.Risk{
		ID: "risk-" + strconv.Itoa(len(im.plan.Risks)+1), Title: im.in(c.of(row, "title")),
		Likelihood: grade(c.of(row, "likelihood")), Impact: grade(c.of(row, "impact")),
	}
	if treatment := c.of(row, "treatment"); treatment != "" {
		r.Treatment = im.in(treatment)
	}
	im.plan.Risks = append(im.plan.Risks, r)
}

// grade reads 1 to 5, or 低, 中, 高 and low, medium, high as 1, 3 and 5. What it
// cannot read is 0, which the plan's check reports.
func grade(s string) int {
	if n, err := strconv.Atoi(strings.TrimSpace(s)); err == nil && n >= 1 && n <= 5 {
		return n
	}
	switch {
	case says(s, "高", "high", "大"):
		return 5
	case says(s, "中", "medium"):
		return 3
	case says(s, "低", "low", "小"):
		return 1
	}
	return 0
}

// columns are the columns of a table by what its head says.
type columns map[string]int

// heads are the words by which a column is known, the first that fits counts.
var heads = []struct {
	column string
	words  []string
}{
	{"likelihood", []string{"可能性", "概率", "likelihood", "probability"}},
	{"impact", []string{"影響", "影响", "impact", "後果", "后果"}},
	{"treatment", []string{"應對", "应对", "措施", "treatment", "mitigation"}},
	{"level", []string{"級別", "级别", "等級", "等级", "level"}},
	{"criteria", []string{"條件", "条件", "標準", "标准", "criteria", "定義", "定义"}},
	{"material", []string{"資料", "资料", "法規", "法规", "文件名稱", "文件名称", "material", "reference"}},
	{"version", []string{"版本", "version"}},
	{"date", []string{"日期", "date"}},
	{"party", []string{"合作方", "單位", "单位", "機構", "机构", "party", "organisation"}},
	{"purpose", []string{"事由", "用途", "purpose"}},
	{"title", []string{"風險", "风险", "risk", "名稱", "名称"}},
}

func columnsOf(head []string) columns {
	c := columns{}
	for i, cell := range head {
		for _, h := range heads {
			if _, taken := c[h.column]; !taken && says(cell, h.words...) {
				c[h.column] = i
				break
			}
		}
	}
	return c
}

func (c columns) has(names ...string) bool {
	for _, name := range names {
		if _, ok := c[name]; !ok {
			return false
		}
	}
	return true
}

func (c columns) of(row []string, name string) string {
	if i, ok := c[name]; ok && i < len(row) {
		return strings.TrimSpace(row[i])
	}
	return ""
}
