package plandoc

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	udiff "github.com/aymanbagabas/go-udiff"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// everything in a document, one block a line.
func text(blocks []docx.Block) string {
	var b strings.Builder
	for _, block := range blocks {
		b.WriteString(block.Text + "\n")
		for _, row := range block.Rows {
			b.WriteString(strings.Join(row, "\t") + "\n")
		}
	}
	return b.String()
}

// The built-in plan is a whole document in each language: numbered chapters,
// every role, task and stage by name, no key without its text, no id of a part that
// has a name.
func TestExport(t *testing.T) {
	t.Parallel()
	p := builtin()
	for lang, first := range map[holdfast.Lang]string{holdfast.ZhHant: "一、目的", holdfast.ZhHans: "一、目的", holdfast.En: "1. Purpose"} {
		blocks := reread(t, Export(p, locale.For(lang), Record{}))
		all := text(blocks)
		if i := slices.IndexFunc(blocks, func(b docx.Block) bool { return b.Kind == docx.Heading }); blocks[i].Text != first {
			t.Errorf("%s: the first chapter is %q", lang, blocks[i].Text)
		}
		for _, r := range p.Roles {
			if !strings.Contains(all, r.Name.In(lang)) {
				t.Errorf("%s: the role %s is missing", lang, r.ID)
			}
		}
		for _, pr := range p.Procedures {
			for _, s := range pr.Stages {
				for _, task := range s.Tasks {
					if !strings.Contains(all, strings.TrimSpace(task.Title.In(lang))) {
						t.Errorf("%s: the task %s is missing", lang, task.ID)
					}
				}
			}
		}
		for _, key := range []string{"field.", "choice.", "plan.", "level.", "risk.", "document.", "technology-lead", "establish-extent"} {
			if strings.Contains(all, key) {
				t.Errorf("%s: it says %s", lang, key)
			}
		}
	}
}

// reread writes a document and reads it again.
func reread(t *testing.T, d docx.Document) []docx.Block {
	t.Helper()
	var b bytes.Buffer
	if err := docx.Write(&b, d); err != nil {
		t.Fatal(err)
	}
	blocks, err := docx.Read(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return blocks
}

// The cover says who has agreed, and leaves room for those who have not.
func TestTheRecordOfApproval(t *testing.T) {
	t.Parallel()
	record := Record{
		Revision: 4, Document: "支應〔2026〕7號", InForce: time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC), Zone: time.FixedZone("", 8*3600),
		Signed: []Signature{{Step: "countersign", Role: "risk-head", Name: "林靜", At: time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC)}},
	}
	d := Export(builtin(), locale.For(holdfast.ZhHant), record)
	all := text(reread(t, d))
	for _, want := range []string{"文號：支應〔2026〕7號", "版次：第 4 版", "生效日期：2026-12-01", "部門會簽\t風險控制部負責人\t林靜\t2026-11-25", "部門會簽\t技術部負責人\t\t\t", "上級審批\t上級領導\t\t\t"} {
		if !strings.Contains(all, want) {
			t.Errorf("the cover lacks %q", want)
		}
	}
	if !strings.Contains(d.Head, "第 4 版") || !strings.Contains(d.Head, "支應〔2026〕7號") || d.Foot != record.Hash.String() {
		t.Errorf("head %q, foot %q", d.Head, d.Foot)
	}
}

