package settlement

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

func mapping() Mapping {
	return Mapping{
		Name: "core-bank", Identity: []string{"Order"}, Amount: "amount", Unit: Decimal, Thousands: ",", Currency: "ccy",
		Status: "status", Done: []string{"OK", "成功"}, NotDone: []string{"FAIL"}, Ignored: []string{"void"}, Zone: "Asia/Shanghai",
	}
}

// read says what a file gives in few words: identity, amount, currency, + or -; and the refused lines.
func read(t *testing.T, text string, m Mapping) string {
	t.Helper()
	r, err := Decode([]byte(text), m)
	if err != nil {
		return "error: " + string(holdfast.CodeOf(err)) + " " + strings.SplitN(err.Error(), ":", 2)[0]
	}
	var out []string
	for i, row := range r.Rows {
		sign := "-"
		if row.Done {
			sign = "+"
		}
		if row.N != i+1 {
			t.Errorf("row %d has the number %d", i+1, row.N)
		}
		out = append(out, fmt.Sprintf("%s %s%d %s", row.Identity, sign, row.Amount, row.Currency))
	}
	for _, f := range r.Refusals {
		out = append(out, fmt.Sprintf("!%d", f.Line))
	}
	if r.Ignored+r.Repeated > 0 {
		out = append(out, fmt.Sprintf("ignored %d repeated %d", r.Ignored, r.Repeated))
	}
	return strings.Join(out, "; ")
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const head = "order,amount,ccy,status\n"
	for _, test := range []struct{ name, text, want string }{
		{"plain", head + "k1,12.34,CNY,OK\nk2,1,cny,fail\n", "k1 +1234 CNY; k2 -100 CNY"},
		{"a mark, CRLF, cells in quotes", "\uFEFF\"Order\",Amount,ccy,status\r\n\"k,1\",\"1,234.50\",CNY,成功\r\n\r\n", "k,1 +123450 CNY"},
		{"semicolons", "order;amount;ccy;status\nk1;12.34;CNY;OK\n", "k1 +1234 CNY"},
		{"tabs", "order\tamount\tccy\tstatus\nk1\t12.34\tCNY\tOK\n", "k1 +1234 CNY"},
		{"no decimals in yen", head + "k1,\"1,299\",JPY,OK\nk2,1.5,JPY,OK\nk3,7.00,JPY,OK\n", "k1 +1299 JPY; k3 +7 JPY; !3"},
		{"signs do not count", head + "k1,-5.00,CNY,OK\nk2,+5.00,CNY,OK\n", "k1 +500 CNY; k2 +500 CNY"},
		{"zero", head + "k1,0.00,CNY,OK\n", "k1 +0 CNY"},
		{"amounts that are none", head + "k1,12.345,CNY,OK\nk2,\"1,23.00\",CNY,OK\nk3,,CNY,OK\nk4,1e3,CNY,OK\nk5,12.,CNY,OK\nk6,.5,CNY,OK\nk7,99999999999999999,CNY,OK\n", "!2; !3; !4; !5; !6; !7; !8"},
		{"a status that nobody explained", head + "k1,1,CNY,DONE?\nk2,1,CNY,VOID\n", "!2; ignored 1 repeated 0"},
		{"too few cells, no identity, no currency", head + "k1,1,CNY\n,1,CNY,OK\nk2,1,RMB?,OK\n", "!2; !3; !4"},
		{"attempts of one payment: done counts", head + "k1,1,CNY,FAIL\nk1,1,CNY,OK\nk2,1,CNY,OK\nk2,1,CNY,FAIL\n", "k1 +100 CNY; k2 +100 CNY; ignored 0 repeated 2"},
		{"done twice", head + "k1,1,CNY,OK\nk1,1,CNY,OK\n", "k1 +100 CNY; !3"},
		{"a quote that does not end", head + "k1,1,CNY,OK\n\"k2,1,CNY,OK\n", "k1 +100 CNY; !3"},
		{"no such column", "order,amount,status\nk1,1,OK\n", `error: invalid the file has no column "ccy"; its first line is`},
		{"a column twice", "order,amount,ccy,status,AMOUNT\n", `error: invalid the file has the column "amount" twice`},
		{"empty", "", "error: invalid the file is empty"},
		{"GBK", head + "k1,1,CNY,\xb3\xc9\xb9\xa6\n", "error: invalid the file is not UTF-8; it may be GBK or Big5"},
		{"UTF-16", "\xff\xfeo\x00", "error: invalid the file is in UTF-16"},
		{"a spreadsheet", "PK\x03\x04\x00\x00", "error: invalid the file holds bytes that are no text"},
	} {
		if got := read(t, test.text, mapping()); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
	two := mapping()
	two.Identity, two.Join, two.Unit, two.Thousands, two.Currency, two.CurrencyIs, two.Status, two.Done, two.NotDone, two.Ignored = []string{"client", "key"}, "/", Minor, "", "", "CNY", "", nil, nil, nil
	if got := read(t, "key,client,amount\nk1,app,1234\nk2,app,12.3\n", two); got != "app/k1 +1234 CNY; !3" {
		t.Error(got)
	}
	comma := mapping()
	comma.Thousands, comma.Decimal = ".", ","
	if got := read(t, "order;amount;ccy;status\nk1;1.234,5;EUR;OK\n", comma); got != "k1 +123450 EUR" {
		t.Error(got)
	}
}

func TestMappingCheck(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*Mapping){
		"name":        func(m *Mapping) { m.Name = "Core Bank" },
		"separator":   func(m *Mapping) { m.Separator = "|" },
		"identity":    func(m *Mapping) { m.Identity = nil },
		"amount":      func(m *Mapping) { m.Amount = "" },
		"unit":        func(m *Mapping) { m.Unit = "yuan" },
		"thousands":   func(m *Mapping) { m.Thousands = "." },
		"currency":    func(m *Mapping) { m.CurrencyIs = "CNY" },
		"currency_is": func(m *Mapping) { m.Currency, m.CurrencyIs = "", "rmb" },
		"status":      func(m *Mapping) { m.NotDone = []string{"ok"} },
		"zone":        func(m *Mapping) { m.Zone = "Local" },
		"day_begins":  func(m *Mapping) { m.DayBegins = "25:00" },
	} {
		m := mapping()
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(&m)
		if err := m.Check(); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	m := mapping()
	for _, test := range []struct{ begins, from, until string }{
		{"", "2026-11-25T16:00:00Z", "2026-11-26T16:00:00Z"},
		{"23:00", "2026-11-25T15:00:00Z", "2026-11-26T15:00:00Z"},
		{"01:30", "2026-11-25T17:30:00Z", "2026-11-26T17:30:00Z"},
	} {
		m.DayBegins = test.begins
		from, until, err := m.Span("2026-11-26")
		if err != nil || from.Format(time.RFC3339) != test.from || until.Format(time.RFC3339) != test.until {
			t.Errorf("%q: %s to %s, %v", test.begins, from, until, err)
		}
	}
	if _, _, err := m.Span("26.11.2026"); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("order,amount,ccy,status\nk1,12.34,CNY,OK\n"))
	f.Add([]byte("\uFEFForder;amount;ccy;status\r\n\"k\n1\";1,234.5;JPY;FAIL\r\n"))
	f.Add([]byte("order\tamount\tccy\tstatus\n\"k1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		r, err := Decode(content, mapping())
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for i, row := range r.Rows {
			if row.N != i+1 || row.Identity == "" || len(row.Identity) > payment.MaxIdentity || row.Amount < 0 || row.Amount > payment.MaxAmount || len(row.Currency) != 3 || seen[row.Identity] {
				t.Fatalf("row %+v", row)
			}
			seen[row.Identity] = true
		}
		if len(r.Lines) != len(r.Rows) || r.Refused < len(r.Refusals) {
			t.Fatalf("%d lines of %d rows, %d of %d refusals", len(r.Lines), len(r.Rows), len(r.Refusals), r.Refused)
		}
	})
}
