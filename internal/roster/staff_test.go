package roster

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

func person(id string) holdfast.Subject { return holdfast.NewSubject("person", id) }

func (s *Service) edited(at holdfast.Subject) (r holdfast.Revision) {
	s.desk.State.View(func() { r = s.book.Edited(at) })
	return r
}

func (s *Service) history(at holdfast.Subject) (list []holdfast.Fact) {
	s.desk.State.View(func() { list = s.book.History(at) })
	return list
}

// The later of two edits from one state is refused and changes nothing; a contact
// that is verified meanwhile overtakes nobody.
func TestSaveOverWhatWasSeen(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	s.must(t, s.Record(ctx, by, lin()))
	s.must(t, s.Save(ctx, by, mei(), 0))
	wantCode(t, s.Save(ctx, by, mei(), 0), holdfast.Conflict)
	base := s.edited(person("mei"))
	s.must(t, s.Reached(ctx, by, person("mei"), Phone, mei().Contacts[2].Address, ""))
	s.must(t, s.Save(ctx, by, with(func(p *Person) { p.Name = "梅一" }), base))
	wantCode(t, s.Save(ctx, by, with(func(p *Person) { p.Name = "梅二" }), base), holdfast.Conflict)
	if p, err := s.Person("mei"); err != nil || p.Name != "梅一" {
		t.Errorf("%+v, %v", p, err)
	}
	err := s.Save(ctx, by, with(func(p *Person) { p.Contacts[1].Address, p.Name = "nowhere", "" }), s.edited(person("mei")))
	if got := fields(err); got != "name contacts[1].address" {
		t.Errorf("the faults are at %q", got)
	}
}

// A former state can be stated anew, of someone who left too, and keeps what was
// verified since.
func TestRestore(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	s.must(t, s.Record(ctx, by, lin(), mei()))
	s.must(t, s.Record(ctx, by, with(func(p *Person) { p.Name, p.Roles = "梅二", []string{"duty"}; p.Deputies = nil })))
	s.must(t, s.Reached(ctx, by, person("mei"), Phone, mei().Contacts[2].Address, ""))
	s.must(t, s.Leave(ctx, by, "mei", "moved"))
	facts := s.history(person("mei"))
	if len(facts) != 4 || facts[0].Kind != kindLeft || facts[3].Kind != kindRecorded {
		t.Fatalf("the history is %+v", facts)
	}
	wantCode(t, s.Restore(ctx, by, person("mei"), 1, 1), holdfast.Conflict)
	base := s.edited(person("mei"))
	wantCode(t, s.Restore(ctx, by, person("mei"), 99, base), holdfast.NotFound)
	wantCode(t, s.Restore(ctx, by, person("mei"), facts[0].Revision, base), holdfast.Invalid)
	s.must(t, s.Restore(ctx, by, person("mei"), 1, base))
	p, err := s.Person("mei")
	if err != nil || p.Name != mei().Name || len(p.Deputies) != len(mei().Deputies) {
		t.Errorf("restored %+v, %v", p, err)
	}
	if diff := Compare(p, with(func(p *Person) { p.Name = "x" })); len(diff) != 1 || diff[0] != (Difference{"name", mei().Name, "x"}) {
		t.Errorf("the differences are %+v", diff)
	}
}

