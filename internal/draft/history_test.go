package draft

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/plan"
)

// model is a draft of the small plan as its users think of it, and the plan's
// latest revision. It shares no code with the package.
type model struct {
	published [2]string // of the chapters general and risks
	revisions int

	state    string
	text     [2]string
	saves    int
	last     [2]int
	authors  map[string]bool
	comments []remark
	signers  map[signature]bool
	holders  map[string]string // account by role
}

type remark struct {
	chapter int
	open    bool
	after   int // saves there were
}

type signature struct{ role, by string }

func (m *model) begin() {
	m.state, m.text, m.saves, m.last = "draft", m.published, 0, [2]int{}
	m.authors, m.comments, m.signers = map[string]bool{}, nil, map[signature]bool{}
}

func (m *model) open() bool {
	return slices.ContainsFunc(m.comments, func(r remark) bool { return r.open })
}

// complete reports whether both roles have signed, by who still fills them.
func (m *model) complete() bool {
	for _, role := range roles {
		if !m.signers[signature{role, m.holders[role]}] {
			return false
		}
	}
	return true
}

var (
	roles    = []string{"officer", "engineer"}
	chapters = []string{"general", "risks"}
	persons  = []string{"ann", "bob", "cat", "dee"}
)

// player plays one act on both, and compares.
type player struct {
	*model
	w  *world
	id string
	t  *rapid.T
}

func (p *player) pick(label string, from ...string) string {
	return rapid.SampledFrom(from).Draw(p.t, label)
}

// expect checks an act's error against what the model says: "" is done.
func (p *player) expect(act string, err error, code holdfast.Code) bool {
	p.t.Helper()
	if holdfast.CodeOf(err) != code {
		p.t.Fatalf("%s in state %s: %v, and the model says %q", act, p.state, err, code)
	}
	return code == ""
}

// unless is a conflict if one of the causes holds.
func (p *player) unless(refused ...bool) holdfast.Code {
	if slices.Contains(refused, true) {
		return holdfast.Conflict
	}
	return ""
}

func (p *player) save(*rapid.T) {
	by, i := p.pick("who", persons...), rapid.IntRange(0, 1).Draw(p.t, "chapter")
	said := p.pick("text", "one", "two", "three")
	base := p.last[i] - rapid.IntRange(0, 1).Draw(p.t, "stale")
	text := general(said)
	if i == 1 {
		text = risks(said)
	}
	code := p.unless(p.state != "draft")
	if code == "" && p.text[i] != said && base != p.last[i] {
		if code = holdfast.Conflict; base < 0 {
			code = holdfast.NotFound
		}
	}
	err := p.w.Save(context.Background(), someone(by), p.id, chapters[i], base, text)
	if p.expect("save", err, code) && p.text[i] != said {
		p.saves++
		p.text[i], p.last[i], p.authors[by] = said, p.saves, true
	}
}

func (p *player) comment(*rapid.T) {
	i := rapid.IntRange(0, 1).Draw(p.t, "chapter")
	quote := rapid.StringMatching(`[a-z]{8}`).Draw(p.t, "quote")
	err := p.w.Comment(context.Background(), bob, true, p.id, Remark{Chapter: chapters[i], Quote: quote, Text: "Hm."})
	if p.expect("comment", err, p.unless(p.ended())) {
		p.comments = append(p.comments, remark{i, true, p.saves})
	}
}

func (p *player) ended() bool { return p.state == "published" || p.state == "withdrawn" }

func (p *player) resolve(*rapid.T) {
	if len(p.comments) == 0 {
		return
	}
	n := rapid.IntRange(0, len(p.comments)-1).Draw(p.t, "comment")
	why, c := p.pick("reason", "", "So."), &p.comments[n]
	code := p.unless(p.ended())
	if code == "" && c.open && why == "" && p.last[c.chapter] <= c.after {
		code = holdfast.Invalid
	}
	if p.expect("resolve", p.w.Resolve(context.Background(), bob, p.id, n+1, why), code) {
		c.open = false
	}
}

func (p *player) reopen(*rapid.T) {
	if len(p.comments) == 0 {
		return
	}
	n := rapid.IntRange(0, len(p.comments)-1).Draw(p.t, "comment")
	c := &p.comments[n]
	code := p.unless(p.ended(), !c.open && p.state == "in-approval")
	if p.expect("reopen", p.w.Reopen(context.Background(), bob, true, p.id, n+1), code) && !c.open {
		c.open, c.after = true, p.saves
	}
}

func (p *player) submit(*rapid.T) {
	code := p.unless(p.state != "draft", p.open(), p.text == p.published)
	if p.expect("submit", p.w.Submit(context.Background(), ann, p.id, ""), code) {
		p.state, p.signers = "in-approval", map[signature]bool{}
	}
}

