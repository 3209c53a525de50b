package plandoc

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// paper is a document as a word processor writes one by hand: no styles, headings
// in bold, numbers typed.
type paper struct{ strings.Builder }

func (p *paper) line(text string) { p.run(text, "") }

func (p *paper) bold(text string) { p.run(text, "<w:rPr><w:b/><w:sz w:val=\"32\"/></w:rPr>") }

func (p *paper) run(text, look string) {
	// Word cuts a line into runs wherever it likes.
	half := len([]rune(text)) / 2
	fmt.Fprintf(p, `<w:p><w:r>%s<w:t xml:space="preserve">%s</w:t></w:r><w:proofErr w:type="gramStart"/><w:r>%s<w:t xml:space="preserve">%s</w:t></w:r></w:p>`,
		look, string([]rune(text)[:half]), look, string([]rune(text)[half:]))
}

// table writes rows; a cell "^" goes on from the one above, "<" from the one before.
func (p *paper) table(rows ...[]string) {
	p.WriteString("<w:tbl>")
	for r, row := range rows {
		p.WriteString("<w:tr>")
		for c := 0; c < len(row); {
			span, look := 1, ""
			for c+span < len(row) && row[c+span] == "<" {
				span++
			}
			text := row[c]
			switch {
			case text == "^":
				look, text = "<w:vMerge/>", ""
			case r+1 < len(rows) && c < len(rows[r+1]) && rows[r+1][c] == "^":
				look = `<w:vMerge w:val="restart"/>`
			}
			fmt.Fprintf(p, `<w:tc><w:tcPr><w:gridSpan w:val="%d"/>%s</w:tcPr><w:p><w:pPr><w:jc w:val="center"/></w:pPr><w:r><w:t>%s</w:t></w:r></w:p></w:tc>`, span, look, text)
			c += span
		}
		p.WriteString("</w:tr>")
	}
	p.WriteString("</w:tbl>")
}

