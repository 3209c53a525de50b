package expression

import (
	"errors"
	"testing"

	"holdfast"
	"holdfast/internal/locale"
)

var told = map[string]Type{"failed": Float, "region": String, "down": Bool, "labels": StringMap}

// The mark stands at the very character, whatever is wide before it, and what is
// missing is marked behind the last one.
func TestPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src  string
		want Place
		zh   string
	}{
		{`failed = 3`, Place{"failed ", "=", " 3"}, "單一個 = 不能比較：請寫 =="},
		{`region == "上海分行" and 分行 > 3`, Place{`region == "上海分行" and `, "分", "行 > 3"}, ""},
		{`region == "上海" and failed ＞ 3`, Place{`region == "上海" and failed `, "＞", " 3"}, "不能用 ＞：請寫 >"},
		{`failed > 3，down`, Place{"failed > 3", "，", "down"}, "不能用 ，：請寫 ,"},
		{`failed > 3 或 down`, Place{"failed > 3 ", "或", " down"}, "不能用 或：請寫 or"},
		{`failed >`, Place{"failed >", "", ""}, ""},
		{`failed > 3 and`, Place{"failed > 3 and", "", ""}, ""},
		{`(failed > 3`, Place{"(failed > 3", "", ""}, ""},
		{`region == "上海`, Place{`region == "上海`, "", ""}, "文字沒有結束：請在後面補上引號"},
		{`failed > 3)`, Place{"failed > 3", ")", ""}, ""},
		{`failed > 3 AND down`, Place{"failed > 3 ", "A", "ND down"}, "AND 請用小寫"},
		{"failed >\n  faild", Place{"  ", "f", "aild"}, ""},
		{`failed > "x"`, Place{"failed ", ">", ` "x"`}, "> 把數字與文字比較：兩側必須是同一種類型"},
		{`down and failed`, Place{"down ", "a", "nd failed"}, "and 兩側都必須是條件：請寫成比較式"},
		{`failed`, Place{"", "f", "ailed"}, "表達式必須是條件，這裡卻是數字：請拿它與某個值比較"},
		{`not failed`, Place{"", "n", "ot failed"}, "not 之後必須是條件：請寫成 not (…)，括號內為比較式"},
		{`region startsWith 3`, Place{"region ", "s", "tartsWith 3"}, "startsWith 兩側都必須是文字"},
		{`region in [1]`, Place{"region ", "i", "n [1]"}, "在類型不同的列表中尋找文字"},
		{`labels[1] == "a"`, Place{"labels[", "1", `] == "a"`}, `方括號中應為文字，例如 labels["name"]`},
		{`failed > 12a`, Place{"failed > 12", "a", ""}, "12a 不是數字：請只寫數字，小數前用點"},
		{`region == "a\q"`, Place{`region == "a\`, "q", `"`}, `文字中的反斜線要寫兩次：\\`},
		{`lower(failed) == "x"`, Place{"", "l", `ower(failed) == "x"`}, "lower 的括號中應為一個文字"},
		{`failed + region > 3`, Place{"failed ", "+", " region > 3"}, "+ 兩側都必須是數字"},
	} {
		_, err := Compile(c.src, told)
		var at *Error
		if !errors.As(err, &at) {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if got := at.Place(); got != c.want {
			t.Errorf("%s: marked at %q, want %q", c.src, got, c.want)
		}
		if got := locale.For(holdfast.ZhHant).Error(at.Problem); c.zh != "" && got != c.zh {
			t.Errorf("%s: %s; want %s", c.src, got, c.zh)
		}
	}
}
