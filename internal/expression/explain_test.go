package expression

import (
	"testing"

	"holdfast"
	"holdfast/internal/locale"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	v := Vocabulary{Whole: true, Titles: map[string]string{"failed": "失敗筆數", "down": "系統已停止", "labels": "標籤", "region": "地區"}}
	for src, want := range map[string][2]string{
		"all":                       {"所有支付", "every payment"},
		"failed > 1000 or down":     {"失敗筆數大於 1,000，或「系統已停止」為是", "失敗筆數 is more than 1,000, or “系統已停止” is yes"},
		"failed >= 5 and not down":  {"失敗筆數達到或超過 5，且「系統已停止」為否", "失敗筆數 is 5 or more, and “系統已停止” is no"},
		"(failed < 5 or down) && x": {"（失敗筆數小於 5，或「系統已停止」為是），且「x」為是", "(失敗筆數 is less than 5, or “系統已停止” is yes), and “x” is yes"},
		`labels["severity"] in ["critical", "page"]`: {"標籤「severity」是以下之一：「critical」、「page」", "標籤 “severity” is one of “critical”, “page”"},
		`region not in ["北"]`:                        {"地區不是以下任何一個：「北」", "地區 is none of “北”"},
		`failed in 1..9`:                             {"失敗筆數介於 1 與 9 之間（含兩端）", "失敗筆數 is 1 to 9"},
		`lower(region) == "x" and len(region) <= 3`:  {"地區（不分大小寫）是 「x」，且地區的字數不超過 3", "地區 (in any case of letters) is “x”, and the length of 地區 is 3 or less"},
		`region startsWith "a" or region endsWith "b" or region contains "c" or region matches "d" or region != "e"`: {
			"地區以 「a」 開頭，或地區以 「b」 結尾，或地區中有 「c」，或地區符合正規表達式 「d」，或地區不是 「e」",
			"地區 begins with “a”, or 地區 ends with “b”, or 地區 contains “c”, or 地區 matches the pattern “d”, or 地區 is not “e”"},
		`not (failed % 2 == 1.5)`: {"並非（失敗筆數 % 2是 1.5）", "not (失敗筆數 % 2 is 1.5)"},
		`down == true`:            {"系統已停止是 是", "系統已停止 is yes"},
		"failed >":                {"", ""},
	} {
		if got := v.Explain(locale.For(holdfast.ZhHant), src); got != want[0] {
			t.Errorf("%s: %s; want %s", src, got, want[0])
		}
		if got := v.Explain(locale.For(holdfast.En), src); got != want[1] {
			t.Errorf("%s: %s; want %s", src, got, want[1])
		}
	}
}
