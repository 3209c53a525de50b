package app

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// quick are the times and samples of the built-in ramp, and what they are in a demo; its
// stand-in covers all payments, so that those it does not approve wait.
var quick = []struct {
	long  *regexp.Regexp
	short string
}{
	{regexp.MustCompile(`hold: \d+m`), "hold: 3s"}, {regexp.MustCompile(`soak: \d+m`), "soak: 5s"},
	{regexp.MustCompile(`every: 30s`), "every: 2s"}, {regexp.MustCompile(`sample: \d+`), "sample: 20"}, {regexp.MustCompile(`unknown: 1\n`), "unknown: 5\n"}, {regexp.MustCompile(`success: 95\n`), "success: 90\n"},
	{regexp.MustCompile(`longest_pause: 1m`), "longest_pause: 2s"}, {regexp.MustCompile(`    scope: kind == "payment" and amount <= 20000\n`), ""},
	{regexp.MustCompile(`shadow_percent: \d+`), "shadow_percent: 25"},
}

// demoPlan is the built-in plan with times of seconds and small samples, since nobody watches a
// demo for a quarter of an hour, with a watchdog of its monitor, and with tasks of every
// kind in the analysis of level 3.
func demoPlan() []byte {
	text := plan.Builtin()
	for _, q := range quick {
		text = q.long.ReplaceAll(text, []byte(q.short))
	}
	if at := bytes.LastIndex(text, []byte(demoBefore)); at >= 0 {
		text = slices.Concat(text[:at], []byte(demoActions), text[at:])
	}
	return bytes.Replace(text, []byte("\nprocedures:\n"), []byte(demoWatchdog+"\nprocedures:\n"), 1)
}

// demoEndpoint is of the automation that the demo has.
const demoEndpoint = "isolate-host"

const (
	demoBefore  = "          - id: choose-remedy\n"
	demoActions = `          - id: isolate
            title: { zh-Hant: 隔離可疑主機, zh-Hans: 隔离可疑主机, en: Isolate the host in doubt }
            limit: 1h
            takes: 1m
            webhook: { endpoint: ` + demoEndpoint + `, timeout: 5s }
          - id: make-sure
            title: { zh-Hant: 核對影響, zh-Hans: 核对影响, en: Make sure of the effect }
            limit: 1h
            takes: 5m
            checklist:
              - { zh-Hant: 已比對兩個獨立來源的成功率, zh-Hans: 已比对两个独立来源的成功率, en: The success ratio was compared in two independent sources }
              - { zh-Hant: 已確認沒有其他變更正在進行, zh-Hans: 已确认没有其他变更正在进行, en: No other change is under way }
            branches:
              - when: functions_abnormal > 2
                do: { zh-Hant: 由兩人一同核對。, zh-Hans: 由两人一同核对。, en: Two people check together. }
                approval: commander
          - id: steady
            title: { zh-Hant: 等待成功率穩定, zh-Hans: 等待成功率稳定, en: Wait until the success ratio is steady }
            limit: 1h
            takes: 5m
            wait: { until: success_percent >= 95, holds_for: 10s }
`
)

const demoWatchdog = `  - id: watchdog
    match: name == "Watchdog"
    level: 3
    watchdog: 1m
    why:
      zh-Hant: 監控系統恆常送出的心跳；收不到即無從得知有無異常。
      zh-Hans: 监控系统恒常送出的心跳；收不到即无从得知有无异常。
      en: The monitor's sign of life. Without it nobody is told of what goes wrong.
`

// DemoAccount is an account of the demo, and what its holder does.
type DemoAccount struct {
	access.NewAccount
	May string
}

// Accounts lists those that can sign in; all have the same password.
func (d *Demo) Accounts() []DemoAccount {
	r := d.Ready
	if d.empty {
		return []DemoAccount{{access.NewAccount{Name: r.Account, Roles: []access.Role{access.Admin}}, "makes accounts, keeps the roster; there is nobody else yet"}}
	}
	return demoAccounts(r.Account, r.Second)
}

func demoAccounts(first, second string) []DemoAccount {
	row := func(name, display, person, may string, roles ...access.Role) DemoAccount {
		return DemoAccount{access.NewAccount{Name: name, Display: display, Person: person, Roles: roles}, may}
	}
	return []DemoAccount{
		row(first, "王值班", "", "works incidents as duty officer and commander; keeps accounts, roster, gates", access.Admin, access.Commander, access.Duty),
		row(second, "林指揮", "lin.zhihui", "the second person for what needs two; countersigns the plan for operations", access.Commander, access.Superior),
		row("author", "許編制", "xu.bianzhi", "writes the plan", access.Author),
		row("technology", "赵技术", "zhao.jishu", "writes the plan, or countersigns it for technology", access.Superior, access.Author),
		row("risk", "孙风控", "sun.fengkong", "reviews the plan, countersigns it for risk control", access.Superior),
		row("superior", "陳總經理", "chen.zong", "approves the plan last, and publishes it", access.Superior),
	}
}

// demoPeople are made up. Their mail and messages go to the post office.
func demoPeople(k *kept) []roster.Person {
	type row struct {
		id, name, department, account string
		lang                          holdfast.Lang
		roles                         []string
	}
	rows := []row{
		{"wang.zhiban", "王值班", "operations", k.Ready.Account, holdfast.ZhHant, []string{"duty-officer", "operations-lead", "recorder"}},
		{"lin.zhihui", "林指揮", "operations", k.Ready.Second, holdfast.ZhHant, []string{"commander", "operations-head"}},
		{"chen.zong", "陳總經理", "management", "superior", holdfast.ZhHant, []string{"superior"}},
		{"zhao.jishu", "赵技术", "technology", "technology", holdfast.ZhHans, []string{"technology-head", "technology-lead"}},
		{"sun.fengkong", "孙风控", "risk-control", "risk", holdfast.ZhHans, []string{"risk-head", "risk-lead"}},
		{"xu.bianzhi", "許編制", "operations", "author", holdfast.ZhHant, []string{"recorder"}},
		{"amy.lau", "Amy Lau", "customer-service", "", holdfast.En, []string{"service-lead", "communications-lead"}},
		{"ben.ho", "Ben Ho", "legal", "", holdfast.En, []string{"legal-lead"}},
	}
	people := make([]roster.Person, len(rows))
	for i, r := range rows {
		people[i] = roster.Person{
			ID: r.id, Name: r.name, Department: r.department, Account: r.account, Lang: r.lang, Roles: r.roles,
			Contacts: []roster.Contact{
				{Channel: roster.SMTP, Address: r.id + "@demo.invalid"},
				{Channel: roster.Webhook, Address: fmt.Sprintf("http://%s/im/%s", k.HTTP, r.id)},
			},
		}
	}
	return people
}

// demoParties are those that the built-in plan names, made up as well.
func demoParties() []roster.Party {
	rows := []roster.Party{
		{ID: "acquirer", Name: "示範收單機構", Kind: "acquirer", Lang: holdfast.ZhHant},
		{ID: "clearing-house", Name: "示范清算机构", Kind: "clearing-house", Lang: holdfast.ZhHans},
		{ID: "cloud-provider", Name: "Demo Cloud", Kind: "cloud", Lang: holdfast.En},
	}
	for i := range rows {
		rows[i].Contacts = []roster.Contact{{Channel: roster.SMTP, Address: "duty@" + rows[i].ID + ".invalid"}}
	}
	return rows
}
