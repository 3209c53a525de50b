package plan

import (
	"bytes"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"holdfast"
)

// Chapter is a part of the plan that one author works on at a time.
type Chapter struct {
	// Key names it: risks, procedure-1.
	Key string
	// Fields are the keys of the file that it holds.
	Fields []string
	// Level is that of a chapter that holds one entry of procedures, else 0.
	Level holdfast.Level
}

// Chapters lists the chapters in the order of the file.
var Chapters = []Chapter{
	{Key: "general", Fields: []string{"format", "id", "language", "title", "purpose", "scope"}},
	{Key: "governance", Fields: []string{"governance"}},
	{Key: "organisation", Fields: []string{"departments", "roles", "team"}},
	{Key: "risks", Fields: []string{"risks"}},
	{Key: "materials", Fields: []string{"materials"}},
	{Key: "levels", Fields: []string{"measures", "levels", "alerts"}},
	{Key: "procedure-1", Fields: []string{"procedures"}, Level: holdfast.Level1},
	{Key: "procedure-2", Fields: []string{"procedures"}, Level: holdfast.Level2},
	{Key: "procedure-3", Fields: []string{"procedures"}, Level: holdfast.Level3},
	{Key: "leak", Fields: []string{"leak"}},
	{Key: "temporary", Fields: []string{"temporary", "dependencies", "parameters"}},
	{Key: "recovery", Fields: []string{"recovery", "probes"}},
	{Key: "drills", Fields: []string{"drills"}},
	{Key: "notices", Fields: []string{"templates"}},
	{Key: "obligations", Fields: []string{"obligations", "reporting"}},
	{Key: "contacts", Fields: []string{"contacts", "components", "announcing"}},
	{Key: "attachments", Fields: []string{"attachments", "annexes"}},
}

// ChapterOf returns the chapter with a key.
func ChapterOf(key string) (Chapter, bool) {
	i := slices.IndexFunc(Chapters, func(c Chapter) bool { return c.Key == key })
	if i < 0 {
		return Chapter{}, false
	}
	return Chapters[i], true
}

// ChapterAt returns the key of the chapter that holds a path of the plan, or ""
// for none. procedures[i] belongs to the chapter of the level that entry i has.
func (p *Plan) ChapterAt(path string) string {
	field, _, _ := strings.Cut(path, ".")
	field, index, _ := strings.Cut(field, "[")
	for _, c := range Chapters {
		if !slices.Contains(c.Fields, field) {
			continue
		}
		if c.Level == holdfast.Unknown {
			return c.Key
		}
		i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
		if err != nil || i < 0 || i >= len(p.Procedures) || p.Procedures[i].Level == c.Level {
			return c.Key
		}
	}
	return ""
}

// Encode writes a plan as its canonical text: keys in the order of the file,
// nothing that is empty. Decoding it gives the plan again.
func Encode(p *Plan) []byte {
	var b bytes.Buffer
	for _, c := range Chapters {
		b.Write(EncodeChapter(p, c))
	}
	return joinProcedures(b.Bytes())
}

// EncodeChapter writes one chapter of a plan as its canonical text; a chapter
// without content is no text.
func EncodeChapter(p *Plan, c Chapter) []byte {
	var part Plan // what else there is takes time to write
	keys := fieldsOf(reflect.TypeFor[Plan]())
	for _, field := range c.Fields {
		reflect.ValueOf(&part).Elem().Field(keys[field]).Set(reflect.ValueOf(p).Elem().Field(keys[field]))
	}
	if c.Level != holdfast.Unknown {
		part.Procedures = nil
		for _, pr := range p.Procedures {
			if pr.Level == c.Level {
				part.Procedures = append(part.Procedures, pr)
			}
		}
	}
	text, err := dump(&part)
	if err != nil {
		panic("plan: a plan cannot be written: " + err.Error()) // it is plain data
	}
	var doc yaml.Node
	if err := yaml.Load(text, &doc); err != nil {
		panic("plan: a plan's text cannot be read: " + err.Error())
	}
	return pick(doc.Content[0], c)
}

