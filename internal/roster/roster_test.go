package roster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
)

var (
	now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	by  = holdfast.Self("test")
)

func newService(t *testing.T) (*Service, *journal.Memory) {
	t.Helper()
	store, book := journal.NewMemory("test"), NewBook()
	state := journal.NewState(store, store.Genesis(), book)
	journaltest.Follow(t, state)
	return New(&journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}, book), store
}

func wantCode(t *testing.T, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}

// fields joins the fields of all errors in a tree.
func fields(err error) string {
	var all []string
	var walk func(error)
	walk = func(err error) {
		switch e := err.(type) {
		case *holdfast.Error:
			all = append(all, e.Field)
		case interface{ Unwrap() []error }:
			for _, e := range e.Unwrap() {
				walk(e)
			}
		case interface{ Unwrap() error }:
			walk(e.Unwrap())
		}
	}
	walk(err)
	return strings.Join(all, " ")
}

func mei() Person {
	return Person{
		ID: "mei", Name: "梅", Department: "technology", Roles: []string{"duty-officer", "commander"},
		Lang: holdfast.ZhHant, Account: "mei",
		Contacts: []Contact{
			{Channel: SMTP, Address: "mei@example.com", Verified: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)},
			{Channel: Webhook, Address: "https://im.example.com/hook/7?x=1"},
			{Channel: Phone, Address: "+886 2 5550-0101"},
		},
	}
}

func lin() Person {
	return Person{ID: "lin", Name: "林", Roles: []string{"commander"}, Account: "lin"}
}

func with(edit func(*Person)) Person { p := mei(); edit(&p); return p }

func TestCheck(t *testing.T) {
	tests := []struct {
		name string
		p    Person
		want string // fields at fault
	}{
		{"good", mei(), ""},
		{"least", Person{ID: "x", Name: "X"}, ""},
		{"nothing", Person{}, "id name"},
		{"bad ids", with(func(p *Person) { p.ID, p.Department, p.Account, p.Roles[1] = "M", "A B", "-x", "" }), "id department account roles[1]"},
		{"long name", with(func(p *Person) { p.Name = strings.Repeat("梅", 65) }), "name"},
		{"longest name", with(func(p *Person) { p.Name = strings.Repeat("梅", 64) }), ""},
		{"two lines", with(func(p *Person) { p.Name = "a\nb" }), "name"},
		{"language", with(func(p *Person) { p.Lang = "fr" }), "lang"},
		{"role twice", with(func(p *Person) { p.Roles[1] = p.Roles[0] }), "roles[1]"},
		{"contact twice", with(func(p *Person) { p.Contacts[1] = p.Contacts[0] }), "contacts[1]"},
		{"no channel", with(func(p *Person) { p.Contacts[0].Channel = "" }), "contacts[0].channel"},
		{"two addresses", with(func(p *Person) { p.Contacts[0].Address, p.Contacts[2].Address = "mei", "none" }), "contacts[0].address contacts[2].address"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs []error
			for _, e := range check(tt.p) {
				errs = append(errs, e)
			}
			if got := fields(errors.Join(errs...)); got != tt.want {
				t.Errorf("fields at fault %q, want %q", got, tt.want)
			}
		})
	}
	for field, p := range map[string]Person{
		"roles":    {ID: "x", Name: "X", Roles: make([]string, maxRoles+1)},
		"contacts": {ID: "x", Name: "X", Contacts: make([]Contact, maxContacts+1)},
	} {
		if first := check(p)[0]; first.Field != field {
			t.Errorf("too many %s: %v", field, first)
		}
	}
}

func TestCheckContact(t *testing.T) {
	tests := []struct {
		channel Channel
		address string
		good    bool
	}{
		{SMTP, "mei@example.com", true},
		{SMTP, "梅@example.com", true},
		{SMTP, "Mei <mei@example.com>", false},
		{SMTP, "<mei@example.com>", false},
		{SMTP, "mei@example.com\r\nBcc: x@example.com", false},
		{SMTP, "mei@example.com, lin@example.com", false},
		{SMTP, "mei", false},
		{SMTP, "", false},
		{Webhook, "https://im.example.com/hook", true},
		{Webhook, "http://10.0.0.7:8080/", true},
		{Webhook, "ftp://im.example.com/", false},
		{Webhook, "https:///hook", false},
		{Webhook, "https://:443/", false},
		{Webhook, "https://user:secret@im.example.com/", false},
		{Webhook, "https://im.example.com/#x", false},
		{Webhook, "im.example.com/hook", false},
		{Phone, "110", true},
		{Phone, "+8613800000000", true},
		{Phone, "+886 2 5550-0101", true},
		{Phone, "12", false},
		{Phone, "1234567890123456", false},
		{Phone, "+1  555 0100", false},
		{Phone, "call me", false},
		{"pager", "110", false},
		{SMTP, strings.Repeat("x", 500) + "@example.com", false},
	}
	for _, tt := range tests {
		if e := CheckAddress(tt.channel, tt.address); (e == nil) != tt.good {
			t.Errorf("%s %q: %v", tt.channel, tt.address, e)
		}
	}
}

