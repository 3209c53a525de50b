package plandoc

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// This file reads documents that were not written by Export: plans as operators
// have them.

// longHeading is how many characters a paragraph may have to count as a heading.
const longHeading = 40

var (
	chapterNumber = regexp.MustCompile(`^(第[一二三四五六七八九十百0-9]+[章篇部]|[一二三四五六七八九十]+、)`)
	sectionNumber = regexp.MustCompile(`^(第[一二三四五六七八九十百0-9]+[节節]|[（(][一二三四五六七八九十]+[）)])`)
	decimalNumber = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)*)[.、．\s　]`)
)

// headed makes headings of the paragraphs that look like them, in a document in
// which none has a heading's style: short, numbered, and no sentence. The first
// short paragraph before them is the title.
func headed(blocks []docx.Block) []docx.Block {
	if slices.ContainsFunc(blocks, func(b docx.Block) bool { return b.Kind == docx.Heading }) {
		return blocks
	}
	blocks = slices.Clone(blocks)
	titled := slices.ContainsFunc(blocks, func(b docx.Block) bool { return b.Kind == docx.Title })
	for i, b := range blocks {
		if b.Kind != docx.Paragraph && b.Kind != docx.Entry {
			titled = titled || b.Kind == docx.TableBlock
			continue
		}
		if level := looksLike(b); level > 0 {
			blocks[i] = docx.H(level, b.Text)
			titled = true
		} else if !titled && short(b.Text) {
			blocks[i].Kind, titled = docx.Title, true
		}
	}
	return blocks
}

// looksLike is the level of the heading that a paragraph looks like, or 0.
func looksLike(b docx.Block) int {
	if !short(b.Text) {
		return 0
	}
	switch {
	case chapterNumber.MatchString(b.Text):
		return 1
	case sectionNumber.MatchString(b.Text):
		return 2
	case b.Strong && decimalNumber.MatchString(b.Text):
		return min(1+strings.Count(decimalNumber.FindStringSubmatch(b.Text)[1], "."), 6)
	case b.Strong && b.Kind == docx.Entry:
		return 1
	}
	return 0
}

// short reports whether a text can be a heading: one short line that is no
// sentence.
func short(text string) bool {
	return utf8.RuneCountInString(text) <= longHeading && !strings.Contains(text, "\n") && !strings.ContainsAny(text, "。；;") && !strings.HasSuffix(text, ".") &&
		!strings.HasSuffix(text, "：") && !strings.HasSuffix(text, ":")
}

// foreignText puts a section where its heading says that it belongs.
func (im *importer) foreignText(title, text string) {
	p := im.plan
	switch {
	case says(title, "目的", "purpose", "宗旨") && p.Purpose.IsZero():
		p.Purpose = im.in(text)
	case says(title, "適用", "适用", "scope") && p.Scope.IsZero():
		p.Scope = im.in(text)
	case levelIn(title) != holdfast.Unknown && says(title, "級別", "级别", "分級", "分级", "level", "標準", "标准", "條件", "条件", "事件") && !says(title, "流程", "處置", "处置"):
		im.level(levelIn(title), title, text)
	case says(title, "級別", "级别", "分級", "分级", "levels") && im.levelLines(text):
	case says(title, "依據", "依据", "資料", "资料", "materials", "references", "法規", "法规"):
		for _, line := range strings.Split(text, "\n") {
			im.material(unnumbered(strings.TrimPrefix(line, "• ")), "", "")
		}
	default:
		im.annex(title, text)
	}
}

// levelLine is one line of a list of levels: 一級（特別重大）：系統停止.
var levelLine = regexp.MustCompile(`^(?:•\s*)?(?:[0-9]+[.、]\s*|[（(][0-9一二三]+[）)]\s*)?(.{0,20}?[級级](?:事件|響應|响应)?(?:[（(][^）)]*[）)])?)\s*[：:]\s*(.+)$`)

// levelLines reads levels that stand as lines of one section, and reports whether
// each line was one.
func (im *importer) levelLines(text string) bool {
	var found [][]string
	for _, line := range strings.Split(text, "\n") {
		m := levelLine.FindStringSubmatch(line)
		if m == nil || levelIn(m[1]) == holdfast.Unknown {
			return false
		}
		found = append(found, m)
	}
	for _, m := range found {
		im.level(levelIn(m[1]), m[1], m[2])
	}
	return true
}

// says reports whether a heading has one of the words.
func says(heading string, words ...string) bool {
	heading = strings.ToLower(heading)
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(heading, word) })
}

func (im *importer) level(l holdfast.Level, title, criteria string) {
	if slices.ContainsFunc(im.plan.Levels, func(known plan.Level) bool { return known.Level == l }) {
		im.annex(title, criteria) // the first counts; the document says it twice
		return
	}
	im.plan.Levels = append(im.plan.Levels, plan.Level{Level: l, Title: im.in(title), Criteria: im.in(criteria)})
}

func (im *importer) material(title, version, date string) {
	if title = strings.TrimSpace(title); title == "" {
		return
	}
	m := plan.Material{Title: im.in(title), Kind: plan.Policy, Version: version}
	if says(title, "法", "條例", "条例", "辦法", "办法", "規定", "规定", "act", "regulation", "law") {
		m.Kind = plan.Regulation
	}
	var day plan.Date
	if day.UnmarshalText([]byte(date)) == nil {
		m.Date = day
	}
	im.plan.Materials = append(im.plan.Materials, m)
}

// headRows is among how many rows from the first the head of a table may be: a
// title over the whole table stands above it.
const headRows = 3

// foreignTable takes the rows of a table that it knows by its head, and reports
// whether nothing of it need be kept as text.
func (im *importer) foreignTable(rows [][]string) bool {
	for at := range min(headRows, len(rows)-1) {
		if taken, known := im.rowsUnder(columnsOf(rows[at]), rows[at+1:]); known {
			return taken
		}
	}
	return false
}

func (im *importer) rowsUnder(c columns, rows [][]string) (taken, known bool) {
	switch {
	case c.has("risk", "likelihood", "impact"):
		for _, row := range rows {
			im.risk(c, row)
		}
	case c.has("level", "criteria"):
		for _, row := range rows {
			if levelIn(c.of(row, "level")) == holdfast.Unknown {
				return false, true
			}
		}
		for _, row := range rows {
			im.level(levelIn(c.of(row, "level")), c.of(row, "level"), c.of(row, "criteria"))
		}
	case c.has("name", "phone") && !c.has("party", "purpose"):
		for _, row := range rows {
			im.person(c, row)
		}
		return false, true // a plan has roles; the names stay as text, too
	case c.has("role", "duties"):
		for _, row := range rows {
			im.role(c.of(row, "role"), c.of(row, "duties"), c.of(row, "department"))
		}
	case c.has("party") && (c.has("purpose") || c.has("phone")):
		for _, row := range rows {
			im.contact(c, row)
		}
		return !c.has("phone"), true
	case c.has("material"):
		for _, row := range rows {
			im.material(c.of(row, "material"), c.of(row, "version"), c.of(row, "date"))
		}
	default:
		return false, false
	}
	return true, true
}

func (im *importer) contact(c columns, row []string) {
	name := c.of(row, "party")
	if name == "" {
		return
	}
	id := strings.ToLower(name)
	if !holdfast.ValidName(id) {
		id = "party-" + strconv.Itoa(len(im.plan.Contacts)+1)
	}
	im.plan.Contacts = append(im.plan.Contacts, plan.Contact{Party: id, Purpose: im.in(strings.TrimSpace(name + " " + c.of(row, "purpose")))})
}

func (im *importer) role(name, duties, department string) {
	if name == "" || slices.ContainsFunc(im.plan.Roles, func(r plan.Role) bool { return r.Name == im.in(name) }) {
		return
	}
	r := plan.Role{Name: im.in(name), Department: department}
	if duties != "" {
		r.Duties = im.in(duties)
	}
	if department != "" && !slices.ContainsFunc(im.plan.Departments, func(d plan.Department) bool { return d.Name == im.in(department) }) {
		im.plan.Departments = append(im.plan.Departments, plan.Department{Name: im.in(department)})
	}
	im.plan.Roles = append(im.plan.Roles, r)
}

// number is a telephone number as documents write it.
var number = regexp.MustCompile(`\+?[0-9][0-9 \-()（）#轉转]{4,30}[0-9]`)

// address is a mail address.
var address = regexp.MustCompile(`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`)

// person reads one row of a table of names and numbers. Where the table says what
// the person does in an emergency, that is a role.
func (im *importer) person(c columns, row []string) {
	p := roster.Person{Name: c.of(row, "name")}
	if p.Name == "" {
		return
	}
	p.ID = "person-" + strconv.Itoa(len(im.out.People)+1)
	if c.has("role", "duties") {
		im.role(c.of(row, "role"), c.of(row, "duties"), c.of(row, "department"))
		if role := c.of(row, "role"); role != "" {
			p.Roles = []string{role}
		}
	}
	for _, cell := range []string{c.of(row, "phone"), c.of(row, "mail"), c.of(row, "mobile")} {
		for _, mail := range address.FindAllString(cell, -1) {
			p.Contacts = append(p.Contacts, roster.Contact{Channel: roster.SMTP, Address: mail})
		}
		for _, n := range number.FindAllString(address.ReplaceAllString(cell, ""), -1) {
			p.Contacts = append(p.Contacts, roster.Contact{Channel: roster.Phone, Address: n})
		}
	}
	im.out.People = append(im.out.People, p)
}

func (im *importer) risk(c columns, row []string) {
	r := plan.Risk{Title: im.in(c.of(row, "risk")), Likelihood: grade(c.of(row, "likelihood")), Impact: grade(c.of(row, "impact"))}
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
	{"risk", []string{"風險", "风险", "risk"}},
	{"likelihood", []string{"可能性", "概率", "發生頻率", "发生频率", "likelihood", "probability"}},
	{"impact", []string{"影響", "影响", "impact", "後果", "后果"}},
	{"treatment", []string{"應對", "应对", "措施", "treatment", "mitigation"}},
	{"criteria", []string{"條件", "条件", "標準", "标准", "criteria", "定義", "定义", "情形"}},
	{"level", []string{"級別", "级别", "等級", "等级", "level"}},
	{"material", []string{"資料", "资料", "法規", "法规", "文件名稱", "文件名称", "material", "reference"}},
	{"version", []string{"版本", "version"}},
	{"date", []string{"日期", "date"}},
	{"mail", []string{"郵", "邮", "mail"}},
	{"mobile", []string{"手機", "手机", "行動電話", "移动电话", "mobile"}},
	{"phone", []string{"電話", "电话", "聯絡方式", "联系方式", "聯繫方式", "phone", "telephone"}},
	{"name", []string{"姓名", "聯絡人", "联系人", "聯繫人", "name"}},
	{"duties", []string{"職責", "职责", "分工", "duties", "responsib"}},
	{"role", []string{"角色", "職務", "职务", "崗位", "岗位", "role", "position"}},
	{"department", []string{"部門", "部门", "department"}},
	{"party", []string{"外部單位", "外部单位", "合作方", "單位", "单位", "機構", "机构", "party", "organisation"}},
	{"purpose", []string{"事由", "用途", "purpose"}},
	{"risk", []string{"名稱", "名称"}},
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
	if at, ok := c["mobile"]; ok && !c.has("phone") {
		c["phone"] = at
		delete(c, "mobile")
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
