package plandoc

import (
	"bytes"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

func builtin(t *testing.T) *plan.Plan {
	t.Helper()
	p, faults := plan.Decode("builtin", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return p
}

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
// every role, task and stage by name, no key without its text.
func TestExport(t *testing.T) {
	t.Parallel()
	p := builtin(t)
	for lang, first := range map[holdfast.Lang]string{holdfast.ZhHant: "第一章 目的", holdfast.ZhHans: "第一章 目的", holdfast.En: "1. Purpose"} {
		d := Export(p, locale.For(lang), "r1 · abc")
		var b bytes.Buffer
		if err := docx.Write(&b, d); err != nil {
			t.Fatal(err)
		}
		blocks, err := docx.Read(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		all := text(blocks)
		if blocks[1].Text != first {
			t.Errorf("%s: the first chapter is %q", lang, blocks[1].Text)
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
		for _, key := range []string{"field.", "choice.", "plan.", "level.", "risk."} {
			for _, line := range strings.Split(all, "\n") {
				if strings.HasPrefix(line, key) {
					t.Errorf("%s: a text is missing: %s", lang, line)
				}
			}
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
	}, holdfast.ZhHant)
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

// What Export writes of the chapters that Import knows, Import reads again.
func TestExportedIsImported(t *testing.T) {
	t.Parallel()
	p := builtin(t)
	p.Risks = []plan.Risk{{ID: "a", Title: holdfast.Text{En: "Power is lost"}, Likelihood: 2, Impact: 5, Treatment: holdfast.Text{En: "Two feeds"}}}
	p.Materials = []plan.Material{{ID: "m", Title: holdfast.Text{En: "Payment Services Act"}, Kind: plan.Regulation, Version: "2", Date: "2026-01-02"}}
	got := Import(Export(p, locale.For(holdfast.En), "").Blocks, holdfast.En)
	if got.Title.En != p.Title.En || got.Purpose.En != strings.TrimSpace(p.Purpose.En) {
		t.Errorf("title %q, purpose %q", got.Title.En, got.Purpose.En)
	}
	if len(got.Risks) != 1 || got.Risks[0].Score() != 10 || got.Risks[0].Treatment.En != "Two feeds" {
		t.Errorf("risks: %+v", got.Risks)
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

// FuzzImport holds that no document makes Import panic and that no text is lost.
func FuzzImport(f *testing.F) {
	f.Add("第一章 目的", "a text", "風險\t可能性\t影響", "x\t1\t2")
	f.Fuzz(func(t *testing.T, heading, paragraph, head, row string) {
		p := Import([]docx.Block{
			docx.H(1, heading), docx.P(paragraph), docx.T(strings.Split(head, "\t"), strings.Split(row, "\t")),
		}, holdfast.En)
		if plan.Check(p) == nil {
			t.Error("a plan of one section has no fault")
		}
	})
}
