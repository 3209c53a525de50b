package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast"
)

// The first plan of an operator, from an empty installation to one that everybody
// has read, by newcomers who never see YAML: an admin makes the accounts, an author
// writes a small plan in forms, people come into the roster, one of them and a
// professor from outside review it, the superior refuses it once with a reason, three people of three departments
// agree, everybody on the distribution list acknowledges. Then the plan works: a
// report opens an incident, whose procedure stops the payments.
func TestPlanFromNothing(t *testing.T) {
	t.Parallel()
	for _, lang := range []holdfast.Lang{holdfast.ZhHant, holdfast.En} {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			n := &newcomers{world: openEmptyWorld(t), lang: lang}
			admin := n.signIn(openBrowser(t, n.ready.Console, string(lang)+"-nothing-admin"), n.ready.Account, lang)
			n.firstDay(admin)
			enter := func(account string) *browser {
				return n.signIn(admin.another(string(lang)+"-nothing-"+account), account, lang)
			}
			author := enter("author")
			n.begin(author)
			n.organisation(author)
			n.people(admin)
			n.chapters(author)
			n.procedures(author)
			n.complete(author)

			operations, risk, superior := enter("operations"), enter("risk"), enter("superior")
			n.review(author, risk)
			n.approve(author, operations, risk, superior)
			n.read(author, operations, risk, superior)
			n.works(operations)
		})
	}
}

// newcomers write a plan in their language.
type newcomers struct {
	*world
	lang  holdfast.Lang
	draft string // its address
}

// say chooses the text in the language of the story.
func (n *newcomers) say(zhHant, en string) string {
	if n.lang == holdfast.En {
		return en
	}
	return zhHant
}

// text is a field of a text in the language of the story.
func (n *newcomers) text(path string) string { return path + "." + string(n.lang) }

// firstDay is the admin's: what the screens say where there is nothing, and an
// account for each person.
func (n *newcomers) firstDay(admin *browser) {
	admin.waitFor("#first-steps")
	admin.shoot("60-first-day")
	admin.open("/plan")
	admin.waitFor("#first-steps")
	admin.open("/drafts") // an admin does not write plans, and is told who does
	admin.waitFor("main .empty")
	for _, a := range []struct{ name, display, roles string }{
		{"author", n.say("許編制", "Ann Author"), "author"},
		{"operations", n.say("林運營", "Oli Operations"), "superior duty"},
		{"risk", n.say("孫風控", "Rita Risk"), "superior"},
		{"superior", n.say("陳總經理", "Sue Superior"), "superior"},
	} {
		admin.open("/accounts")
		pairs := []string{"name", a.name, "display", a.display, "password", n.ready.Password}
		for _, role := range strings.Fields(a.roles) {
			pairs = append(pairs, "role", role)
		}
		admin.write(pairs...)
		admin.press("form[action='/accounts'] button.main")
		admin.waitFor(".note.good")
	}
	admin.shoot("61-accounts")
}

// begin begins with an empty text.
func (n *newcomers) begin(b *browser) {
	b.waitFor("#first-steps li.done")
	b.open("/drafts")
	b.shoot("62-drafts")
	b.write("from", "empty", "note", n.say("第一版預案", "The first plan"))
	b.press("form[action='/drafts'] button.main")
	n.draft = b.evaluate("location.pathname")
	b.waitFor("#findings")
	b.shoot("63-empty-draft")
}

// chapter opens a chapter's form, or that of a part of it.
func (n *newcomers) chapter(b *browser, chapter, at string) {
	path := n.draft + "/chapters/" + chapter
	if at != "" {
		path += "?at=" + at
	}
	b.open(path)
}

// act presses a button of the chapter's form that adds something.
func (n *newcomers) act(b *browser, act string) {
	b.press(fmt.Sprintf("form[data-autosave] button[value=%q]", act))
}

// save saves the form that is open.
func (n *newcomers) save(b *browser, pairs ...string) {
	n.world.t.Helper()
	b.write(pairs...)
	b.press("form[data-autosave] button.main")
	b.waitFor(".note.good")
}