// Who announced a leaving is here until its day, whoever else edits him; then he
// has left within a minute, and is stated so once.
func TestLeaveFromADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, book := journal.NewMemory("test"), NewBook()
		state := journal.NewState(store, store.Genesis(), book)
		s := New(&journal.Desk{Journal: store, State: state, Now: time.Now}, book)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, run := range []func(context.Context) error{
			state.Run, func(ctx context.Context) error { return s.Run(ctx, slog.New(slog.DiscardHandler)) },
			func(ctx context.Context) error { return s.Run(ctx, slog.New(slog.DiscardHandler)) }, // another node
		} {
			wg.Go(func() {
				if err := run(ctx); err != nil {
					t.Errorf("a loop ended: %v", err)
				}
			})
		}
		day := 24 * time.Hour
		s.must(t, s.Record(ctx, by, lin(), with(func(p *Person) { p.Contacts = nil })))
		wantCode(t, s.LeaveFrom(ctx, by, "mei", time.Now().Add(400*day), "moves"), holdfast.Invalid)
		wantCode(t, s.LeaveFrom(ctx, by, "nobody", time.Now().Add(day), "moves"), holdfast.NotFound)
		wantCode(t, s.Stay(ctx, by, "mei"), holdfast.NotFound)
		s.must(t, s.LeaveFrom(ctx, by, "mei", time.Now().Add(day), "moves"))
		s.must(t, s.Stay(ctx, by, "mei"))
		time.Sleep(2 * day)
		if _, err := s.Person("mei"); err != nil {
			t.Fatalf("she stays: %v", err)
		}
		from := time.Now().Add(day)
		s.must(t, s.LeaveFrom(ctx, by, "mei", from, "moves"))
		s.must(t, s.Save(ctx, by, with(func(p *Person) { p.Contacts, p.Name = nil, "梅二" }), s.edited(person("mei"))))
		time.Sleep(day - time.Second)
		if _, err := s.Person("mei"); err != nil {
			t.Fatalf("a second before: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		_, err := s.Person("mei")
		wantCode(t, err, holdfast.NotFound)
		left := 0
		for _, f := range s.history(person("mei")) {
			if f.Kind == kindLeft {
				left++
			}
		}
		if left != 1 {
			t.Errorf("she left %d times", left)
		}
		cancel()
		wg.Wait()
	})
}

const preview2 = "id,name,name en,roles,channel 1,address 1\n" +
	"mei,梅,Mei,duty,phone,110\n" +
	"new.one,新,,duty,phone,111\n" +
	"bad,壞,,duty,phone,call me\n" +
	"lin,林,,,,\n"

// A preview says row by row what would happen; a file with one bad row is not
// imported at all, and no file otherwise than as its preview shows.
func TestPreviewAndImport(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	s.must(t, s.Record(ctx, by, Person{ID: "mei", Name: "梅", Roles: []string{"duty"}, Contacts: []Contact{{Channel: Phone, Address: "110"}}}, Person{ID: "lin", Name: "林"}))
	p, err := s.PreviewPeople(CSV, []byte(preview2))
	if err != nil || len(p.Rows) != 4 || p.Fit() {
		t.Fatalf("%+v, %v", p, err)
	}
	for i, want := range []Row{{Line: 2, ID: "mei", Act: RowChanged}, {Line: 3, ID: "new.one", Act: RowAdded}, {Line: 4, ID: "bad", Act: RowRefused}, {Line: 5, ID: "lin", Act: RowSame}} {
		if got := p.Rows[i]; got.Line != want.Line || got.ID != want.ID || got.Act != want.Act || (len(got.Faults) > 0) != (want.Act == RowRefused) {
			t.Errorf("row %d is %+v", i, got)
		}
	}
	if d := p.Rows[0].Differences; len(d) != 1 || d[0].Field != "names" || d[0].New != "Mei" {
		t.Errorf("mei differs in %+v", d)
	}
	err = s.ImportPeople(ctx, by, CSV, []byte(preview2), "")
	wantCode(t, err, holdfast.Invalid)
	if !strings.Contains(err.Error(), ":4:") || len(s.People()) != 2 {
		t.Errorf("%v, and %d people", err, len(s.People()))
	}
	good := []byte(strings.Replace(preview2, "call me", "112", 1))
	if p, err = s.PreviewPeople(CSV, good); err != nil || !p.Fit() {
		t.Fatalf("%+v, %v", p, err)
	}
	s.must(t, s.Record(ctx, by, Person{ID: "bad", Name: "先到"}))
	wantCode(t, s.ImportPeople(ctx, by, CSV, good, p.Digest()), holdfast.Conflict)
	p, _ = s.PreviewPeople(CSV, good)
	s.must(t, s.ImportPeople(ctx, by, CSV, good, p.Digest()))
	if got, _ := s.Person("mei"); got.NameIn(holdfast.En) != "Mei" || got.NameIn(holdfast.ZhHant) != "梅" || len(s.People()) != 4 {
		t.Errorf("imported %+v", got)
	}
	// What only the roster knows to be wrong is refused with its row too.
	p, _ = s.PreviewPeople("", []byte("format: holdfast-people/1\npeople:\n  - {id: a, name: A}\n  - {id: b, name: B, deputies: [{person: ghost}]}\n"))
	if len(p.Rows) != 2 || p.Rows[0].Act != RowAdded || p.Rows[1].Act != RowRefused || p.Rows[1].Line != 4 {
		t.Errorf("%+v", p.Rows)
	}
	if p, _ = s.PreviewPeople(CSV, []byte("what\n")); len(p.Rows) != 0 || len(p.Faults) == 0 || p.Fit() {
		t.Errorf("a file without a header: %+v", p)
	}
	wantCode(t, s.ImportPeople(ctx, by, "xml", nil, ""), holdfast.Invalid)
	wantCode(t, s.ImportPeople(ctx, by, CSV, []byte("id,name\n"), ""), holdfast.Invalid)
}

