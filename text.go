package holdfast

// Lang is one of the three languages Holdfast speaks, as a BCP 47 tag.
type Lang string

const (
	ZhHant Lang = "zh-Hant"
	ZhHans Lang = "zh-Hans"
	En     Lang = "en"
)

// Langs lists the languages in the order screens offer them.
var Langs = [...]Lang{ZhHant, ZhHans, En}

// Text is a text that people wrote in up to three languages, such as a stage's
// title in a plan.
type Text struct {
	ZhHant string `json:"zh-Hant,omitempty" yaml:"zh-Hant,omitempty"`
	ZhHans string `json:"zh-Hans,omitempty" yaml:"zh-Hans,omitempty"`
	En     string `json:"en,omitempty" yaml:"en,omitempty"`
}

// In returns the text in l, or in the nearest language that has it: the other
// Chinese script before English, English before Chinese.
func (t Text) In(l Lang) string {
	switch l {
	case ZhHant:
		return first(t.ZhHant, t.ZhHans, t.En)
	case ZhHans:
		return first(t.ZhHans, t.ZhHant, t.En)
	default:
		return first(t.En, t.ZhHant, t.ZhHans)
	}
}

func (t Text) String() string { return t.In(En) }

// IsZero reports whether the text is empty in all languages.
func (t Text) IsZero() bool { return t == Text{} }

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