// entry adds the i-th entry to a list of a chapter and writes it; names in pairs
// are below the entry's path.
func (n *newcomers) entry(b *browser, chapter, list string, i int, pairs ...string) {
	n.world.t.Helper()
	n.chapter(b, chapter, "")
	n.act(b, "add "+list)
	n.save(b, below(fmt.Sprintf("%s[%d]", list, i), pairs...)...)
}

func below(path string, pairs ...string) []string {
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = path + "." + pairs[i]
	}
	return pairs
}

// the three departments of the team, and the management above them.
var departments = []struct{ id, role, zhHant, en, roleZhHant, roleEn string }{
	{"technology", "technology-lead", "技術部", "Technology", "技術負責人", "Technology lead"},
	{"operations", "operations-lead", "運營部", "Operations", "運營負責人", "Operations lead"},
	{"risk-control", "risk-lead", "風險控制部", "Risk control", "風控負責人", "Risk lead"},
	{"management", "superior", "管理層", "Management", "上級領導", "Superior"},
}

func (n *newcomers) organisation(b *browser) {
	n.chapter(b, "general", "")
	n.save(b, n.text("title"), n.say("支付系統應急預案", "Emergency plan of the payment system"),
		n.text("purpose"), n.say("支付系統中斷或數據泄露時，保護客戶資金並儘快恢復支付。", "Keep customers' money safe and bring payments back when the system fails or leaks."))

	n.chapter(b, "organisation", "")
	for i, d := range departments {
		n.act(b, "add departments")
		at := fmt.Sprintf("departments[%d]", i)
		b.write(at+".id", d.id, n.text(at+".name"), n.say(d.zhHant, d.en))
	}
	n.save(b)
	for i, d := range departments {
		n.entry(b, "organisation", "roles", i, "id", d.role, n.text("name"), n.say(d.roleZhHant, d.roleEn), "department", d.id,
			n.text("duties"), n.say("負責"+d.zhHant+"的應急處置。", "Answers for what "+d.en+" does in an emergency."))
	}
	n.chapter(b, "organisation", "roles[1]") // operations may stop payments
	n.act(b, "add roles[1].authority")
	n.save(b, "roles[1].authority[0].directives", "stop", "roles[1].authority[0].directives", "limit", "roles[1].authority[0].directives", "lift",
		"roles[1].authority[0].level", "3")
	n.chapter(b, "organisation", "")
	n.save(b, "team", "technology-lead", "team", "operations-lead", "team", "risk-lead")
	b.shoot("64-organisation")
}

// people come into the roster, in the departments and roles of the draft.
func (n *newcomers) people(admin *browser) {
	for i, account := range []string{"author", "operations", "risk", "superior"} {
		d := departments[i]
		admin.open("/people/-new")
		if i == 0 {
			admin.shoot("65-person")
		}
		admin.write("id", account, "name", n.say([]string{"許編制", "林運營", "孫風控", "陳總經理"}[i], []string{"Ann Author", "Oli Operations", "Rita Risk", "Sue Superior"}[i]),
			"department", d.id, "role", d.role, "account", account, "contact.1.address", account+"@demo.invalid")
		admin.press("form[action='/people/-new'] button.main")
		admin.waitFor(".note.good")
	}
	admin.open("/people")
	admin.shoot("65-people")
}