// A column that the file does not have changes nothing; an empty cell of one that it
// has empties the field.
func TestImportKeepsWhatTheFileHasNoColumnFor(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	mei := Person{
		ID: "mei", Name: "梅", Names: holdfast.Text{En: "Mei"}, Department: "technology", Roles: []string{"duty"}, Lang: holdfast.En, Account: "mei", Deputies: []Deputy{{Person: "lin", Role: "duty"}},
		Contacts: []Contact{{Label: "desk", Channel: Phone, Address: "110"}, {Label: "home", Channel: Phone, Address: "111"}},
	}
	s.must(t, s.Record(ctx, by, Person{ID: "lin", Name: "林"}, mei))
	bank := Party{ID: "bank", Name: "Bank", Kind: "acquirer", Lang: holdfast.En, Contract: "17", Contacts: mei.Contacts}
	s.must(t, s.RecordParties(ctx, by, bank))
	for _, tt := range []struct {
		csv  string
		want func(*Person)
		kept string
	}{
		{"id,name\nmei,梅\n", func(*Person) {}, "names department roles lang account deputies quiet contacts"},
		{"id,name,account,lang\nmei,梅,,\n", func(p *Person) { p.Account, p.Lang = "", "" }, "names department roles deputies quiet contacts"},
		{"id,name,deputies\nmei,梅,lin/duty\n", func(*Person) {}, "names department roles lang account quiet contacts"},
		{"id,name,channel 1,address 1\nmei,梅,phone,112\n", func(p *Person) { p.Contacts[0] = Contact{Channel: Phone, Address: "112"} }, "names department roles lang account deputies quiet"},
		{"id,name,channel 1,address 1\nmei,梅,phone,111\n", func(p *Person) { p.Contacts = p.Contacts[1:] }, "names department roles lang account deputies quiet"},
	} {
		want := mei.clone()
		tt.want(&want)
		p, err := s.PreviewPeople(CSV, []byte(tt.csv))
		if err != nil || !p.Fit() || strings.Join(p.Kept, " ") != tt.kept {
			t.Errorf("%q: %+v, %v", tt.csv, p, err)
		}
		s.must(t, s.ImportPeople(ctx, by, CSV, []byte(tt.csv), p.Digest()))
		if got, _ := s.Person("mei"); !got.equal(want) {
			t.Errorf("%q: %+v, want %+v", tt.csv, got, want)
		}
		s.must(t, s.Record(ctx, by, mei))
	}
	s.must(t, s.ImportParties(ctx, by, CSV, []byte("id,name\nbank,Bank\n"), ""))
	if got, _ := s.Party("bank"); !got.equal(bank) {
		t.Errorf("%+v", got)
	}
	// Who is new has nothing recorded that could stand in for what is missing.
	if p, err := s.PreviewParties(CSV, []byte("id,name\nshop,Shop\n")); err != nil || p.Fit() {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPartiesInCSV(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	list := []Party{{ID: "bank", Name: "=銀行", Kind: "acquirer", Lang: holdfast.En, Contract: "2026-17, 30 min", Contacts: []Contact{{Label: "hotline", Channel: Phone, Address: "+86 21 5555"}}}}
	s.must(t, s.ImportParties(ctx, by, CSV, EncodePartiesCSV(list), ""))
	if p, err := s.Party("bank"); err != nil || !p.equal(list[0]) {
		t.Errorf("read back %+v, %v", p, err)
	}
	list[0].Contract = "2027-1"
	if p, err := s.PreviewParties(CSV, EncodePartiesCSV(list)); err != nil || len(p.Rows) != 1 || p.Rows[0].Act != RowChanged || p.Rows[0].Differences[0].Field != "contract" {
		t.Errorf("%+v, %v", p, err)
	}
	for _, what := range []string{"people", "parties"} {
		src, err := Template(what)
		if err != nil {
			t.Fatal(err)
		}
		preview := s.PreviewPeople
		if what == "parties" {
			preview = s.PreviewParties
		}
		if p, err := preview(CSV, src); err != nil || !p.Fit() {
			t.Errorf("the template of %s is refused: %+v, %v", what, p, err)
		}
	}
}

func FuzzPreview(f *testing.F) {
	f.Add("csv", preview2)
	f.Add("yaml", "format: holdfast-people/1\npeople: [{id: a, name: A}]\n")
	f.Add("csv", "id,name,kind\nbank,B,other\n")
	f.Fuzz(func(t *testing.T, format, src string) {
		people, err := readPeople(format, []byte(src))
		if err != nil {
			t.Skip()
		}
		parties, _ := readParties(format, []byte(src))
		b := NewBook()
		for _, p := range []Preview{b.previewPeople(people, now), b.previewParties(parties, now)} {
			if p.Fit() != (p.refuse(p.Digest()) == nil) {
				t.Errorf("fit %v, and %v", p.Fit(), p.refuse(p.Digest()))
			}
			for _, r := range p.Rows {
				if (r.Act == RowRefused) != (len(r.Faults) > 0) {
					t.Errorf("%+v", r)
				}
			}
		}
		if p := b.previewPeople(people, now); p.Fit() {
			if _, err := record(b, people.entries, now); err != nil {
				t.Errorf("a fit file is refused: %v", err)
			}
		}
	})
}

// A cover tells what it runs into before it is recorded.
func TestClashes(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	ctx := t.Context()
	one := func(id string, roles ...string) Person { return Person{ID: id, Name: id, Roles: roles} }
	s.must(t, s.Record(ctx, by, one("a", "r"), one("b", "r"), one("c", "r", "y")))
	s.must(t, s.Schedule(ctx, by, daily("UTC", "2026-01-05 09:00", "1d", "a", "b"), Schedule{Role: "y", Zone: "UTC", Start: "2026-01-05 09:00", Rotations: []Rotation{{Shift: "1w", People: []string{"c"}}}}))
	const role = "r"
	from := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	kinds := func(c Cover) string {
		var list []string
		s.desk.State.View(func() {
			for _, k := range s.book.Clashes(role, c) {
				list = append(list, k.Kind)
			}
		})
		return strings.Join(list, " ")
	}
	slots := func() (list []Slot) {
		s.desk.State.View(func() { list = s.book.Slots(role, from, from.Add(24*time.Hour)) })
		return list
	}
	due := slots()[0].Person
	other := map[string]string{"a": "b", "b": "a"}[due]
	c := Cover{Person: other, For: due, From: from, Until: from.Add(24 * time.Hour)}
	if got := kinds(c); got != "" {
		t.Errorf("a plain cover runs into %q", got)
	}
	if got := kinds(Cover{Person: due, For: other, From: from, Until: c.Until}); got != "idle" {
		t.Errorf("covering for who is not due: %q", got)
	}
	if got := kinds(Cover{Person: "c", For: due, From: from, Until: c.Until}); got != "duty" {
		t.Errorf("who is on duty elsewhere: %q", got)
	}
	if _, err := s.Cover(ctx, by, role, c); err != nil {
		t.Fatal(err)
	}
	s.must(t, s.LeaveFrom(ctx, by, other, from.Add(12*time.Hour), "moves"))
	if got := kinds(c); got != "cover leaving idle" {
		t.Errorf("the same again: %q", got)
	}
}

func TestDayOfACalendar(t *testing.T) {
	t.Parallel()
	b := NewBook()
	for text, want := range map[string]Day{
		"2026-10-01": {Holiday: true, Known: true, Name: "国庆节"}, "2026-10-10": {MakeUp: true, Known: true}, "2026-10-11": {Holiday: true, Known: true},
		"2026-10-12": {Known: true}, "2031-01-04": {Holiday: true}, "2031-01-06": {},
	} {
		date, _ := time.Parse(time.DateOnly, text)
		if got := b.Day("cn", date); got != want {
			t.Errorf("%s is %+v, not %+v", text, got, want)
		}
	}
}
