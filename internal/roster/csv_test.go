package roster

import (
	"encoding/csv"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

const sheet = "\uFEFFid,Name,roles,account,deputies,channel 1,address 1,verified 1,channel 2,address 2\r\n" +
	"mei,梅,duty-officer commander,mei,lin/commander zhao,phone,'+886 2 5550-0101,2026-10-01,smtp,mei@example.com\r\n" +
	",,,,,,,,,\r\n" +
	"lin,林,commander,,,webhook,https://im.example.com/7,2026/9/3\r\n"

func TestDecodePeopleCSV(t *testing.T) {
	t.Parallel()
	people, err := DecodePeopleCSV("p.csv", []byte(sheet))
	if err != nil {
		t.Fatal(err)
	}
	want := []Person{
		{
			ID: "mei", Name: "梅", Roles: []string{"duty-officer", "commander"}, Account: "mei",
			Deputies: []Deputy{{Person: "lin", Role: "commander"}, {Person: "zhao"}},
			Contacts: []Contact{
				{Channel: Phone, Address: "+886 2 5550-0101", Verified: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)},
				{Channel: SMTP, Address: "mei@example.com"},
			},
		},
		{
			ID: "lin", Name: "林", Roles: []string{"commander"},
			Contacts: []Contact{{Channel: Webhook, Address: "https://im.example.com/7", Verified: time.Date(2026, 9, 3, 0, 0, 0, 0, time.UTC)}},
		},
	}
	if len(people) != len(want) {
		t.Fatalf("read %+v", people)
	}
	for i := range want {
		if !people[i].equal(want[i]) {
			t.Errorf("read %+v, want %+v", people[i], want[i])
		}
	}
}

func TestDecodePeopleCSVRefuses(t *testing.T) {
	t.Parallel()
	const head = "id,name,roles,channel 1,address 1,verified 1\n"
	tests := []struct {
		name, src string
		want      []string // place and a part of the text of each fault
	}{
		{"empty", "", []string{"1:1: no row with the names"}},
		{"unknown column", "id,name,role\n", []string{`1:9: there is no column "role"`}},
		{"column twice", "id,name,id\n", []string{`1:9: there is no column "id"`}},
		{"no name", "id,roles\n", []string{`1:1: the column "name" is missing`}},
		{"another encoding", "id,name\nmei,\xb1\xf6\n", []string{"0:0: not in UTF-8"}},
		{
			"all faults, in order and in characters", head +
				"Mei,梅,x x,fax,1,soon\n" +
				"lin,,,smtp,lin at example.com,\n" +
				"lin,林林,,phone,110,,surplus\n",
			[]string{"2:1: \"Mei\" cannot be used", "2:7: role \"x\" stands here twice", "2:11: no channel \"fax\"", "2:17: not a day", "3:5: needs a name", "3:12: not a mail address", "4:1: twice", "4:20: in no column"},
		},
		{"quotation mark", head + "mei,\"梅,,,,\n", []string{"2:11: cannot be read as CSV"}},
		{"quotation mark far above", head + "mei,\"梅,,,,\nlin,林,,,,\n", []string{"2:1: cannot be read as CSV"}},
		{"too many", head + strings.Repeat("a,A,,,,\n", MaxPeople+1), []string{"0:0: is the limit"}},
		{"too large", strings.Repeat(" ", MaxFile+1), []string{"0:0: is the limit"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			people, err := DecodePeopleCSV("p.csv", []byte(tt.src))
			var faults Faults
			if !errors.As(err, &faults) || people != nil {
				t.Fatalf("read %d people, %v", len(people), err)
			}
			if len(faults) != len(tt.want) {
				t.Fatalf("%d faults, want %d:\n%v", len(faults), len(tt.want), err)
			}
			for i, line := range strings.Split(err.Error(), "\n") {
				place, text, _ := strings.Cut(tt.want[i], ": ")
				if !strings.HasPrefix(line, "p.csv:"+place+": ") || !strings.Contains(line, text) {
					t.Errorf("fault %d is %q, want it at %s with %q", i, line, place, text)
				}
			}
		})
	}
}

