package debrief

import (
	"slices"
	"strings"
)

// blaming are words that say whose fault it was, or what somebody should have known:
// they end the search for causes, and who fears them tells less. What a person did
// has causes: what he saw, what he was told, what the system let him do.
var blaming = []string{
	"human error", "operator error", "user error", "careless", "negligen", "incompeten", "forgot to", "failed to", "should have", "could have", "to blame", "fault of", "'s fault", "his fault", "her fault", "their fault",
	"人為失誤", "人為疏失", "人為錯誤", "操作失誤", "操作不當", "疏忽", "大意", "粗心", "失職", "不負責任", "責任心", "忘記", "本應", "早該", "責任在", "歸咎",
	"人为失误", "人为疏失", "人为错误", "操作失误", "操作不当", "失职", "不负责任", "责任心", "忘记", "本应", "早该", "责任在", "归咎",
}

// Blaming lists the words of a text that blame, in the order in which they stand in
// it. It is a hint for who writes, and refuses nothing.
func Blaming(text string) (words []string) {
	text = strings.ToLower(text)
	for _, w := range blaming {
		if strings.Contains(text, w) {
			words = append(words, w)
		}
	}
	slices.SortStableFunc(words, func(a, b string) int { return strings.Index(text, a) - strings.Index(text, b) })
	return words
}