// chapters writes all but the procedures.
func (n *newcomers) chapters(b *browser) {
	n.entry(b, "materials", "materials", 0, n.text("title"), n.say("支付系統運維手冊", "Manual of the payment system"), "kind", "manual")
	for l := range 3 {
		n.chapter(b, "levels", fmt.Sprintf("levels[%d]", l))
		n.save(b, below(fmt.Sprintf("levels[%d]", l), n.text("title"), n.say([]string{"一級", "二級", "三級"}[l], fmt.Sprintf("Level %d", l+1)),
			n.text("criteria"), n.say([]string{"支付全部中斷", "部分功能受限", "功能異常，用戶未受影響"}[l], []string{"Payments have stopped", "Some functions are restricted", "A function is abnormal, users are not affected"}[l]))...)
	}
	n.entry(b, "levels", "alerts", 0, "match", `source == "report"`, "level", "1", n.text("why"), n.say("有人回報支付中斷", "Somebody reports that payments have stopped"))
	n.entry(b, "notices", "templates", 0, "id", "urgent", n.text("subject"), n.say("【緊急】{level} 級事件：{title}", "URGENT: level {level}: {title}"),
		n.text("body"), n.say("請立即確認並到位：{link}", "Acknowledge and come at once: {link}"))

	n.chapter(b, "recovery", "")
	n.act(b, "add probes")
	n.save(b, "probes[0].id", "primary-health", n.text("probes[0].title"), n.say("主用系統健康", "Health of the primary"), "probes[0].kind", "http",
		"probes[0].url", "{primary}/healthz", "probes[0].expect", "status == 200")
	n.entry(b, "recovery", "recovery.steps", 0, n.text("title"), n.say("修復後測試並逐步恢復", "Test, then reopen step by step"), "role", "operations-lead", "limit", "1h")

	n.entry(b, "temporary", "temporary", 0, n.text("title"), n.say("人工辦理", "By hand"), "kind", "manual", "role", "operations-lead",
		n.text("when"), n.say("停止支付超過一小時", "When payments have been stopped for an hour"), n.text("how"), n.say("急件由櫃檯人工辦理", "Urgent payments at the counter"))
	for i, d := range []struct{ level, zhHant, en string }{{"1", "一級演練", "Drill of level 1"}, {"2", "二級演練", "Drill of level 2"}, {"3", "三級演練", "Drill of level 3"}, {"", "數據泄露演練", "Drill of a data leak"}} {
		rehearses := []string{"level", d.level}
		if d.level == "" {
			rehearses = []string{"leak", "true"}
		}
		n.entry(b, "drills", "drills", i, append(rehearses, n.text("title"), n.say(d.zhHant, d.en), "kind", "tabletop",
			n.text("goal"), n.say("每個人知道自己做什麼", "Everybody knows what he does"), "every_months", "12", "roles", "operations-lead", "roles", "technology-lead", "roles", "risk-lead")...)
	}
	n.governance(b)
}

// governance says who approves: the departments countersign, the superior decides.
func (n *newcomers) governance(b *browser) {
	n.chapter(b, "governance", "")
	for i, s := range []struct{ zhHant, en, mode, roles string }{{"部門會簽", "Departments countersign", "all", "operations-lead risk-lead"}, {"上級審批", "The superior approves", "one", "superior"}} {
		n.act(b, "add governance.approval")
		at := fmt.Sprintf("governance.approval[%d]", i)
		for k, role := range strings.Fields(s.roles) {
			n.act(b, "add "+at+".roles")
			b.write(fmt.Sprintf("%s.roles[%d]", at, k), role)
		}
		b.write(n.text(at+".title"), n.say(s.zhHant, s.en), at+".mode", s.mode)
	}
	n.save(b, "governance.distribution", "technology-lead", "governance.distribution", "operations-lead", "governance.distribution", "risk-lead",
		"governance.distribution", "superior", "governance.owner", "operations-lead", "governance.review_by", "2027-06-30")
	b.shoot("66-governance")
}

// procedures writes the procedure of each level and of a leak: their stages are
// there, each gets a role, and the tasks without which it would do nothing.
func (n *newcomers) procedures(b *browser) {
	stages := [][]string{
		{"detect", "confirm", "notify", "stop", "convene", "handle", "recover", "review"},
		{"detect", "confirm", "notify", "analyse", "handle", "recover"},
		{"detect", "confirm", "notify", "analyse", "handle", "recover"},
	}
	for i := range 3 {
		chapter, at := fmt.Sprintf("procedure-%d", i+1), fmt.Sprintf("procedures[%d]", i)
		n.chapter(b, chapter, "")
		n.act(b, "add procedures")
		n.save(b, n.text(at+".title"), n.say([]string{"一級響應流程", "二級響應流程", "三級響應流程"}[i], fmt.Sprintf("Response of level %d", i+1)))
		n.stages(b, chapter, at, stages[i])
	}
	n.chapter(b, "leak", "")
	n.act(b, "add leak")
	n.save(b, n.text("leak.title"), n.say("數據泄露處置", "Handling of a data leak"))
	n.stages(b, "leak", "leak", []string{"handle", "notify"})
	n.entry(b, "risks", "risks", 0, n.text("title"), n.say("主用系統中斷", "The primary fails"), "likelihood", "3", "impact", "5", "levels", "1", "owner", "technology-lead")
	b.shoot("67-risk")
}

