package roster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
)

const good = `format: holdfast-people/1
people:
  - id: mei
    name: 梅
    department: technology
    roles: [duty-officer, commander]
    lang: zh-Hant
    account: mei
    contacts:
      - {channel: smtp, address: mei@example.com, verified: 2026-10-01}
      - {channel: webhook, address: "https://im.example.com/hook/7?x=1"}
      - {channel: phone, address: "+886 2 5550-0101"}
  - id: lin
    name: 林
    roles: [commander]
    account: lin
`

func TestDecodePeople(t *testing.T) {
	people, err := DecodePeople("people.yaml", []byte(good))
	if err != nil {
		t.Fatal(err)
	}
	if len(people) != 2 || !people[0].equal(mei()) || !people[1].equal(lin()) {
		t.Errorf("read %+v", people)
	}
	if v := people[0].Contacts[0].Verified; v.Format(time.RFC3339) != "2026-10-01T00:00:00Z" {
		t.Errorf("verified %v", v)
	}
}

func TestDecodePeopleRefuses(t *testing.T) {
	const head = "format: holdfast-people/1\npeople:\n"
	tests := []struct {
		name, src string
		want      []string // place and a part of the text of each fault
	}{
		{"empty", "", []string{"0:0: no documents"}},
		{"two documents", head + "---\n" + head, []string{"0:0: expected single document"}},
		{"not YAML", "people: [", []string{"2:1: did not find"}},
		{"not a mapping", "- a\n", []string{"1:1: "}},
		{"no format", "people: []\n", []string{"1:1: write \"holdfast-people/1\""}},
		{"another format", "format: holdfast-people/2\n", []string{"1:9: write"}},
		{"unknown key", "format: holdfast-people/1\nperson: []\n", []string{`2:1: there is no key "person"`}},
		{"key twice", head + "  - id: a\n    id: b\n    name: A\n", []string{"4:5: already defined"}},
		{
			"all faults, in order", head + `  - id: A
    name: A
    rolez: []
  - id: b
    name: 7
    roles: x
    contacts: [{channel: smtp, address: b}]
  - id: c
    contacts:
      - {channel: fax, address: "7"}
      - channel: smtp
        address: c at example.com
  - id: c
    name: C
    lang: fr
`,
			[]string{
				`5:5: there is no key "rolez"`, "8:12: write a list of texts",
				"10:5: needs a name", "12:19: no channel", `14:18: not a mail address`,
				"15:9: twice", "17:11: language",
			},
		},
		{"verified is no day", head + "  - {id: a, name: A, contacts: [{channel: phone, address: '110', verified: soon}]}\n", []string{"3:76: as 2026-10-01"}},
		{"account shared", head + "  - {id: a, name: A, account: x}\n  - {id: b, name: B, account: x}\n", []string{`4:31: is "a"'s`}},
		{"too many people", head + strings.Repeat("  - {id: a, name: A}\n", MaxPeople+1), []string{"0:0: 1000 is the limit"}},
		{"too large", strings.Repeat(" ", MaxFile+1), []string{"0:0: is the limit"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			people, err := DecodePeople("p.yaml", []byte(tt.src))
			var faults Faults
			if !errors.As(err, &faults) || people != nil {
				t.Fatalf("read %d people, %v", len(people), err)
			}
			if len(faults) != len(tt.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(faults), len(tt.want), err)
			}
			for i, line := range strings.Split(err.Error(), "\n") {
				place, text, _ := strings.Cut(tt.want[i], ": ")
				if !strings.HasPrefix(line, "p.yaml:"+place+": ") || !strings.Contains(line, text) {
					t.Errorf("fault %d is %q, want it at %s with %q", i, line, place, text)
				}
				if strings.Contains(line, "roster.") || strings.Contains(line, "!!") {
					t.Errorf("fault %d speaks Go or YAML: %q", i, line)
				}
			}
		})
	}
}

func TestFaultsHaveACodeAndAField(t *testing.T) {
	_, err := DecodePeople("p.yaml", []byte("format: holdfast-people/1\npeople: [{id: a}]\n"))
	wantCode(t, fmt.Errorf("import people: %w", err), holdfast.Invalid)
	if got := fields(err); got != "people[0].name" {
		t.Errorf("fields %q", got)
	}
	_, err = DecodePeople("p.yaml", make([]byte, MaxFile+1))
	wantCode(t, err, holdfast.TooLarge)
}

func FuzzDecodePeople(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("format: holdfast-people/1\npeople: [{id: a, name: &x A}, *x]\n"))
	f.Add([]byte("people: {a: [}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		people, err := DecodePeople("f", src)
		if err != nil {
			if err.Error() == "" || holdfast.CodeOf(err) == holdfast.Internal {
				t.Errorf("error without words or code: %v", err)
			}
			return
		}
		for _, p := range people {
			if faults := check(p); len(faults) > 0 {
				t.Errorf("%+v was read; it has faults %v", p, faults)
			}
		}
	})
}
