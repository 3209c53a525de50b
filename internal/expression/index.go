package expression

import "holdfast/internal/payment"

// Index finds among many scopes those that may cover a payment, without matching
// each. A scope that asks one text field for one of some texts, alone or joined
// to other parts with and, is found by that text; the others are looked at every
// time. It is immutable and safe for concurrent use.
type Index struct {
	fields []fieldIndex
	rest   []int // scopes that are found by no field
}

type fieldIndex struct {
	field textField
	at    map[string][]int // scopes by the texts they ask for
	all   []int            // all of them: what an unread field may hold
}

// NewIndex makes the index of scopes, which it calls by their place in the list.
func NewIndex(scopes []*Scope) *Index {
	x := &Index{}
	for i, s := range scopes {
		field, texts, ok := anchor(s.root)
		if !ok {
			x.rest = append(x.rest, i)
			continue
		}
		f := x.of(field)
		f.all = append(f.all, i)
		for _, text := range texts {
			// A scope may name a text twice.
			if at := f.at[text]; len(at) == 0 || at[len(at)-1] != i {
				f.at[text] = append(at, i)
			}
		}
	}
	return x
}

func (x *Index) of(field textField) *fieldIndex {
	for i := range x.fields {
		if x.fields[i].field == field {
			return &x.fields[i]
		}
	}
	x.fields = append(x.fields, fieldIndex{field: field, at: map[string][]int{}})
	return &x.fields[len(x.fields)-1]
}

// Visit calls f once, in no order, for each scope that may cover p. The Match of
// every other one is No.
func (x *Index) Visit(p *payment.Payment, f func(i int)) {
	for i := range x.fields {
		field := &x.fields[i]
		list := field.all
		if text, read := field.field.of(p); read {
			list = field.at[text]
		}
		for _, i := range list {
			f(i)
		}
	}
	for _, i := range x.rest {
		f(i)
	}
}

// anchor returns a text field and the texts of which it must have one, if it was
// read, for m to be anything but No.
func anchor(m matcher) (field textField, texts []string, ok bool) {
	switch m := m.(type) {
	case textEqual:
		return m.field, []string{m.with}, true
	case textIn:
		return m.field, m.texts(), true
	case and:
		for _, part := range m {
			if field, texts, ok := anchor(part); ok {
				return field, texts, true
			}
		}
	}
	return 0, nil, false
}