// No two fields of a part have the same label: a line would be read into the
// wrong one.
func TestLabelsAreDistinct(t *testing.T) {
	t.Parallel()
	for _, lang := range holdfast.Langs {
		words := tongue{locale.For(lang)}
		for _, part := range []any{
			plan.Role{}, plan.Risk{}, plan.Material{}, plan.Measure{}, plan.Level{}, plan.AlertRule{}, procedure.Procedure{}, procedure.Stage{}, procedure.Task{},
			plan.Temporary{}, plan.Profile{}, plan.Terms{}, plan.Dependency{}, plan.Recovery{}, plan.RecoveryStep{}, plan.DrillPlan{}, plan.Obligation{}, plan.Governance{}, plan.Probe{}, plan.Attachment{},
		} {
			of := reflect.TypeOf(part)
			fields := of.NumField()
			for i := range of.NumField() {
				if isGroup(of.Field(i).Type) {
					fields += of.Field(i).Type.Elem().NumField() - 1
				}
			}
			if got := len(words.labels(of)); got != fields {
				t.Errorf("%s: %s has %d fields and %d labels", lang, of, fields, got)
			}
		}
	}
}

// What Export wrote Import reads whole: knowing the plan it was made of, the very
// plan; without it, a plan of which the same document is made.
func TestExportedIsImported(t *testing.T) {
	t.Parallel()
	p := builtin()
	for _, lang := range holdfast.Langs {
		words := locale.For(lang)
		document := Export(p, words, Record{})
		got := Import(reread(t, document), words, p)
		if len(got.Kept) > 0 || len(got.Unread) > 0 || len(got.People) > 0 {
			t.Errorf("%s: kept as text %q, not read %v, people %v", lang, got.Kept, got.Unread, got.People)
		}
		if want, text := string(plan.Encode(p)), string(plan.Encode(got.Plan)); text != want {
			t.Errorf("%s: it changed:\n%s", lang, udiff.Unified("exported", "imported", want, text))
		}
		alone := Import(reread(t, document), words, nil).Plan
		alone.Language = p.Language
		if again := Export(alone, words, Record{}); !reflect.DeepEqual(again, document) {
			t.Errorf("%s: without the plan it was made of, it is:\n%s", lang, udiff.Unified("exported", "again", text(document.Blocks), text(again.Blocks)))
		}
	}
}

// A plan as operators have it: numbered headings, a table of risks and one of
// levels, sections that no chapter fits.
func TestImport(t *testing.T) {
	t.Parallel()
	p := Import([]docx.Block{
		{Kind: docx.Title, Text: "支付系統應急預案"},
		docx.H(1, "第一章 總則"), docx.H(2, "1.1 目的"), docx.P("保護客戶資金。"),
		docx.H(2, "1.2 適用範圍"), docx.P("全體人員。"),
		docx.H(2, "1.3 編制依據"), docx.L("《個人信息保護法》"), docx.L("內部管理制度"),
		docx.H(1, "第二章 風險評估"), docx.P("每年評估一次。"),
		docx.T([]string{"風險名稱", "可能性", "影響程度", "應對措施"}, []string{"機房斷電", "低", "高", "雙路供電"}, []string{"網絡攻擊", "3", "5", ""}, []string{"不明", "?", "9", ""}),
		docx.H(1, "三、分級標準"), docx.T([]string{"響應級別", "進入條件"}, []string{"一級（特別重大）", "系統停止"}, []string{"Ⅱ級", "部分受限"}, []string{"三級", "功能異常"}),
		docx.H(1, "第四章 組織"), docx.T([]string{"姓名", "電話"}, []string{"陳偉", "+886 2 5550 0101"}),
		docx.P("由技術部負責。"),
	}, locale.For(holdfast.ZhHant), nil).Plan
	if p.Title.ZhHant != "支付系統應急預案" || p.Purpose.ZhHant != "保護客戶資金。" || p.Scope.ZhHant != "全體人員。" || p.Language != holdfast.ZhHant {
		t.Errorf("the head is %+v", p)
	}
	if len(p.Materials) != 2 || p.Materials[0].Kind != plan.Regulation || p.Materials[1].Kind != plan.Policy {
		t.Errorf("materials: %+v", p.Materials)
	}
	if len(p.Risks) != 3 || p.Risks[0].Score() != 5 || p.Risks[1].Score() != 15 || p.Risks[2].Score() != 0 || p.Risks[0].Treatment.ZhHant != "雙路供電" {
		t.Errorf("risks: %+v", p.Risks)
	}
	if len(p.Levels) != 3 || p.Levels[1].Level != holdfast.Level2 || p.Levels[2].Criteria.ZhHant != "功能異常" {
		t.Errorf("levels: %+v", p.Levels)
	}
	if len(p.Annexes) != 2 || p.Annexes[0].Text.ZhHant != "每年評估一次。" || p.Annexes[1].Title.ZhHant != "組織" || !strings.Contains(p.Annexes[1].Text.ZhHant, "陳偉 | +886 2 5550 0101\n由技術部負責。") {
		t.Errorf("annexes: %+v", p.Annexes)
	}
	if len(plan.Check(p)) == 0 {
		t.Error("a plan without roles and procedures has no fault")
	}
}