func TestRecord(t *testing.T) {
	b := NewBook()
	m := mei()
	b.people["mei"], b.revisions["person/mei"] = m, 3
	tests := []struct {
		name   string
		people []Person
		code   holdfast.Code
		facts  int
		fields string
	}{
		{"new", []Person{lin()}, "", 1, ""},
		{"as it is", []Person{mei()}, "", 0, ""},
		{"changed", []Person{with(func(p *Person) { p.Contacts[0].Verified = now })}, "", 1, ""},
		{"nobody", nil, "", 0, ""},
		{"same id twice", []Person{lin(), lin()}, holdfast.Invalid, 0, "people[1].id people[1].account"},
		{"all faults", []Person{{ID: "x"}, {ID: "y"}}, holdfast.Invalid, 0, "people[0].name people[1].name"},
		{"account of another", []Person{{ID: "lin", Name: "林", Account: "mei"}}, holdfast.Conflict, 0, "people[0].account"},
		{"account handed over", []Person{{ID: "lin", Name: "林", Account: "mei"}, with(func(p *Person) { p.Account = "" })}, "", 2, ""},
		{"verified tomorrow, for some", []Person{with(func(p *Person) { p.Contacts[0].Verified = now.Add(24 * time.Hour) })}, "", 1, ""},
		{"verified later", []Person{with(func(p *Person) { p.Contacts[0].Verified = now.Add(25 * time.Hour) })}, holdfast.Invalid, 0, "people[0].contacts[0].verified"},
		{"too many", make([]Person, MaxPeople+1), holdfast.TooLarge, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drafts, err := record(b, tt.people, now)
			wantCode(t, err, tt.code)
			if len(drafts) != tt.facts {
				t.Errorf("%d facts, want %d", len(drafts), tt.facts)
			}
			if got := fields(err); got != tt.fields {
				t.Errorf("fields at fault %q, want %q", got, tt.fields)
			}
		})
	}
}

func TestHolders(t *testing.T) {
	s, _ := newService(t)
	if err := s.Record(t.Context(), by, mei(), lin()); err != nil {
		t.Fatal(err)
	}
	ids := func(people []Person) string {
		var all []string
		for _, p := range people {
			all = append(all, p.ID)
		}
		return strings.Join(all, " ")
	}
	for role, want := range map[string]string{"commander": "lin mei", "duty-officer": "mei", "none": ""} {
		if got := ids(s.Holders(role)); got != want {
			t.Errorf("%s: %q, want %q", role, got, want)
		}
	}
	if got := ids(s.People()); got != "lin mei" {
		t.Errorf("people %q", got)
	}
}

func TestLeaveAndReturn(t *testing.T) {
	s, store := newService(t)
	if err := s.Record(t.Context(), by, mei()); err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Leave(t.Context(), by, "lin", "moved"), holdfast.NotFound)
	wantCode(t, s.Leave(t.Context(), by, "mei", ""), holdfast.Invalid)
	wantCode(t, s.Leave(t.Context(), by, "mei", "moved to another post"), "")
	_, err := s.Person("mei")
	wantCode(t, err, holdfast.NotFound)
	wantCode(t, s.Leave(t.Context(), by, "mei", "again"), holdfast.NotFound)
	if err := s.Record(t.Context(), by, mei()); err != nil {
		t.Fatal(err)
	}
	p, err := s.Person("mei")
	if err != nil || !p.equal(mei()) {
		t.Errorf("came back as %+v, %v", p, err)
	}
	facts, err := store.Read(t.Context(), 0, 10)
	if err != nil || len(facts) != 3 || facts[1].Kind != "person.left" || facts[2].Revision != 3 {
		t.Errorf("facts %+v, %v", facts, err)
	}
}

func TestReadersShareNothing(t *testing.T) {
	s, _ := newService(t)
	if err := s.Record(t.Context(), by, mei()); err != nil {
		t.Fatal(err)
	}
	p, _ := s.Person("mei")
	p.Roles[0], p.Contacts[0].Address = "x", "x"
	if q := s.People()[0]; !q.equal(mei()) {
		t.Errorf("a reader changed the book: %+v", q)
	}
}

func TestBookRefusesHoles(t *testing.T) {
	b := NewBook()
	wantCode(t, b.Apply(holdfast.Fact{Subject: "person/x", Kind: kindRecorded, Body: []byte(`[]`)}), holdfast.Internal)
	wantCode(t, b.Apply(holdfast.Fact{Subject: "incident/1", Kind: "incident.opened", Body: []byte(`[]`)}), "")
}
