package plan_test

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/plan"
)

//go:embed testdata/chapters.yaml
var moreChapters string

// brokenChapters is as broken, over the small plan with all chapters; places
// count from the first of them.
var brokenChapters = []struct {
	name, old, new, rules string
}{
	{"scope in another language", "scope: { en: Payments. }", "scope: { zh-Hant: 支付 }", "P011 1:1"},

	{"step of approval twice", "id: decide", "id: ¶countersign", "P014"},
	{"unknown mode of approval", "mode: one", "mode: ¶any", "P015"},
	{"step without a mode", ", mode: one", "", "P010 5:7"},
	{"step without roles", "mode: one, roles: [officer]", "mode: one, ¶roles: []", "P010"},
	{"step with an unknown role", "mode: one, roles: [officer]", "mode: one, roles: [¶chief]", "P012"},
	{"role twice in a step", "mode: one, roles: [officer]", "mode: one, roles: [officer, ¶officer]", "P014"},
	{"distribution to an unknown role", "distribution: [officer,", "distribution: [¶crowd,", "P012"},
	{"no such owner", "  owner: officer\n", "  owner: ¶nobody\n", "P012"},
	{"day that is none", "2027-11-25", "¶2027-13-25", "P007"},

	{"risk twice", "id: flood", "id: ¶fire", "P014"},
	{"likelihood of six", "likelihood: 2", "likelihood: ¶6", "P015"},
	{"risk without impact", ", impact: 4 }", " }", "P015 12:5"},
	{"risk of an unknown owner", "owner: engineer", "owner: ¶smith", "P012"},
	{"risk answered at level 4", "levels: [1, 2]", "levels: [1, ¶4]", "P015"},
	{"level twice", "levels: [1, 2]", "levels: [1, ¶1]", "P014"},
	{"risk on no material", "materials: [law]", "materials: [¶lore]", "P012"},

	{"kind of material", "kind: regulation", "kind: ¶rumour", "P015"},
	{"link without scheme", "https://law.example/1", "¶law.example/1", "P015"},
	{"link with a name in braces", "https://law.example/1", "¶'{gate}/law'", "P015"},
	{"no such attachment", "file: scan", "file: ¶scan2", "P012"},
	{"no such chapter", "cited: [risks,", "cited: [¶risk,", "P015"},

	{"measure no expression can read", "id: region", "id: ¶the-region", "P013"},
	{"measure that hides the incident's", "id: region", "id: ¶result", "P014"},
	{"measure called by a word of the language", "id: region", "id: ¶and", "P013"},
	{"type of measure", "type: text", "type: ¶word", "P015"},

	{"leak with a level", "  title: { en: A leak }", "  title: { en: A leak }\n  level: ¶2", "P015"},
	{"leak that tells nobody", "    - { stage: notify, title: { en: Tell }, role: officer }\n", "", "P021 21:3"},
	{"unknown deputy", "deputy: officer", "deputy: ¶spare", "P012"},
	{"means in another language", "means: { en: The console. }", "means: { zh-Hans: 控制台 }", "P011 30:11"},
	{"task after another stage's", "after: [cut]", "after: [¶tell]", "P012"},
	{"task after itself", "after: [cut]", "after: [¶close]", "P029"},
	{"tasks in a circle", "        - id: cut\n          title: { en: Cut }\n", "        - id: cut\n          title: { en: Cut }\n          after: [look]\n", "P029 34:19 P029 37:59"},
	{"branch on an unknown measure", "failed > 10", "fallen > 10", "P016 35:23"},
	{"branch without a condition", "when: minutes > 30 and failed > 10 and level == 1, ", "", "P010 35:15"},
	{"branch that does nothing", "do: { en: Stop. }, ", "", "P011 35:15"},
	{"branch agreed by nobody", "approval: officer }\n        - { id: look", "approval: ¶boss }\n        - { id: look", "P012"},
	{"task twice", "id: look", "id: ¶cut", "P014"},

	{"kind of temporary solution", "kind: queue", "kind: ¶hope", "P015"},
	{"temporary solution for no payment", `scope: channel == "app"`, "scope: ¶channel ==", "P016"},
	{"temporary solution nobody decides", "how: { en: Queue. }, role: officer", "how: { en: Queue. }, role: ¶boss", "P012"},
	{"no such parameter", "parameters: [sum]", "parameters: [¶total]", "P012"},
	{"profile of what is no stand-in", "parameters: [sum] }", "parameters: [sum], profile: { snapshot_age: 1h } }", "P032 39:165"},
	{"a queue without an end", "          - { over: all, currency: CNY, amount: 9000 }\n", "          - { over: all, currency: CNY, amount: 9000 }\n        queue: { deferrable: amount < 9, expires: 1h, ¶limits: [{ over: payer, count: 3 }], responsible: officer }\n", "P032"},
	{"a queue that nobody looks after", "          - { over: all, currency: CNY, amount: 9000 }\n", "          - { over: all, currency: CNY, amount: 9000 }\n        queue: { deferrable: amount < 9, expires: 1h, limits: [{ over: all, count: 3 }], responsible: ¶nobody }\n", "P012"},
	{"stand-in for too long", "    role: officer\n    profile:", "    role: officer\n    longest: ¶200h\n    profile:", "P015"},
	{"stand-in without terms", "      unplanned:\n        eligible: kind == \"payment\"\n        limits:\n          - { over: payment, currency: CNY, amount: 200 }\n          - { over: payer, currency: CNY, amount: 500 }\n          - { over: payee, count: 3, window: 24h }\n          - { over: all, currency: CNY, amount: 9000 }\n", "", "P032 46:5"},
	{"stand-in for what is not known", `eligible: kind == "payment"`, `eligible: ¶payer == "x"`, "P016"},
	{"limit over nothing", "over: payee", "over: ¶bank", "P032"},
	{"limit that is none", ", amount: 500 }", " }", "P032 51:13"},
	{"limit in no currency", "currency: CNY, amount: 500", "currency: ¶yuan, amount: 500", "P032"},
	{"limits without the whole", "          - { over: all, currency: CNY, amount: 9000 }\n", "", "P032 49:9"},
	{"snapshot of any age", "      snapshot_age: 1h\n", "", "P032 46:5"},
	{"zone that is none", `zone: "-03:30"`, "zone: ¶Asia/Taipei", "P015"},
	{"retention shorter than the timeout", "retention: 24h", "retention: ¶1s", "P032"},
	{"dependency without steps", "    steps:\n      - { do: { en: Call. } }\n      - { after: 10m, do: { en: Queue. }, temporary: wait, approval: officer }\n", "    ¶steps: []\n", "P010"},
	{"steps that do not rise", "after: 10m", "after: ¶0s", "P030"},
	{"no such temporary solution", "temporary: wait", "temporary: ¶weight", "P012"},
	{"party that has no name", "    party: acquirer", "    party: ¶The Bank", "P013"},
	{"negative parameter", "unplanned: 50.5", "unplanned: ¶-1", "P015"},
	{"parameter without end", "unplanned: 50.5", "unplanned: ¶.inf", "P006"},

	{"too many people", "people: 2", "people: ¶1001", "P015"},
	{"no such probe", "probes: [health]", "probes: [¶wealth]", "P012"},
	{"ramp that ends early", "percent: 100 }", "percent: ¶90 }", "P026"},
	{"step of the recovery by nobody", "role: engineer, people", "role: ¶smith, people", "P012"},
	{"close-out in another language", "- { en: Reconciled. }", "- ¶{ zh-Hant: 已對帳 }", "P011"},

	{"kind of drill", "kind: tabletop", "kind: ¶fun", "P015"},
	{"drill of nothing", "level: 1, every", "every", "P010 78:5"},
	{"drill of two things", "leak: true, every_months: 12", "level: 1, leak: ¶true, every_months: 12", "P015"},
	{"drill every day", "every_months: 6", "every_months: ¶0", "P015"},
	{"drill of an unknown role", "every_months: 6, roles: [officer]", "every_months: 6, roles: [¶actor]", "P012"},

	{"report under no rule", "material: law", "material: ¶lore", "P012"},
	{"moment that is none", "from: aware", "from: ¶dawn", "P015"},
	{"report without a deadline", "within: 2h, ", "", "P010 81:5"},
	{"report that is never owed", ", levels: [1], leak: true }\ncontacts", " }\ncontacts", "P010 81:5"},
	{"contact twice", "  - { party: acquirer, purpose: { en: Ask. }, role: officer }\n", "  - { party: acquirer, purpose: { en: Ask. }, role: officer }\n  - { party: ¶acquirer, purpose: { en: Ask. }, role: officer }\n", "P014"},
	{"contact by nobody", "purpose: { en: Ask. }, role: officer", "purpose: { en: Ask. }, role: ¶boss", "P012"},

	{"file name with a path", "name: law.pdf", "name: ¶../law.pdf", "P015"},
	{"hash that is none", "hash: e3b0", "hash: ¶xyz0", "P015"},
	{"file of a type that is not taken", "type: application/pdf", "type: ¶text/html", "P015"},
	{"file that is too large", "size: 48213", "size: ¶16777217", "P015"},
	{"attachment without a file", ", hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "", "P010 85:5"},
	{"annex without words", ", text: { en: Words. }", "", "P011 87:5"},
}

func TestDecodeBrokenChapters(t *testing.T) {
	t.Parallel()
	before := strings.Count(small, "\n")
	for _, test := range brokenChapters {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(moreChapters, test.old) != 1 {
				t.Fatalf("%q stands %d times in the chapters", test.old, strings.Count(moreChapters, test.old))
			}
			src, places := unmark(strings.Replace(moreChapters, test.old, test.new, 1))
			want := expected(test.rules, places)
			_, faults := plan.Decode("", []byte(small+src))
			var got []string
			for _, f := range faults {
				got = append(got, fmt.Sprintf("%s %d:%d", f.Rule, f.Line-before, f.Column))
			}
			if strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("faults %v, want %v\n%v", got, want, faults.Error())
			}
		})
	}
}

func TestChaptersRefer(t *testing.T) {
	t.Parallel()
	if _, faults := plan.Decode("", []byte(small+moreChapters)); len(faults) > 0 {
		t.Fatal(faults)
	}
	_, faults := plan.Decode("", []byte(strings.Replace(small, "criteria: { en: Stopped. }", "criteria: { en: Stopped. }, enter: failed > 10 and region", 1)+moreChapters))
	if len(faults) != 1 || faults[0].Rule != "P016" || faults[0].Line != 25 {
		t.Errorf("criteria that are no condition: %v", faults)
	}
}
