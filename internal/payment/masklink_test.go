package payment

import (
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

func TestMaskLink(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"a ticket of a day", "https://jira.example.com/browse/INC-202611260001", "https://jira.example.com/browse/INC-202611260001"},
		{"with a time", "https://logs.example.com/20261126153000?x=1", "https://logs.example.com/20261126153000?x=1"},
		{"with hyphens", "https://wiki.example.com/2026-11-26-0001", "https://wiki.example.com/2026-11-26-0001"},
		{"no day", "https://jira.example.com/202613260001", "https://jira.example.com/202613**0001"},
		{"another century", "https://jira.example.com/190011260001", "https://jira.example.com/190011**0001"},
		{"a day in other digits", "https://jira.example.com/２０２６１１２６0001", "https://jira.example.com/２０２６１１**0001"},
		{"a card", "https://x.example/6222021234567890", "https://x.example/622202******7890"},
		{"a card like a day", "https://x.example/2026112600011111", "https://x.example/202611******1111"},
		{"Maestro", "https://x.example/501800000009", "https://x.example/501800**0009"},
		{"a day before a card", "https://x.example/20261126-6222021234567890", "https://x.example/********-****************"},
		{"escaped spaces", "https://x.example/?q=6222%200212%203456%207890", "https://x.example/?q=6222%2002**%20****%207890"},
		{"plus", "https://x.example/?q=6222+0212+3456+7890", "https://x.example/?q=6222+02**+****+7890"},
		{"escaped digits", "https://x.example/%36222021234567%389%30", "https://x.example/%362220*******7%389%30"},
		{"escaped wide digits", "https://x.example/622202%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94567890", "https://x.example/622202******7890"},
		{"a broken escape", "https://x.example/%6222021234567890%2", "https://x.example/%622202******7890%2"},
	} {
		if got := MaskLink(test.in); got != test.want {
			t.Errorf("%s: MaskLink(%q) = %q, want %q", test.name, test.in, got, test.want)
		}
	}
}

// However a card number is written into a link, its middle is gone from what the link
// says.
func TestMaskLinkShowsNoCard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		card := rapid.StringMatching(`62[0-9]{14,17}|5018[0-9]{8,15}|4[0-9]{12}|30[0-9]{12}|2221[0-9]{12}`).Draw(t, "card")
		written := ""
		for _, c := range card {
			written += string(c) + rapid.SampledFrom([]string{"", "", "", " ", "-", "\u00a0"}).Draw(t, "between")
		}
		link := "https://x.example/" + rapid.StringMatching(`[a-z]{0,5}`).Draw(t, "path") + url.PathEscape(written)
		if rapid.Bool().Draw(t, "query") {
			link = "https://x.example/?q=" + url.QueryEscape(written)
		}
		checkShown(t, link, MaskLink(link))
	})
}

func checkShown(t *rapid.T, link, got string) {
	meant, _ := unescaped(got)
	for _, shown := range []string{got, meant} {
		if found := cardLike.FindString(shown); found != "" {
			t.Fatalf("MaskLink(%q) = %q still shows %q", link, got, found)
		}
	}
	if got == link {
		t.Fatalf("MaskLink(%q) changed nothing", link)
	}
}

func FuzzMaskLink(f *testing.F) {
	for _, s := range []string{"https://x.example/browse/INC-202611260001", "https://x.example/?q=6222%200212+3456%207890", "%36%", "62220212%EF%BC%9134567890"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := MaskLink(s)
		meant, _ := unescaped(got)
		for _, shown := range []string{got, meant} {
			for _, found := range cardLike.FindAllString(shown, -1) {
				if !dated(found) {
					t.Fatalf("MaskLink(%q) = %q still shows %q", s, got, found)
				}
			}
		}
	})
}