func dump(in any) ([]byte, error) { return yaml.Dump(in, yaml.WithIndent(2), yaml.WithLineWidth(-1)) }

// pick writes the keys of a chapter that a mapping has, with their comments.
func pick(mapping *yaml.Node, c Chapter) []byte {
	part := yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, field := range c.Fields {
		for i := 0; i+1 < len(mapping.Content); i += 2 {
			key, value := mapping.Content[i], mapping.Content[i+1]
			if key.Value != field {
				continue
			}
			if c.Level != holdfast.Unknown {
				value = ofLevel(value, c.Level)
			}
			if !blank(value) {
				part.Content = append(part.Content, key, value)
			}
		}
	}
	if len(part.Content) == 0 {
		return nil
	}
	text, err := dump(&part)
	if err != nil {
		panic("plan: a chapter cannot be written: " + err.Error())
	}
	return text
}

// blank reports whether a value says nothing.
func blank(n *yaml.Node) bool {
	return isNull(n) || n.Kind == yaml.ScalarNode && n.Value == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0
}

// ofLevel returns the entries of procedures that have a level.
func ofLevel(list *yaml.Node, l holdfast.Level) *yaml.Node {
	some := *list
	some.Content = nil
	for _, entry := range list.Content {
		for i := 0; i+1 < len(entry.Content); i += 2 {
			if entry.Content[i].Value == "level" && entry.Content[i+1].Value == l.String() {
				some.Content = append(some.Content, entry)
			}
		}
	}
	return &some
}

// Split takes a text apart into its chapters, each in its canonical form with
// its comments; a chapter that the text leaves out has no entry. It refuses a
// text that is no YAML, or holds what a plan cannot: then nothing is returned but
// the faults. What the plan says is not judged.
func Split(src []byte) (map[string][]byte, Faults) {
	_, r := read(src)
	if len(r.faults) > 0 {
		r.faults.sort()
		return nil, r.faults
	}
	var doc yaml.Node
	if err := yaml.Load(src, &doc); err != nil {
		r.syntax(err)
		return nil, r.faults
	}
	chapters := map[string][]byte{}
	for _, c := range Chapters {
		if text := pick(doc.Content[0], c); text != nil {
			chapters[c.Key] = text
		}
	}
	return chapters, nil
}

// FormatChapter returns the text of one chapter in its canonical form. A key that
// belongs to another chapter is a fault.
func FormatChapter(key string, src []byte) ([]byte, Faults) {
	c, known := ChapterOf(key)
	if !known {
		return nil, Faults{{Rule: "P004", Error: holdfast.Errorf(holdfast.NotFound, "a plan has no chapter %q", key)}}
	}
	if len(bytes.TrimSpace(src)) == 0 {
		return nil, nil
	}
	chapters, faults := Split(src)
	if len(faults) > 0 {
		return nil, faults
	}
	for other := range chapters {
		if other != key {
			return nil, Faults{{Line: 1, Column: 1, Rule: "P004", Error: holdfast.Errorf(holdfast.Invalid, "this text has keys of the chapter %q; the chapter %q holds %s only", other, key, strings.Join(c.Fields, ", "))}}
		}
	}
	return chapters[key], nil
}

// Join puts the texts of chapters together in the order of the file. Joining what
// Split gave, and splitting again, gives the same chapters.
func Join(chapters map[string][]byte) []byte {
	var b bytes.Buffer
	for _, c := range Chapters {
		b.Write(chapters[c.Key])
	}
	return joinProcedures(b.Bytes())
}

// joinProcedures makes one list of the procedures that stand in chapters of
// their own: of several lines "procedures:" only the first stays.
func joinProcedures(text []byte) []byte {
	head := []byte(procedureHead)
	first := true
	var b bytes.Buffer
	for line := range bytes.Lines(text) {
		if bytes.Equal(line, head) {
			if !first {
				continue
			}
			first = false
		}
		b.Write(line)
	}
	return b.Bytes()
}

const procedureHead = "procedures:\n"
