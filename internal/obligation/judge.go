package obligation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"holdfast"
	"holdfast/internal/expression"
)

// What conditions read. A yes or no, and a number but level and the two that
// Holdfast measures, is known once a person has assessed the incident.
var (
	// Questions are answered by yes or no.
	Questions = [...]string{"leak", "attack", "critical", "reputation", "card_data"}
	// Numbers are whole and not negative; shares are in percent, loss in whole units
	// of the assessment's currency, downtime in minutes.
	Numbers = [...]string{"downtime", "declined", "clients", "clients_share", "payments_share", "people", "loss", "regions", "duration"}

	fields = func() map[string]expression.Type {
		f := map[string]expression.Type{"level": expression.Int}
		for _, name := range Questions {
			f[name] = expression.Bool
		}
		for _, name := range Numbers {
			f[name] = expression.Int
		}
		return f
	}()
)

// maxNumber bounds what a person may state, and stands for "very large" where a
// number is not known.
const maxNumber = 1_000_000_000_000

// Assessment is what people found out of an incident: what no machine can tell,
// and what they know better. It replaces the one before as a whole.
type Assessment struct {
	// Yes answers [Questions]; one that is missing is not answered yet.
	Yes map[string]bool `json:"yes,omitempty"`
	// Numbers holds [Numbers]; one that is missing is measured, or not known.
	Numbers map[string]int64 `json:"numbers,omitempty"`
	// Currency is that of the loss, as EUR.
	Currency string `json:"currency,omitempty"`
	// Classes gives by pack the class that a person chose; None says that none fits.
	Classes map[string]string `json:"classes,omitempty"`
	// Cause is a word for what was behind it, the same for incidents of one cause.
	Cause string `json:"cause,omitempty"`
	// Note says what it rests on.
	Note string `json:"note"`
}

// None is the class of an incident that no class of a pack fits.
const None = "none"

// Figures are the numbers and answers that conditions read.
type Figures struct {
	Level    holdfast.Level
	Yes      map[string]bool
	Numbers  map[string]int64
	Currency string
	Classes  map[string]string
}

// Judgement says whether something holds.
type Judgement struct {
	// Holds is Unknown where a figure that it depends on is not known.
	Holds expression.Truth
	// Why names the condition and what it read, as "level == 1 (level = 1)".
	Why string
}

// compiled keeps conditions by their source: there are few, all of packs and plans.
var compiled sync.Map

func compile(src string) *expression.Expression {
	if x, found := compiled.Load(src); found {
		return x.(*expression.Expression)
	}
	x, err := expression.Compile(src, fields)
	if err != nil {
		panic("obligation: a condition that was checked: " + err.Error())
	}
	compiled.Store(src, x)
	return x
}

// condition judges an expression. What is not known is tried at both ends: no and
// yes, nothing and very many, the gravest level and the lowest. If the answer is
// the same for all, it does not depend on it. That is right for conditions in
// which each number is compared in one direction only, as those of packs are.
func (f Figures) condition(src, currency string) Judgement {
	if src == "" {
		return Judgement{Holds: expression.Yes}
	}
	x := compile(src)
	values, reads := map[string]any{}, []string{}
	words := strings.FieldsFunc(src, func(c rune) bool { return c != '_' && (c < 'a' || c > 'z') })
	var open []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		// Fields that the condition does not read may have any value.
		used := slices.Contains(words, name)
		v, known := f.value(name, currency)
		switch {
		case known:
			values[name] = v
		case used:
			open = append(open, name)
		default:
			values[name] = zero(name)
		}
		if used && known {
			reads = append(reads, fmt.Sprintf("%s = %v", name, v))
		} else if used {
			reads = append(reads, name+" = ?")
		}
	}
	yes, no := try(x, values, open)
	j := Judgement{Why: src + " (" + strings.Join(reads, ", ") + ")"}
	switch {
	case yes && !no:
		j.Holds = expression.Yes
	case no && !yes:
		j.Holds = expression.No
	}
	return j
}