func (p *paper) read(t *testing.T) []docx.Block {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("word/document.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`+p.String()+`</w:body></w:document>`); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	blocks, err := docx.Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// everyText is all that a plan and the people say.
func everyText(im Imported) string {
	all := string(plan.Encode(im.Plan))
	for _, p := range im.People {
		all += p.Name
		for _, c := range p.Contacts {
			all += c.Address
		}
	}
	return all
}

// A plan as a Chinese institution writes it: headings are bold lines 一、 and
// （一）, sentences are numbered alike and are none, a title stands over the
// tables, departments go over several rows.
func TestImportAPlanWithoutStyles(t *testing.T) {
	t.Parallel()
	var p paper
	p.bold("某支付机构支付系统突发事件应急预案")
	p.bold("一、总则")
	p.line("（一）编制目的")
	p.line("为提高应对支付系统突发事件的能力，保障客户资金安全，制定本预案。")
	p.line("（二）编制依据")
	p.line("1.《中华人民共和国网络安全法》")
	p.line("2. 本公司《信息系统运维管理制度》")
	p.line("（三）适用范围")
	p.line("适用于本公司支付系统及各合作单位。")
	p.line("（四）工作原则")
	p.line("1. 统一指挥，分级负责。")
	p.line("2. 预防为主，平战结合。")
	p.bold("二、事件分级")
	p.line("Ⅰ级（特别重大）：支付系统全部停止运行，或关键数据泄露。")
	p.line("Ⅱ级（重大）：部分功能受限。")
	p.line("Ⅲ级（较大）：个别功能异常，用户未受影响。")
	p.bold("三、组织机构与职责")
	p.line("成立应急领导小组，下设办公室。")
	p.table(
		[]string{"应急组织体系", "<", "<"},
		[]string{"部门", "岗位", "职责分工"},
		[]string{"技术部", "技术处置组组长", "查明原因，修复系统。"},
		[]string{"^", "网络工程师", "隔离网络，保全日志。"},
		[]string{"运营部", "运营处置组组长", "统计影响，核对账务。"},
	)
	p.bold("四、风险分析")
	p.table(
		[]string{"序号", "风险名称", "发生可能性", "影响程度", "应对措施"},
		[]string{"1", "机房断电", "低", "高", "双路供电"},
		[]string{"2", "网络攻击", "中", "高", ""},
	)
	p.bold("五、应急响应")
	p.line("（一）启动")
	p.line("一、值班人员发现异常后，应当在五分钟内报告。")
	p.line("（二）现场处置")
	p.line("停止支付，保全证据。")
	p.bold("六、附件")
	p.table(
		[]string{"应急小组联络表", "<", "<", "<", "<"},
		[]string{"序号", "姓名", "职务", "电话", "邮箱"},
		[]string{"1", "陈伟", "总指挥", "138 0000 0101、010-5550 0101", "chen@example.com"},
		[]string{"2", "林静", "副总指挥", "13800000102", ""},
		[]string{"3", "", "（空缺）", "", ""},
	)
	p.table(
		[]string{"单位名称", "联络事由", "联系电话"},
		[]string{"某清算机构", "确认清算时限", "010-5550 0199"},
		[]string{"acme-cloud", "报修", "400-555-0100"},
	)
	got := Import(p.read(t), locale.For(holdfast.ZhHans), nil)
	checkForeign(t, got)

	all := everyText(got)
	for _, said := range []string{
		"预防为主，平战结合", "成立应急领导小组", "隔离网络", "应当在五分钟内报告", "停止支付，保全证据", "010-5550 0199", "chen@example.com", "（空缺）", "平战结合", "应急小组联络表",
	} {
		if !strings.Contains(all, said) {
			t.Errorf("%q is lost", said)
		}
	}
}

func checkForeign(t *testing.T, got Imported) {
	t.Helper()
	p := got.Plan
	if p.Title.ZhHans != "某支付机构支付系统突发事件应急预案" || !strings.HasPrefix(p.Purpose.ZhHans, "为提高应对") || p.Scope.ZhHans != "适用于本公司支付系统及各合作单位。" {
		t.Errorf("title %q, purpose %q, scope %q", p.Title.ZhHans, p.Purpose.ZhHans, p.Scope.ZhHans)
	}
	if len(p.Materials) != 2 || p.Materials[0].Title.ZhHans != "《中华人民共和国网络安全法》" || p.Materials[0].Kind != plan.Regulation {
		t.Errorf("materials: %+v", p.Materials)
	}
	if len(p.Levels) != 3 || p.Levels[1].Level != holdfast.Level2 || p.Levels[1].Title.ZhHans != "Ⅱ级（重大）" || p.Levels[2].Criteria.ZhHans != "个别功能异常，用户未受影响。" {
		t.Errorf("levels: %+v", p.Levels)
	}
	if len(p.Roles) != 3 || p.Roles[1].Name.ZhHans != "网络工程师" || p.Roles[1].Department != p.Roles[0].Department || len(p.Departments) != 2 {
		t.Errorf("roles: %+v, departments: %+v", p.Roles, p.Departments)
	}
	if len(p.Risks) != 2 || p.Risks[0].Title.ZhHans != "机房断电" || p.Risks[0].Score() != 5 || p.Risks[1].Score() != 15 {
		t.Errorf("risks: %+v", p.Risks)
	}
	if len(p.Contacts) != 2 || p.Contacts[1].Party != "acme-cloud" {
		t.Errorf("contacts: %+v", p.Contacts)
	}
	want := []roster.Contact{{Channel: roster.SMTP, Address: "chen@example.com"}, {Channel: roster.Phone, Address: "138 0000 0101"}, {Channel: roster.Phone, Address: "010-5550 0101"}}
	if len(got.People) != 2 || got.People[0].Name != "陈伟" {
		t.Fatalf("people: %+v", got.People)
	}
	for _, c := range want {
		if !slices.Contains(got.People[0].Contacts, c) {
			t.Errorf("of %+v the person has no %v", got.People[0].Contacts, c)
		}
	}
	if want := []string{"工作原则", "组织机构与职责", "启动", "现场处置", "附件"}; !slices.Equal(got.Kept, want) {
		t.Errorf("kept as text: %q", got.Kept)
	}
}

// The same in Traditional Chinese with automatic numbers, which a document does
// not spell out, and one table of names that also says who does what.
func TestImportAPlanWithNumberedParagraphs(t *testing.T) {
	t.Parallel()
	heading := func(text string) docx.Block { return docx.Block{Kind: docx.Entry, Text: text, Strong: true} }
	got := Import([]docx.Block{
		docx.P("支付系統緊急應變計畫"),
		heading("目的"), docx.P("維持支付不中斷。"),
		heading("應變小組"), docx.T([]string{"姓名", "應變職務", "部門", "職責", "聯絡電話"},
			[]string{"陳偉", "應急指揮", "運營部", "統一指揮。", "+886 2 5550 0101 轉 12"}, []string{"林靜", "應急指揮", "運營部", "統一指揮。", "0912-345-678"}),
		heading("應變程序"), docx.L("通報主管"), docx.L("停止支付"),
	}, locale.For(holdfast.ZhHant), nil)
	p := got.Plan
	if p.Title.ZhHant != "支付系統緊急應變計畫" || p.Purpose.ZhHant != "維持支付不中斷。" {
		t.Errorf("title %q, purpose %q", p.Title.ZhHant, p.Purpose.ZhHant)
	}
	if len(p.Roles) != 1 || p.Roles[0].ID != "commander" || p.Roles[0].Department != "operations" || p.Departments[0].ID != "operations" {
		t.Errorf("roles %+v in %+v: as the built-in plan calls them, so that what is set up for it fits", p.Roles, p.Departments)
	}
	if len(got.People) != 2 || !slices.Equal(got.People[1].Roles, []string{"commander"}) || got.People[0].Contacts[0].Address != "+886 2 5550 0101 轉 12" {
		t.Errorf("people: %+v", got.People)
	}
	if !slices.Equal(got.Kept, []string{"應變小組", "應變程序"}) {
		t.Errorf("kept as text: %q", got.Kept)
	}
	if i := slices.IndexFunc(p.Annexes, func(a plan.Annex) bool { return a.Title.ZhHant == "應變程序" }); i < 0 || p.Annexes[i].Text.ZhHant != "• 通報主管\n• 停止支付" {
		t.Errorf("annexes: %+v", p.Annexes)
	}
}

// What cannot be read in a table of ours is told, and where it stands.
func TestImportTellsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	words := locale.For(holdfast.En)
	d := Export(builtin(), words, Record{})
	for _, b := range d.Blocks {
		for _, row := range b.Rows {
			for i := range row {
				row[i] = strings.Replace(row[i], "Technical document", "Tecnical", 1)
			}
		}
	}
	got := Import(d.Blocks, words, nil)
	if len(got.Unread) == 0 || !strings.Contains(got.Unread[0].Error(), `under "Materials", "Kind: Tecnical"`) {
		t.Errorf("%v", got.Unread)
	}
}
