package plandoc

import (
	"reflect"
	"strings"

	"holdfast/internal/plan"
)

// The profile of a stand-in is a line for each of its keys. Terms are lines below
// their label, a limit one line each:
//
//	計劃外條件：
//	可放行的支付：kind == "payment" and payer_class == "ample"
//	限額：
//	每一付款人 · 幣別：CNY · 金額上限（最小單位）：50000 · 筆數上限：10 · 期間：1 天
//	排隊：
//	可排隊的支付：channel == "app"
//	排隊期限：6 小時
//	排隊限額：
//	全部 · 筆數上限：10000
//	到期負責角色：業務部門負責人
//	補送：答覆逾時：10 秒 · 再送間隔：1 秒

func (t tongue) profile(name names, p *plan.Profile) string {
	return strings.Join(t.lines(name, reflect.ValueOf(*p)), "\n")
}

func (t tongue) readProfile(text string) (*plan.Profile, bool) {
	p := &plan.Profile{}
	return p, len(t.readLines(text, reflect.ValueOf(p).Elem(), "")) == 0
}

func (t tongue) terms(name names, terms *plan.Terms) string {
	return "\n" + strings.Join(t.lines(name, reflect.ValueOf(*terms)), "\n")
}

func (t tongue) readTerms(text string) (*plan.Terms, bool) {
	terms := &plan.Terms{}
	return terms, len(t.readLines(text, reflect.ValueOf(terms).Elem(), "")) == 0
}

func (t tongue) deferral(name names, d *plan.Deferral) string {
	return "\n" + strings.Join(t.lines(name, reflect.ValueOf(*d)), "\n")
}

func (t tongue) readDeferral(text string) (*plan.Deferral, bool) {
	d := &plan.Deferral{}
	return d, len(t.readLines(text, reflect.ValueOf(d).Elem(), "")) == 0
}

var (
	limitKeys      = []string{"currency", "amount", "count", "window"}
	forwardingKeys = []string{"timeout", "pause", "longest_pause", "attempts", "expiry", "retention", "inquiries"}
)

const between = " · "

func (t tongue) limits(name names, list []plan.Limit) string {
	var lines []string
	for _, l := range list {
		line := []string{t.value(name, "limit.over", reflect.ValueOf(l.Over))}
		lines = append(lines, strings.Join(append(line, t.keyed(name, "limit", limitKeys, reflect.ValueOf(l))...), between))
	}
	return "\n" + strings.Join(lines, "\n")
}

func (t tongue) readLimits(text string) (list []plan.Limit, ok bool) {
	for _, line := range strings.Split(text, "\n") {
		over, rest, more := strings.Cut(strings.TrimSpace(line), between)
		var l plan.Limit
		v := reflect.ValueOf(&l).Elem()
		if !t.choose("limit.over", over, fieldOf(v, "over")) || more && !t.readRow("limit", limitKeys, rest, v) {
			return nil, false
		}
		list = append(list, l)
	}
	return list, true
}

func (t tongue) forwarding(name names, f plan.Forwarding) string {
	return strings.Join(t.keyed(name, "forwarding", forwardingKeys, reflect.ValueOf(f)), between)
}

func (t tongue) readForwarding(text string) (f plan.Forwarding, ok bool) {
	ok = t.readRow("forwarding", forwardingKeys, text, reflect.ValueOf(&f).Elem())
	return f, ok
}

// readRow reads the parts that keyed wrote, joined in one line.
func (t tongue) readRow(owner string, keys []string, text string, into reflect.Value) bool {
	for _, part := range strings.Split(text, between) {
		if !t.readKeyed(owner, keys, strings.TrimSpace(part), into) {
			return false
		}
	}
	return true
}
