package expression

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/vm"

	"holdfast/internal/payment"
)

// matcher is a part of a scope that is true, false or unknown of a payment.
type matcher interface {
	match(p *payment.Payment) Truth
}

type constant Truth

func (c constant) match(*payment.Payment) Truth { return Truth(c) }

type not struct{ part matcher }

func (m not) match(p *payment.Payment) Truth { return m.part.match(p).Not() }

type and []matcher

func (m and) match(p *payment.Payment) Truth {
	t := Yes
	for _, part := range m {
		if t = t.And(part.match(p)); t == No {
			return No
		}
	}
	return t
}

type or []matcher

func (m or) match(p *payment.Payment) Truth {
	t := No
	for _, part := range m {
		if t = t.Or(part.match(p)); t == Yes {
			return Yes
		}
	}
	return t
}

// textEqual is the test that scopes make most.
type textEqual struct {
	field textField
	with  string
}

func (m textEqual) match(p *payment.Payment) Truth {
	text, read := m.field.of(p)
	if !read {
		return Unknown
	}
	return truth(text == m.with)
}

// textTest compares a text field with a constant in another way.
type textTest struct {
	field textField
	test  func(text, constant string) bool
	with  string
}

func (m textTest) match(p *payment.Payment) Truth {
	text, read := m.field.of(p)
	if !read {
		return Unknown
	}
	return truth(m.test(text, m.with))
}

var textTests = map[string]func(text, constant string) bool{
	"!=":         func(text, constant string) bool { return text != constant },
	"startsWith": strings.HasPrefix,
	"endsWith":   strings.HasSuffix,
	"contains":   strings.Contains,
}

// fewTexts is up to how many constants looking at each beats a hash.
const fewTexts = 8

type textIn struct {
	field textField
	list  []string            // if there are few
	set   map[string]struct{} // else
}

func newTextIn(f textField, list []string) textIn {
	if len(list) <= fewTexts {
		return textIn{field: f, list: list}
	}
	m := textIn{field: f, set: make(map[string]struct{}, len(list))}
	for _, s := range list {
		m.set[s] = struct{}{}
	}
	return m
}

// texts lists the constants.
func (m textIn) texts() []string {
	if m.set == nil {
		return m.list
	}
	return slices.Collect(maps.Keys(m.set))
}

func (m textIn) match(p *payment.Payment) Truth {
	text, read := m.field.of(p)
	if !read {
		return Unknown
	}
	if m.set == nil {
		return truth(slices.Contains(m.list, text))
	}
	_, in := m.set[text]
	return truth(in)
}

// amountTest compares the amount with a constant.
type amountTest struct {
	test func(amount, constant int64) bool
	with int64
}

func (m amountTest) match(p *payment.Payment) Truth {
	if !p.Read.Has(payment.Amount) {
		return Unknown
	}
	return truth(m.test(p.Amount, m.with))
}

var amountTests = map[string]func(amount, constant int64) bool{
	"==": func(amount, constant int64) bool { return amount == constant },
	"!=": func(amount, constant int64) bool { return amount != constant },
	"<":  func(amount, constant int64) bool { return amount < constant },
	"<=": func(amount, constant int64) bool { return amount <= constant },
	">":  func(amount, constant int64) bool { return amount > constant },
	">=": func(amount, constant int64) bool { return amount >= constant },
}

type amountIn []int64 // sorted

func (m amountIn) match(p *payment.Payment) Truth {
	if !p.Read.Has(payment.Amount) {
		return Unknown
	}
	_, in := slices.BinarySearch(m, p.Amount)
	return truth(in)
}

// maxFieldText bounds the time a payment can cost on expr's machine, whatever
// its sender wrote, in bytes.
const maxFieldText = 1024

// residual is a part for which there is no matcher in Go.
type residual struct {
	program *vm.Program
	texts   map[string]textField
	amount  bool // whether it reads the amount
}

func (m *residual) match(p *payment.Payment) Truth {
	if m.amount && !p.Read.Has(payment.Amount) {
		return Unknown
	}
	on := machines.Get().(*machine)
	defer on.release()
	for name, field := range m.texts {
		text, read := field.of(p)
		if !read || len(text) > maxFieldText {
			return Unknown
		}
		on.env[name] = text
	}
	if m.amount {
		on.env["amount"] = int(p.Amount)
	}
	yes, err := on.run(m.program)
	if err != nil {
		return Unknown
	}
	return truth(yes)
}