func TestNumeral(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "一", 10: "十", 11: "十一", 20: "二十", 21: "二十一", 99: "九十九", 100: "100"} {
		if got := numeral(holdfast.ZhHant, n); got != want {
			t.Errorf("%d is %s, not %s", n, got, want)
		}
	}
}

// FuzzImport holds that no document makes Import panic, that no paragraph and no
// cell is lost, and that what was read can be written as a document again.
func FuzzImport(f *testing.F) {
	f.Add("第一章 目的", "a text", "風險\t可能性\t影響", "x\t1\t2")
	f.Add("六、響應級別", "一級：系統停止", "姓名\t職務\t職責\t電話", "甲\t指揮\t統一指揮\t110")
	f.Add("（一）一級", "期限：1 天", "任務\t負責角色\t時限\t說明", "a\tb\t5 分\t分支：x → y")
	f.Fuzz(func(t *testing.T, heading, paragraph, head, row string) {
		for _, text := range []*string{&heading, &paragraph, &head, &row} {
			*text = strings.ToValidUTF8(*text, "") // a file that is not UTF-8 gives no blocks
		}
		words := locale.For(holdfast.Langs[len(heading)%len(holdfast.Langs)])
		got := Import([]docx.Block{
			docx.H(1, heading), docx.P(paragraph), docx.T(strings.Split(head, "\t"), strings.Split(row, "\t")), docx.H(2, heading), docx.L(paragraph),
		}, words, nil)
		if plan.Check(got.Plan) == nil {
			t.Error("a plan of one section has no fault")
		}
		all := everyText(got)
		if said := strings.TrimSpace(paragraph); plainText(said) && !strings.Contains(all, said) {
			t.Errorf("the paragraph %q is lost: %s", said, all)
		}
		Export(got.Plan, words, Record{})
	})
}

// A document names the plan's files, so that who holds one can tell by its hash that
// it is the one approved, and a material says which is its.
func TestExportNamesFiles(t *testing.T) {
	t.Parallel()
	own := *builtin() // which other tests read meanwhile
	p := &own
	p.Materials = slices.Clone(p.Materials)
	hash := strings.Repeat("ab", 32)
	p.Attachments = []plan.Attachment{{ID: "law", Title: holdfast.Text{ZhHant: "辦法全文", ZhHans: "办法全文", En: "The whole law"}, Name: "law.pdf", Type: "application/pdf", Size: 48213, Hash: hash}}
	p.Materials[0].File = "law"
	for _, lang := range holdfast.Langs {
		all := text(reread(t, Export(p, locale.For(lang), Record{})))
		title := p.Attachments[0].Title.In(lang)
		for _, want := range []string{"law.pdf", "application/pdf", hash} {
			if !strings.Contains(all, want) {
				t.Errorf("%s: %s is missing", lang, want)
			}
		}
		if n := strings.Count(all, title); n != 2 {
			t.Errorf("%s: the file is named %d times, not in its chapter and at its material", lang, n)
		}
	}
}

// plainText reports whether a text stands in YAML as it is, and says nothing that a
// field has another form for.
func plainText(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}