// A spreadsheet finds no formula in an export, whatever the names are.
func TestExportHoldsNoFormula(t *testing.T) {
	t.Parallel()
	p := Person{ID: "x", Name: `=HYPERLINK("http://evil.example/","x")`, Contacts: []Contact{{Label: "@SUM(A1)", Channel: Phone, Address: "+886 2 5550 0101"}, {Label: "'=1", Channel: Phone, Address: "110"}}}
	out := EncodePeopleCSV([]Person{p})
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(out), byteOrderMark))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r\n") {
				t.Errorf("a spreadsheet runs %q", cell)
			}
		}
	}
	back, err := DecodePeopleCSV("x", out)
	if err != nil || len(back) != 1 || !back[0].equal(p) {
		t.Errorf("came back as %+v, %v", back, err)
	}
}

func personGen() *rapid.Generator[Person] {
	return rapid.Custom(func(t *rapid.T) Person {
		name := rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,5}`)
		p := Person{
			ID: name.Draw(t, "id"), Name: rapid.StringMatching(`['=+@-]?[a-z梅"',;]([a-z梅 "',;]{0,5}[a-z梅"])?`).Draw(t, "name"),
			Names:   holdfast.Text{En: rapid.StringMatching(`[=+]?[a-z]{0,5}`).Draw(t, "names")},
			Lang:    rapid.SampledFrom([]holdfast.Lang{"", holdfast.ZhHant, holdfast.En}).Draw(t, "lang"),
			Account: rapid.SampledFrom([]string{"", "a"}).Draw(t, "account"),
			Roles:   rapid.SliceOfNDistinct(name, 0, 3, rapid.ID).Draw(t, "roles"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "contacts") {
			c := Contact{Channel: Phone, Address: rapid.StringMatching(`\+?[0-9]{3,15}`).Draw(t, "address"), Label: rapid.StringMatching(`[=@+'梅]?[a-z]?`).Draw(t, "label")}
			c.Verified = rapid.SampledFrom([]time.Time{{}, now, now.Truncate(24 * time.Hour)}).Draw(t, "verified")
			p.Contacts = append(p.Contacts, c)
		}
		for _, d := range rapid.SliceOfNDistinct(name, 0, 2, rapid.ID).Draw(t, "deputies") {
			p.Deputies = append(p.Deputies, Deputy{Person: d})
		}
		return p
	})
}

// What is written is read back, in both formats.
func TestEncodedPeopleAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := personGen().Draw(t, "person")
		if len(check(p)) > 0 {
			t.Skip()
		}
		for format, out := range map[string]func() ([]Person, error){
			"CSV":  func() ([]Person, error) { return DecodePeopleCSV("x", EncodePeopleCSV([]Person{p})) },
			"YAML": func() ([]Person, error) { return DecodePeople("x", EncodePeople([]Person{p})) },
		} {
			back, err := out()
			if err != nil || len(back) != 1 || !back[0].equal(p) {
				t.Fatalf("%s: %+v came back as %+v, %v", format, p, back, err)
			}
		}
	})
}

func FuzzDecodePeopleCSV(f *testing.F) {
	f.Add([]byte(sheet))
	f.Add([]byte("id,name\n\"a\nb\",c\n"))
	f.Add([]byte("id,name,channel 1\n'=x,''y,\"\"\"\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		people, err := DecodePeopleCSV("f", src)
		if err != nil {
			if err.Error() == "" || holdfast.CodeOf(err) == holdfast.Internal {
				t.Errorf("error without words or code: %v", err)
			}
			return
		}
		back, err := DecodePeopleCSV("f", EncodePeopleCSV(people))
		if err != nil {
			t.Fatalf("%+v was read, and not again: %v", people, err)
		}
		for i, p := range people {
			if faults := check(p); len(faults) > 0 || !back[i].equal(p) && !reflect.DeepEqual(back[i], p) {
				t.Errorf("%+v was read; it has faults %v and came back as %+v", p, faults, back[i])
			}
		}
	})
}

func FuzzDecodePartiesCSV(f *testing.F) {
	f.Add([]byte("id,name,kind,channel 1,address 1\nbank,Bank,bank,phone,'+886 2 5550 0101\n"))
	f.Add([]byte("id,name\n\"a\nb\",c\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		parties, err := DecodePartiesCSV("f", src)
		if err != nil {
			if err.Error() == "" || holdfast.CodeOf(err) == holdfast.Internal {
				t.Errorf("error without words or code: %v", err)
			}
			return
		}
		back, err := DecodePartiesCSV("f", EncodePartiesCSV(parties))
		if err != nil || len(back) != len(parties) {
			t.Fatalf("%+v was read, and came back as %+v: %v", parties, back, err)
		}
		for i, p := range parties {
			if !reflect.DeepEqual(back[i], p) {
				t.Errorf("%+v came back as %+v", p, back[i])
			}
		}
	})
}
