package roster

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestQuietEnds(t *testing.T) {
	t.Parallel()
	night, noon := Quiet{"22:00", "07:00", "Asia/Taipei"}, Quiet{"12:00", "13:30", "Europe/Berlin"}
	spring := Quiet{"22:00", "02:30", "Europe/Berlin"} // 02:00 to 03:00 is skipped on 2026-03-29
	for _, tt := range []struct {
		q        Quiet
		at, want string // in UTC; "" for not quiet
	}{
		{night, "2026-11-24T13:59:59Z", ""}, {night, "2026-11-24T14:00:00Z", "2026-11-24T23:00:00Z"}, {night, "2026-11-24T17:00:00Z", "2026-11-24T23:00:00Z"},
		{night, "2026-11-24T22:59:59Z", "2026-11-24T23:00:00Z"}, {night, "2026-11-24T23:00:00Z", ""}, {night, "2026-11-30T20:00:00Z", "2026-11-30T23:00:00Z"},
		{noon, "2026-07-01T10:30:00Z", "2026-07-01T11:30:00Z"}, {noon, "2026-07-01T11:30:00Z", ""}, {noon, "2026-12-01T11:30:00Z", "2026-12-01T12:30:00Z"},
		{spring, "2026-03-28T23:00:00Z", "2026-03-29T01:00:00Z"}, {spring, "2026-03-29T01:00:00Z", ""},
		{Quiet{}, "2026-11-24T17:00:00Z", ""}, {Quiet{"22:00", "07:00", "Nowhere"}, "2026-11-24T17:00:00Z", ""},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if end := tt.q.Ends(at); !end.IsZero() {
			got = end.UTC().Format(time.RFC3339)
		}
		if got != tt.want {
			t.Errorf("%s at %s: until %q, want %q", tt.q, tt.at, got, tt.want)
		}
	}
}

// Quiet hours always end, within a day and an hour, and at their end they are over.
func TestQuietHoursEnd(t *testing.T) {
	t.Parallel()
	clock := rapid.Custom(func(t *rapid.T) string {
		return time.Date(2026, 1, 1, rapid.IntRange(0, 23).Draw(t, "h"), rapid.IntRange(0, 59).Draw(t, "m"), 0, 0, time.UTC).Format(clockLayout)
	})
	rapid.Check(t, func(t *rapid.T) {
		q := Quiet{clock.Draw(t, "from"), clock.Draw(t, "until"), rapid.SampledFrom([]string{"Asia/Taipei", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"}).Draw(t, "zone")}
		if len(q.check()) > 0 {
			return
		}
		at := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(t, "at"), 0)
		end := q.Ends(at)
		if end.IsZero() {
			return
		}
		if !end.After(at) || end.Sub(at) > 25*time.Hour {
			t.Fatalf("%s at %s: until %s", q, at, end)
		}
		if again := q.Ends(end); !again.IsZero() {
			t.Fatalf("%s: at its end %s it is quiet until %s", q, end, again)
		}
		if quietOf(q.String()) != q {
			t.Fatalf("%s is read as %+v", q, quietOf(q.String()))
		}
	})
}

func TestChannelAddresses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		channel Channel
		address string
		good    bool
	}{
		{SMS, "+886 912 345 678", true}, {SMS, "mei@example.com", false}, {Voice, "13800000101", true}, {Voice, "", false},
		{DingTalk, "emergency", true}, {DingTalk, "emergency/13800000101", true}, {WeCom, "ops/all", true}, {Feishu, "ops/ou_18eac85d35a26f98", true}, {Slack, "ops/U024BE7LH", true},
		{Slack, "https://hooks.slack.com/services/T/B/X", false}, {Feishu, `ops/"></at>`, false}, {DingTalk, "Ops", false}, {WeCom, "ops/", false}, {WeCom, "", false}, {"pager", "1", false},
	} {
		if e := CheckAddress(tt.channel, tt.address); (e == nil) != tt.good {
			t.Errorf("%s %q: %v", tt.channel, tt.address, e)
		}
	}
}

// An address of a party is one however it is written, and over whichever channel.
func TestOutside(t *testing.T) {
	t.Parallel()
	b := NewBook()
	b.parties["bank"] = Party{ID: "bank", Contacts: []Contact{{Channel: Phone, Address: "+886 2 5550-0199"}, {Channel: SMTP, Address: "Duty@bank.example"}, {Channel: Slack, Address: "bank"}, {Channel: Webhook, Address: "https://Bank.example/x"}}}
	for _, tt := range []struct {
		channel Channel
		address string
		want    bool
	}{
		{SMS, "886255500199", true}, {Voice, "+886255500199", true}, {SMS, "+886 2 5550 0198", false}, {SMTP, "duty@BANK.example", true}, {SMTP, "mei@bank.example", false},
		{Slack, "bank/U1", true}, {WeCom, "bank", false}, {Webhook, "https://bank.example/x", true}, {Webhook, "https://bank.example/X", false},
	} {
		if got := b.Outside(tt.channel, tt.address); got != tt.want {
			t.Errorf("%s %s: %t", tt.channel, tt.address, got)
		}
	}
}
