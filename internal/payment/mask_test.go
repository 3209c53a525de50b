package payment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"no digits", "梅 paid", "梅 paid"},
		{"eleven digits", "13800138000", "13800138000"},
		{"twelve digits", "123456789012", "123456**9012"},
		{"nineteen digits", "6222021234567890123", "622202*********0123"},
		{"twenty digits are hidden whole", "62220212345678901234", "********************"},
		{"spaces", "card 6222 0212 3456 7890!", "card 6222 02** **** 7890!"},
		{"hyphens", "6222-0212-3456-7890", "6222-02**-****-7890"},
		{"points", "6222.0212.3456.7890", "6222.02**.****.7890"},
		{"two spaces", "6222  0212  3456  7890", "6222  02**  ****  7890"},
		{"spaced dashes", "6222 – 0212 – 3456 – 7890", "6222 – 02** – **** – 7890"},
		{"tab and no-break space", "6222\t0212\u00a034567890", "6222\t02**\u00a0****7890"},
		{"zero-width space", "62220212\u200b34567890", "622202**\u200b****7890"},
		{"full-width digits", "卡號６２２２０２１２３４５６７８９０", "卡號６２２２０２******７８９０"},
		{"two numbers side by side", "6222021234567890 6222021234567890", "**************** ****************"},
		{"two numbers apart", "6222021234567890, 6222021234567890", "622202******7890, 622202******7890"},
		{"in a word", "acct6222021234567890x", "acct622202******7890x"},
		{"an address", "192.168.100.200:8443", "192.168.100.200:8443"},
		{"a time", "2026-11-25 20:09:10.123", "2026-11-25 20:09:10.123"},
		{"lines", "123456\n789012", "123456\n789012"},
		{"a list of amounts", "[100000, 200000, 300000]", "[100000, 200000, 300000]"},
		{"not UTF-8", "\xff6222021234567890\xfe", "\xff622202******7890\xfe"},
		{"separators at the end", "6222021234567890 - ", "622202******7890 - "},
	} {
		if got := Mask(test.in); got != test.want {
			t.Errorf("%s: Mask(%q) = %q, want %q", test.name, test.in, got, test.want)
		}
	}
}

// Every way to print a value gives the masked form, one that a careless caller
// finds by accident too.
func TestSensitiveIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const pan = "6222021234567890"
	value := Sensitive(pan)
	p := Payment{Payer: value, Payee: value}
	encoded, err := json.Marshal([]any{value, &value, p, map[string]Sensitive{"payer": value}})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "payer", value, "payment", p)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "payer", value, "payment", &p)
	printed := []string{string(encoded), log.String(), value.String(), value.GoString()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%10s", "%.3s", "%t"} {
		for _, v := range []any{value, &value, p, &p, []Sensitive{value}, map[Sensitive]Sensitive{value: value}} {
			printed = append(printed, fmt.Sprintf(verb, v))
		}
	}
	hex := fmt.Sprintf("%x", pan)
	for _, text := range printed {
		if strings.Contains(text, pan) || strings.Contains(strings.ToLower(strings.ReplaceAll(text, " ", "")), hex) {
			t.Errorf("printed %s", text)
		}
	}
	if value.Reveal() != pan {
		t.Errorf("Reveal = %q", value.Reveal())
	}
}

// cardLike finds 12 digits that a reader would take for one number, written
// otherwise than Mask is.
var cardLike = regexp.MustCompile(`(?:\p{Nd}[ \t\x{00a0}-]{0,3}){11}\p{Nd}`)

func checkMask(t interface {
	Helper()
	Fatalf(string, ...any)
}, s string) {
	t.Helper()
	got := Mask(s)
	if found := cardLike.FindString(got); found != "" {
		t.Fatalf("Mask(%q) = %q still shows %q", s, got, found)
	}
	if again := Mask(got); again != got {
		t.Fatalf("Mask(%q) = %q, and masked again %q", s, got, again)
	}
	if cardLike.FindString(s) != "" && got == s {
		t.Fatalf("Mask(%q) changed nothing", s)
	}
	if !strings.ContainsAny(s, "0123456789") && len(s) < 12 && got != s {
		t.Fatalf("Mask(%q) = %q", s, got)
	}
}

func TestMaskProperties(t *testing.T) {
	t.Parallel()
	piece := rapid.OneOf(
		rapid.StringMatching(`[0-9]{1,8}`), rapid.StringMatching(`[ \t-]{1,3}`),
		rapid.SampledFrom([]string{"\u00a0", "０１２", "٣", "x", "*", "\n", "\xff", ".", "卡"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		checkMask(t, strings.Join(rapid.SliceOfN(piece, 0, 14).Draw(t, "pieces"), ""))
	})
}

func FuzzMask(f *testing.F) {
	for _, s := range []string{"", "6222 0212 3456 7890", "６２２２０２１２３４５６７８９０", "1\xff2", "62220212345678901234"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkMask(t, s) })
}
