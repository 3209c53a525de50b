package lint

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/payment"
)

// each reports the strings for which f holds, those of one kind of text alone if
// people is set.
func (j *judge) each(people bool, f func(words) bool, report func(words)) {
	for _, w := range j.strings {
		if (!people || w.lang != "") && f(w) {
			report(w)
		}
	}
}

// Runs of 13 to 19 digits; what people write between groups does not end one. A
// number after a plus is a phone's.
var digits = regexp.MustCompile(`(?:^|[^0-9A-Za-z+])([0-9](?:[ -]?[0-9]){12,18})(?:[^0-9A-Za-z]|$)`)

func hasCard(s string) bool {
	for _, m := range digits.FindAllStringSubmatch(s, -1) {
		if number := strings.NewReplacer(" ", "", "-", "").Replace(m[1]); luhn(number) {
			return true
		}
	}
	return false
}

// luhn is the check digit of ISO/IEC 7812-1.
func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func (j *judge) cardNumber() {
	j.each(false, func(w words) bool { return hasCard(w.text) }, func(w words) {
		j.add(w.path, "a card number stands here: %s; remove it, a plan is read by many", payment.Mask(digits.FindString(w.text)))
	})
}

var secrets = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY|\bhf_[A-Za-z0-9_]{16,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[A-Za-z0-9_-]{16,}\.|://[^/\s:@{}]+:[^/\s@{}]+@|` +
	`(?i:\b(?:password|passwd|passphrase|secret|token|api[ _-]?key))\s*(?:[:=]|is)\s*[^\s{]{6,}|(?:密碼|密码|口令|金鑰|密钥)\s*(?:[:：=]|為|为|是)\s*[!-~]{4,}`)

// hints stand in whatever secrets matches; looking for them first is cheap.
var hints = []string{"-----begin", "hf_", "akia", "eyj", "://", "pass", "secret", "token", "api", "密碼", "密码", "口令", "金鑰", "密钥"}

func (j *judge) secret() {
	j.each(false, func(w words) bool {
		lower := strings.ToLower(w.text)
		return slices.ContainsFunc(hints, func(h string) bool { return strings.Contains(lower, h) }) && secrets.MatchString(w.text)
	}, func(w words) {
		j.add(w.path, "this looks like a secret (a password, key or token): remove it, change it where it is used, and say here where it is kept")
	})
}

// blanks are what people write where something is missing.
var blanks = []string{"TODO", "TBD", "FIXME", "XXX", "___", "lorem ipsum", "待定", "待补", "待補", "待填", "○○", "〇〇", "××"}

func (j *judge) blank() {
	j.phrases(blanks, func(words) bool { return true }, func(w words, phrase string) {
		j.add(w.path, "%q stands for something that is missing: write what is meant", phrase)
	})
}

// vagueWords leave a person in an emergency to guess.
var vagueWords = []string{
	"as appropriate", "if appropriate", "where appropriate", "as needed", "as necessary", "as required", "if possible", "when possible",
	"in due course", "at your discretion", "視情況", "视情况", "視情形", "视情形", "酌情", "酌予", "適時", "适时", "相機處理", "相机处理", "原則上", "原则上",
}

func (j *judge) vague() {
	inTask := func(w words) bool { return strings.Contains(w.path, ".tasks[") }
	j.phrases(vagueWords, inTask, func(w words, phrase string) {
		j.add(w.path, "%q leaves a person in an emergency to guess: say under which condition, and who decides", phrase)
	})
}

// phrases reports the first of some phrases in each text that people read.
// Small letters match capitals as well.
func (j *judge) phrases(list []string, where func(words) bool, report func(words, string)) {
	for _, w := range j.strings {
		if w.lang == "" || !where(w) {
			continue
		}
		lower := strings.ToLower(w.text)
		i := slices.IndexFunc(list, func(p string) bool { return strings.Contains(w.text, p) || strings.Contains(lower, p) })
		if i >= 0 {
			report(w, list[i])
		}
	}
}

// languageMissing finds texts that lack a language which the title has.
func (j *judge) languageMissing() {
	for _, lang := range holdfast.Langs {
		if written(j.Plan.Title, lang) == "" {
			continue
		}
		first, lacking := "", 0
		for i, w := range j.strings {
			path, isText := strings.CutSuffix(w.path, "."+string(w.lang))
			if !isText || w.lang == "" || i > 0 && strings.HasPrefix(j.strings[i-1].path, path+".") {
				continue // counted with its first language
			}
			has := false
			for _, other := range j.strings[i:min(i+len(holdfast.Langs), len(j.strings))] {
				has = has || other.path == path+"."+string(lang)
			}
			if !has {
				if lacking++; lacking == 1 {
					first = path
				}
			}
		}
		if lacking > 0 {
			j.add(first, "%d texts have no %s, which the title has; the first is here", lacking, string(lang))
		}
	}
}

var addresses = regexp.MustCompile(`[A-Za-z0-9._+-]+@[A-Za-z0-9-]+\.[A-Za-z]|\+[0-9](?:[ -]?[0-9]){7,14}`)

func (j *judge) personalAddress() {
	j.each(true, func(w words) bool { return strings.ContainsAny(w.text, "@+") && addresses.MatchString(w.text) }, func(w words) {
		j.add(w.path, "a mail address or phone number stands here: it will be out of date, and everybody reads it; keep it in the roster")
	})
}

func (j *judge) plainLink() {
	for i, m := range j.Plan.Materials {
		if strings.HasPrefix(m.Link, "http://") {
			j.add(at("materials", i)+".link", "the link of material %q is not protected: use https, or attach the file", m.ID)
		}
	}
}

func (j *judge) sameTitle() {
	for _, f := range j.flows {
		for s, stage := range f.Stages {
			seen := map[string]string{}
			for i, t := range stage.Tasks {
				title := t.Title.In(j.Plan.Language)
				if first, twice := seen[title]; twice {
					j.add(at(at(f.path+".stages", s)+".tasks", i)+".title", "tasks %q and %q of one stage have the same title: people will take one for the other", first, t.ID)
				} else {
					seen[title] = t.ID
				}
			}
		}
	}
}

// maxSubject is how much of a notice's subject a phone shows, in characters.
const maxSubject = 80

func (j *judge) longSubject() {
	for i, t := range j.Plan.Templates {
		for _, lang := range holdfast.Langs {
			if n := utf8.RuneCountInString(written(t.Subject, lang)); n > maxSubject {
				j.add(at("templates", i)+".subject."+string(lang), "the subject has %d characters, and a phone shows about %d: say first what matters", n, maxSubject)
			}
		}
	}
}