func (p *player) approve(*rapid.T) {
	by := p.pick("who", persons...)
	hash, wrong := p.w.hash(p.t, p.id), rapid.Bool().Draw(p.t, "wrong hash")
	if wrong {
		hash = flip(hash)
	}
	code, role := p.mayApprove(by)
	if wrong && code != holdfast.Conflict {
		code = p.unless(true)
	}
	if p.expect("approve", p.w.Approve(context.Background(), someone(by), p.id, hash), code) {
		p.signers[signature{role, by}] = true
	}
}

// mayApprove says in which role somebody may sign.
func (p *player) mayApprove(by string) (holdfast.Code, string) {
	switch {
	case p.state != "in-approval" || p.complete():
		return holdfast.Conflict, ""
	case p.authors[by]:
		return holdfast.Forbidden, ""
	}
	for _, role := range roles {
		switch {
		case p.holders[role] != by:
		case p.signers[signature{role, by}]:
			return holdfast.Conflict, "" // once is enough
		default:
			return p.unless(p.open()), role
		}
	}
	return holdfast.Forbidden, ""
}

func (p *player) giveBack(*rapid.T) {
	if p.expect("return", p.w.Return(context.Background(), bob, p.id, "Not so."), p.unless(p.ended())) {
		p.state = "draft"
	}
}

func (p *player) publish(*rapid.T) {
	_, err := p.w.Publish(context.Background(), dee, p.id, time.Time{})
	if p.expect("publish", err, p.unless(p.state != "in-approval", !p.complete(), p.open())) {
		p.state, p.published = "published", p.text
		p.revisions++
	}
}

func (p *player) withdraw(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") > 0 {
		return
	}
	if p.expect("withdraw", p.w.Withdraw(context.Background(), ann, p.id, "Enough."), p.unless(p.ended())) {
		p.state = "withdrawn"
	}
}

func (p *player) begin(*rapid.T) {
	id, err := p.w.Begin(context.Background(), ann, "", nil)
	if p.expect("begin", err, p.unless(!p.ended())) {
		p.id = id
		p.model.begin()
	}
}

// appoint gives a role to somebody else.
func (p *player) appoint(*rapid.T) {
	role, to := p.pick("role", roles...), p.pick("holder", "cat", "dee", "eve")
	if slices.Contains(slices.Collect(maps.Values(p.holders)), to) {
		return // nobody holds two
	}
	from := p.holders[role]
	p.w.hold(p.t, from)
	p.w.hold(p.t, to, role)
	p.holders[role] = to
}

// check compares what can be seen of both.
func (p *player) check(t *rapid.T) {
	d := p.w.draft(t, p.id)
	if string(d.State) != p.state || len(d.Saves) != p.saves || len(d.Comments) != len(p.comments) {
		t.Fatalf("draft %s, %d saves, %d comments; the model is %s with %d and %d", d.State, len(d.Saves), len(d.Comments), p.state, p.saves, len(p.comments))
	}
	for i, key := range chapters {
		text, last := d.Chapter(key)
		want := general(p.text[i])
		if i == 1 {
			want = risks(p.text[i])
		}
		formatted, _ := plan.FormatChapter(key, want)
		if text != string(formatted) || last != p.last[i] {
			t.Fatalf("chapter %s, save %d:\n%s\nthe model has save %d:\n%s", key, last, text, p.last[i], formatted)
		}
	}
	if _, complete, _ := p.w.Place(d, bob); p.state == "in-approval" && complete != p.complete() {
		t.Fatalf("complete %v, and the model says %v", complete, p.complete())
	}
	p.w.Desk.State.View(func() {
		if r, _ := p.w.Nouns.Plans.Latest("small"); r.Number != p.revisions {
			t.Fatalf("revision %d, the model has %d", r.Number, p.revisions)
		}
	})
}

// Whatever is done in whichever order, the draft is as the model says, and every
// act is refused that the model refuses.
func TestHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &player{model: &model{published: [2]string{"one", "one"}, revisions: 1, holders: map[string]string{}}, w: memory(t), t: t}
		for i, who := range []string{"cat", "dee"} {
			p.holders[roles[i]] = who
			p.w.hold(t, who, roles[i])
		}
		src := slices.Concat(general("one"), bytes.TrimPrefix(small(t), general("with")), risks("one"), []byte(countersigned))
		_, err := p.w.plans.Publish(context.Background(), dee, src, "first")
		must(t, err)
		p.state = "withdrawn"
		p.begin(t)
		t.Repeat(map[string]func(*rapid.T){
			"save": p.save, "save more": p.save, "comment": p.comment, "resolve": p.resolve, "resolve more": p.resolve, "reopen": p.reopen,
			"submit": p.submit, "submit more": p.submit, "approve": p.approve, "approve more": p.approve, "return": p.giveBack,
			"publish": p.publish, "withdraw": p.withdraw, "begin": p.begin, "appoint": p.appoint, "": p.check,
		})
	})
}