// try evaluates over both ends of what is open and says which answers came.
func try(x *expression.Expression, values map[string]any, open []string) (yes, no bool) {
	if len(open) == 0 {
		holds, err := x.Eval(values)
		if err != nil {
			return true, true // it cannot be judged
		}
		return holds, !holds
	}
	for _, v := range ends(open[0]) {
		values[open[0]] = v
		y, n := try(x, values, open[1:])
		yes, no = yes || y, no || n
		if yes && no {
			break
		}
	}
	delete(values, open[0])
	return yes, no
}

func (f Figures) value(name, currency string) (v any, known bool) {
	switch {
	case name == "level":
		return int(f.Level), f.Level != holdfast.Unknown
	case fields[name] == expression.Bool:
		v, known = f.Yes[name]
		return v, known
	case name == "loss" && currency != "" && f.Currency != currency:
		return nil, false
	}
	n, known := f.Numbers[name]
	return n, known
}

func zero(name string) any {
	if fields[name] == expression.Bool {
		return false
	}
	return 0
}

func ends(name string) []any {
	switch {
	case name == "level":
		return []any{int(holdfast.Level1), int(holdfast.Level2), int(holdfast.Level3)}
	case fields[name] == expression.Bool:
		return []any{false, true}
	}
	return []any{0, maxNumber}
}

// class judges whether a class fits by its criteria, and which of them hold.
func (f Figures) class(c Class, currency string) (j Judgement, met []string) {
	needs := f.condition(c.Needs, currency)
	var why []string
	say := func(j Judgement) {
		if j.Why != "" && j.Holds != expression.No {
			why = append(why, j.Why)
		}
	}
	say(needs)
	enough := expression.No
	if c.Enough != "" {
		e := f.condition(c.Enough, currency)
		enough = e.Holds
		say(e)
	}
	yes, open := 0, 0
	for _, k := range c.Criteria {
		held := f.condition(k.When, currency)
		say(held)
		switch held.Holds {
		case expression.Yes:
			yes++
			met = append(met, k.ID)
		case expression.Unknown:
			open++
		}
	}
	if c.AtLeast > 0 {
		counted := expression.Unknown
		if yes >= c.AtLeast {
			counted = expression.Yes
		} else if yes+open < c.AtLeast {
			counted = expression.No
		}
		enough = enough.Or(counted)
	}
	if c.AtLeast == 0 && c.Enough == "" {
		enough = expression.Unknown // no criteria are known: a person has to say
	}
	return Judgement{needs.Holds.And(enough), strings.Join(why, "; ")}, met
}

// judge says whether a rule applies: at one of its classes, as a person chose or
// as the criteria give it, and on its condition.
func (p *Pack) judge(r Rule, f Figures) Judgement {
	j := f.condition(r.When, p.Currency)
	if len(r.Classes) == 0 {
		return j
	}
	graded := Judgement{Holds: expression.No, Why: "class"}
	if chosen := f.Classes[p.ID]; chosen != "" {
		graded.Why = "class = " + chosen
		if slices.Contains(r.Classes, chosen) {
			graded.Holds = expression.Yes
		}
	} else {
		var why []string
		for _, c := range p.Classes {
			if !slices.Contains(r.Classes, c.ID) {
				continue
			}
			fits, _ := f.class(c, p.Currency)
			graded.Holds = graded.Holds.Or(fits.Holds)
			if fits.Why == "" {
				fits.Why = "?" // no criteria, or none that may hold
			}
			why = append(why, c.ID+": "+fits.Why)
		}
		graded.Why = strings.Join(why, " | ")
	}
	return Judgement{j.Holds.And(graded.Holds), strings.Trim(j.Why+"; "+graded.Why, "; ")}
}

// Class returns a pack's class of an incident and the criteria that are met: the
// one that a person chose, else the gravest that fits for sure.
func (p *Pack) Class(f Figures) (id string, met []string) {
	id = f.Classes[p.ID]
	for _, c := range p.Classes {
		fits, some := f.class(c, p.Currency)
		if id == "" && fits.Holds == expression.Yes {
			id = c.ID
		}
		if c.ID == id {
			met = some
		}
	}
	return id, met
}
