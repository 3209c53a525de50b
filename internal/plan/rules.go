package plan

import (
	"cmp"
	"errors"
	"strings"

	"holdfast"
	"holdfast/internal/expression"
)

// The rules that several parts of a plan share.

// required reports a key that is missing or empty; it returns whether there is
// something to check further.
func (c *checker) required(path, value string) bool {
	if strings.TrimSpace(value) == "" {
		c.add(path, "P010", holdfast.Errorf(holdfast.Invalid, "%s is missing or empty: fill it in", last(path)))
		return false
	}
	return true
}

// count reports a list that is empty or too long; it returns whether its
// entries are worth checking.
func (c *checker) count(path string, n int) bool {
	if n == 0 {
		c.add(path, "P010", holdfast.Errorf(holdfast.Invalid, "%s is missing or empty: fill it in", last(path)))
		return false
	}
	return c.atMost(path, n, MaxEntries)
}

func (c *checker) atMost(path string, n, limit int) bool {
	if n > limit {
		c.add(path, "P018", holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", last(path), n, limit))
	}
	return n <= limit
}

// text reports a text that is missing in the language of record, or, if the
// plan names none, in every language.
func (c *checker) text(path string, t holdfast.Text) {
	if !c.knownLanguage() {
		if t.IsZero() {
			c.add(path, "P010", holdfast.Errorf(holdfast.Invalid, "%s is missing or empty: fill it in", last(path)))
		}
		return
	}
	if strings.TrimSpace(written(t, c.plan.Language)) == "" {
		c.add(path+"."+string(c.plan.Language), "P011",
			holdfast.Errorf(holdfast.Invalid, "%s has no text in %s, the plan's language of record: write it", last(path), string(c.plan.Language)))
	}
}

// optionalText checks a text only if it is there in some language.
func (c *checker) optionalText(path string, t holdfast.Text) {
	if !t.IsZero() {
		c.text(path, t)
	}
}

// written returns the text in exactly this language.
func written(t holdfast.Text, l holdfast.Lang) string {
	switch l {
	case holdfast.ZhHant:
		return t.ZhHant
	case holdfast.ZhHans:
		return t.ZhHans
	default:
		return t.En
	}
}

func (c *checker) name(path, id string) {
	if c.required(path, id) && !holdfast.ValidName(id) {
		c.add(path, "P013", holdfast.Errorf(holdfast.Invalid, "id %q cannot be used: write 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or a digit", id))
	}
}

// unique checks the ids of one list.
type unique struct {
	c     *checker
	key   string            // of the id; "" is id
	taken map[string]string // id → path of its entry
}

func (u *unique) take(path, id string) {
	key := path + "." + cmp.Or(u.key, "id")
	u.c.name(key, id)
	if id == "" {
		return
	}
	if first, twice := u.taken[id]; twice {
		u.c.add(key, "P014", holdfast.Errorf(holdfast.Invalid, "id %q is taken by %s: give each its own", id, first))
		return
	}
	if u.taken == nil {
		u.taken = map[string]string{}
	}
	u.taken[id] = path
}

// known reports a reference to nothing.
func (c *checker) known(path, noun, id string, found bool) {
	if !found {
		c.add(path, "P012", holdfast.Errorf(holdfast.Invalid, "the plan has no %s %q: mend the name, or add it to %ss", noun, id, noun))
	}
}

// knownRole checks a reference to a role. If the plan has no roles at all, that
// is the fault to mend.
func (c *checker) knownRole(path, id string) {
	if c.required(path, id) && len(c.plan.Roles) > 0 {
		_, found := c.plan.Role(id)
		c.known(path, "role", id, found)
	}
}

// gradedLevel reports a level that is not 1, 2 or 3.
func (c *checker) gradedLevel(path string, l holdfast.Level) {
	switch {
	case l == holdfast.Unknown:
		c.add(path, "P010", holdfast.Errorf(holdfast.Invalid, "%s is missing or 0: write 1, 2 or 3", last(path)))
	case l > holdfast.Level3:
		c.add(path, "P015", errLevel(l))
	}
}

func errLevel(l holdfast.Level) *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "there is no level %d: 1 is the gravest, 3 the lightest", uint8(l))
}

// expression reports why an expression cannot be compiled.
func (c *checker) expression(path string, err error) { c.broken(path, "P016", err) }

// broken reports an error under a rule, of an expression under its own.
func (c *checker) broken(path, rule string, err error) {
	if err == nil {
		return
	}
	var mistake *expression.Error
	var coded *holdfast.Error
	switch {
	case errors.As(err, &mistake):
		c.add(path, "P016", holdfast.Errorf(holdfast.Invalid, "the expression is wrong at its line %d, column %d: %s", mistake.Line, mistake.Column, mistake.Problem))
	case errors.As(err, &coded):
		c.add(path, rule, coded)
	default:
		c.add(path, rule, holdfast.Errorf(holdfast.Invalid, "the expression cannot be compiled: %v", err))
	}
}

func compileFields(src string, fields map[string]expression.Type) error {
	_, err := expression.Compile(src, fields)
	return err
}

func compileScope(src string) error {
	_, err := expression.CompileScope(src)
	return err
}
