// Package localetest helps tests of texts written in three languages.
package localetest

import (
	"strings"
	"unicode"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"holdfast"
)

// Big5 holds some characters, rare in Traditional texts, that are everyday ones
// in Simplified; GB 2312 holds some of the reverse.
const (
	simplifiedInBig5  = "与丰价优体儿党听圣坏宁异怀惊扰据机极构洁确离种筑网苹荐虫触适叶双万复愿挂赶"
	traditionalInGB   = "後徵乾"
	neitherButAllowed = "〇港包" // of 港 and 包 the encoder writes a form that Big5 got later
)

// Foreign returns the first character of a text that its language does not use:
// in zh-Hant a Chinese character that Big5 lacks, in zh-Hans one that GB 2312
// lacks, in English any Chinese character. Rare characters that the old
// standards lack are reported too; none is needed here so far.
func Foreign(lang holdfast.Lang, text string) (rune, bool) {
	for _, c := range text {
		if !unicode.Is(unicode.Han, c) || strings.ContainsRune(neitherButAllowed, c) {
			continue
		}
		if !uses(lang, c) {
			return c, true
		}
	}
	return 0, false
}

func uses(lang holdfast.Lang, c rune) bool {
	switch lang {
	case holdfast.ZhHant:
		b, err := traditionalchinese.Big5.NewEncoder().String(string(c))
		return err == nil && isBig5(b) && !strings.ContainsRune(simplifiedInBig5, c)
	case holdfast.ZhHans:
		_, err := simplifiedchinese.HZGB2312.NewEncoder().String(string(c))
		return err == nil && !strings.ContainsRune(traditionalInGB, c)
	default:
		return false
	}
}

// isBig5 leaves out what Hong Kong added to Big5, Simplified characters among
// it, which Go's encoder writes too.
func isBig5(b string) bool {
	return b >= "\xa4\x40" && b <= "\xc6\x7e" || b >= "\xc9\x40" && b <= "\xf9\xd5"
}
