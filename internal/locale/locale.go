// Package locale speaks to people: message catalogues in three languages, and
// numbers, amounts and times as each language writes them.
//
// # Catalogues
//
// A catalogue is a YAML file under catalogue/, one for each area of the program.
// Each entry has a key and a text in every language, all written by hand:
//
//	directive.approve:
//	  zh-Hant: 批准指令
//	  zh-Hans: 批准指令
//	  en: Approve
//
// A text may hold places in braces, {n}, that [Printer.T] fills. In the files
// errors.yaml and errors-AREA.yaml the key is the English format of a
// [holdfast.Error], verbs and all, and only the two Chinese texts are given;
// their verbs take the same arguments, by number where the order differs: %[2]s.
//
// A key is looked up when a page is made, so a missing one shows as itself; a
// test holds that every key the program uses exists in all three languages.
package locale

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"holdfast"
)

//go:embed catalogue/*.yaml
var files embed.FS

// errorsFiles begins the names of catalogues whose keys are formats of errors.
const errorsFiles = "errors"

// catalogues are all texts, read once.
type catalogues struct {
	texts  map[string]holdfast.Text
	errors map[string]holdfast.Text
}

var load = sync.OnceValue(func() catalogues {
	c, err := read(files)
	if err != nil {
		panic("locale: " + err.Error()) // they are part of the program; a test reads them
	}
	return c
})

func read(files fs.FS) (catalogues, error) {
	c := catalogues{texts: map[string]holdfast.Text{}, errors: map[string]holdfast.Text{}}
	names, err := fs.Glob(files, "catalogue/*.yaml")
	if err != nil {
		return c, err
	}
	for _, name := range names {
		into := c.texts
		if strings.HasPrefix(path.Base(name), errorsFiles) {
			into = c.errors
		}
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return c, err
		}
		var entries map[string]holdfast.Text
		if err := yaml.Unmarshal(b, &entries); err != nil {
			return c, fmt.Errorf("%s: %w", name, err)
		}
		for key, text := range entries {
			if _, twice := into[key]; twice {
				return c, fmt.Errorf("%s: %s is written twice", name, key)
			}
			into[key] = text
		}
	}
	return c, nil
}

// Printer writes in one language. It is safe for concurrent use.
type Printer struct {
	lang    holdfast.Lang
	numbers *message.Printer
}

// Screens group digits by three in all three languages.
var numbers = message.NewPrinter(language.English)

// For returns the printer of a language; of English if it is none of ours.
func For(lang holdfast.Lang) *Printer {
	switch lang {
	case holdfast.ZhHant, holdfast.ZhHans:
	default:
		lang = holdfast.En
	}
	return &Printer{lang: lang, numbers: numbers}
}

// Everywhere makes a text that Holdfast itself says in all languages.
func Everywhere(say func(*Printer) string) holdfast.Text {
	return holdfast.Text{ZhHant: say(For(holdfast.ZhHant)), ZhHans: say(For(holdfast.ZhHans)), En: say(For(holdfast.En))}
}

// Lang returns the printer's language.
func (p *Printer) Lang() holdfast.Lang { return p.lang }

// T returns the text under key, its places filled from pairs of name and value.
// It returns the key itself if there is no such text.
func (p *Printer) T(key string, pairs ...any) string {
	text, ok := load().texts[key]
	if !ok {
		return key
	}
	return fill(text.In(p.lang), pairs)
}

// Has reports whether there is a text under key.
func (p *Printer) Has(key string) bool {
	_, ok := load().texts[key]
	return ok
}

func fill(text string, pairs []any) string {
	if len(pairs) == 0 || !strings.Contains(text, "{") {
		return text
	}
	replace := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replace = append(replace, "{"+fmt.Sprint(pairs[i])+"}", fmt.Sprint(pairs[i+1]))
	}
	return strings.NewReplacer(replace...).Replace(text)
}

// Error returns what a person may read of err: the message of the outermost
// [holdfast.Error] in its chain, in the printer's language, or a sentence that
// says no more than that something failed here.
func (p *Printer) Error(err error) string {
	var e *holdfast.Error
	if !errors.As(err, &e) || e.Code == holdfast.Internal {
		return p.T("error.internal")
	}
	if p.lang == holdfast.En {
		return e.Message()
	}
	text, ok := load().errors[e.Format]
	if !ok {
		return e.Message()
	}
	args := slices.Clone(e.Args)
	for i, arg := range args {
		if part, ok := arg.(*holdfast.Error); ok {
			args[i] = p.Error(part)
		}
	}
	return fmt.Sprintf(text.In(p.lang), args...)
}

var matcher = language.NewMatcher([]language.Tag{
	language.English, // the first is what nothing else matches
	language.MustParse("zh-Hant"),
	language.MustParse("zh-Hans"),
})

// Match chooses a language from the value of an Accept-Language header.
func Match(acceptLanguage string) holdfast.Lang {
	if len(acceptLanguage) > 500 {
		acceptLanguage = acceptLanguage[:500]
	}
	tags, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil {
		return holdfast.En
	}
	_, i, _ := matcher.Match(tags...)
	return [...]holdfast.Lang{holdfast.En, holdfast.ZhHant, holdfast.ZhHans}[i]
}
