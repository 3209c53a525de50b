package roster

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/journal"
)

// recorded is the person that the one draft records.
func recorded(t *testing.T, drafts []journal.Draft) (p Person) {
	t.Helper()
	if len(drafts) != 1 {
		t.Fatalf("drafts: %v", drafts)
	}
	if err := json.Unmarshal(drafts[0].Body, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOneContactMoreOrLess(t *testing.T) {
	t.Parallel()
	b := NewBook()
	b.people["mei"] = mei()
	device := Contact{Channel: Push, Address: "d-0123456789abcdef", Label: "phone"}
	drafts, err := addContact(b, "mei", device, now)
	if err != nil {
		t.Fatal(err)
	}
	p := recorded(t, drafts)
	if n := len(p.Contacts); n != 4 || p.Contacts[3] != device || len(b.people["mei"].Contacts) != 3 {
		t.Errorf("%+v", p.Contacts)
	}
	b.people["mei"] = p
	if drafts, err := addContact(b, "mei", device, now); err != nil || len(drafts) != 0 {
		t.Errorf("added again: %v, %v", drafts, err)
	}
	if drafts, err := dropContact(b, "mei", device, now); err != nil || len(recorded(t, drafts).Contacts) != 3 {
		t.Errorf("dropped: %v, %v", drafts, err)
	}
	if drafts, err := dropContact(b, "wu", device, now); err != nil || len(drafts) != 0 {
		t.Errorf("dropped from nobody: %v, %v", drafts, err)
	}
	if _, err := addContact(b, "wu", device, now); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("added to nobody: %v", err)
	}
	for _, address := range []string{"", "d-", "d-0123456789ABCDEF", "https://push.example.org/1", device.Address + "0"} {
		if e := CheckAddress(Push, address); e == nil || !strings.Contains(e.Error(), "Account") {
			t.Errorf("%q: %v", address, e)
		}
	}
}