func (n *newcomers) stages(b *browser, chapter, procedure string, kinds []string) {
	for i, kind := range kinds {
		at := fmt.Sprintf("%s.stages[%d]", procedure, i)
		n.chapter(b, chapter, at)
		b.write(at+".role", "operations-lead", at+".limit", "30m")
		switch kind {
		case "notify":
			b.write(at+".alongside", "true")
			n.task(b, at, 0, "notice", n.say("通知負責人與上級", "Tell the leads and the superior"), func(path string) []string {
				return []string{path + ".template", "urgent", path + ".to", "technology-lead", path + ".to", "operations-lead", path + ".to", "risk-lead", path + ".to", "superior"}
			})
		case "convene":
			n.task(b, at, 0, "notice", n.say("召集應急小組", "Convene the team"), func(path string) []string {
				return []string{path + ".template", "urgent", path + ".to", "technology-lead", path + ".to", "operations-lead", path + ".to", "risk-lead"}
			})
		case "stop":
			n.task(b, at, 0, "directive", n.say("停止支付", "Stop the payments"), func(path string) []string {
				return []string{path + ".kind", "stop", path + ".scope", "all", path + ".pre_authorised", "true", path + ".drain", "20s", n.text(path + ".reason"), n.say("一級事件", "A level 1 incident")}
			})
			b.shoot("68-stop")
		case "recover":
			n.task(b, at, 0, "", n.say("功能測試", "Test the functions"), nil, "probes", "primary-health")
			if chapter == "procedure-1" {
				n.ramp(b, chapter, at)
			}
		default:
			n.task(b, at, 0, "", n.say("處理並記錄", "Do it and note it"), nil)
		}
	}
}

// task adds a task to the stage whose form is open, with an action if one is named.
func (n *newcomers) task(b *browser, stage string, i int, action, title string, fields func(path string) []string, more ...string) {
	n.act(b, "add "+stage+".tasks")
	at := fmt.Sprintf("%s.tasks[%d]", stage, i)
	b.write(append(below(at, more...), n.text(at+".title"), title)...)
	if action != "" {
		n.act(b, "add "+at+"."+action)
		b.write(fields(at + "." + action)...)
	}
	n.save(b)
}

// ramp lets payments in again by two steps.
func (n *newcomers) ramp(b *browser, chapter, stage string) {
	n.chapter(b, chapter, stage)
	n.act(b, "add "+stage+".tasks")
	at := stage + ".tasks[1]"
	b.write(n.text(at+".title"), n.say("逐步恢復支付", "Reopen step by step"))
	n.act(b, "add "+at+".ramp")
	n.act(b, "add "+at+".ramp.steps")
	b.write(at+".ramp.steps[0].percent", "10", at+".ramp.steps[0].hold", "1s")
	n.act(b, "add "+at+".ramp.steps")
	n.save(b, at+".ramp.steps[1].percent", "100")
}

// complete sees that no finding of severity error is left.
func (n *newcomers) complete(b *browser) {
	b.open(n.draft)
	b.shoot("69-written")
	if left := b.count("#findings .tag.bad"); left > 0 {
		n.world.t.Fatalf("%d errors are left:\n%s", left, b.page())
	}
}

// review has two people comment: one of the house, and a professor from outside by
// a link. One comment is answered by a reason, the other by a change.
func (n *newcomers) review(author, risk *browser) {
	author.open(n.draft)
	author.fill("#reviewer", "risk")
	author.press("form[action$='/reviewers'] button")
	link := n.inviteOutside(author, n.draft, n.lang)

	outside := author.another(string(n.lang) + "-nothing-outside")
	outside.open(n.path(link))
	n.comment(outside, "place-risks", n.say("請寫明平時的對策", "Say what is done beforehand"))
	outside.shoot("70-reviewed")
	outside.press("form[action$='/finished'] button")
	risk.open("/")
	risk.waitFor("#awaiting a[href$='/read']")
	risk.press("#awaiting a[href$='/read']")
	risk.waitFor(".task .say")
	n.comment(risk, risk.evaluate("document.querySelector('.task .say').id"), n.say("停止之前要先通知嗎？", "Does the stop wait for the notice?"))
	risk.press("form[action$='/finished'] button")

	n.chapter(author, "risks", "risks[0]")
	n.save(author, n.text("risks[0].treatment"), n.say("每月切換備援一次", "The standby takes over once a month"))
	author.open(n.draft)
	author.press("#comment-1 form[action$='/resolve'] button")
	author.fill("#why-2", n.say("不必：通知與停止同時進行", "No: it runs alongside"))
	author.press("#comment-2 form[action$='/resolve'] button")
	author.waitFor("#comment-2 .tag.good")
	author.shoot("71-answered")
}

// comment says something at a place of the text.
func (n *newcomers) comment(b *browser, place, text string) {
	b.press(fmt.Sprintf("[id=%q]", place))
	b.fill("#text", text)
	b.press("#say button.main")
	b.waitFor(".remark")
}

// approve has the departments countersign and the superior refuse, then all agree
// to the mended text, and the superior publish it.
func (n *newcomers) approve(author, operations, risk, superior *browser) {
	n.submitDraft(author, n.draft)
	author.shoot("72-submitted")
	n.tryApprove(operations, n.draft)
	n.tryApprove(risk, n.draft)
	superior.open("/")
	superior.waitFor("#awaiting a")
	superior.shoot("73-waiting-for-you")
	n.refuseDraft(superior, author, n.draft)
	author.shoot("74-refused")
	n.chapter(author, "general", "")
	n.save(author, n.text("scope"), n.say("本機構全部支付業務", "All payments of this operator"))
	n.submitDraft(author, n.draft)
	for _, b := range []*browser{operations, risk, superior} {
		n.tryApprove(b, n.draft)
	}
	superior.waitFor("form[action$='/publish']")
	superior.shoot("75-approved")
	superior.press("form[action$='/publish'] button")
	superior.waitFor("article.doc")
}

// read has everybody on the distribution list acknowledge, and sees who has not.
func (n *newcomers) read(people ...*browser) {
	superior := people[len(people)-1]
	superior.waitFor("#readings summary .tag.warn")
	if left := superior.count("#readings td:last-child .tag.warn"); left != len(people) {
		n.world.t.Errorf("%d have still to read it, not %d", left, len(people))
	}
	superior.shoot("76-published")
	for _, b := range people {
		b.open("/")
		b.waitFor("#awaiting a[href^='/plan/']")
		n.acknowledgeRevision(b)
	}
	superior.open("/plan")
	superior.waitFor("#readings summary .tag.good")
	superior.shoot("77-all-have-read")
	superior.open("/")
	superior.waitGone("#first-steps")
	superior.waitGone("#awaiting")
}

// works has the plan run: a report opens an incident at the level that its rule
// says, with this plan's procedure, and its stop reaches the gates.
func (n *newcomers) works(b *browser) {
	b.open("/report")
	b.fill("#summary", n.say("支付全部失敗", "All payments fail"))
	b.press("form[action='/report'] button")
	incident := n.suspected(b)
	n.confirmLevel1(b)
	b.press("#task-stop-1 form[action$='/direct'] button")
	b.waitFor(".band-stopped")
	b.open(incident)
	b.waitFor("#stage-stop.done")
	b.shoot("78-stopped")
}
