package debrief

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
)

// The report has sums, each payment, and what people said; it says what it leaves out.
func TestOutcomesInTheReport(t *testing.T) {
	t.Parallel()
	o := &Outcomes{
		Open: 4, Primary: 3, Person: 1, AtLeast: true, Left: 1203, ResolutionsLeft: 7,
		Payments: []UnknownPayment{
			{Identity: "app/k", Gate: "east", Amount: 900, Currency: "CNY", Sent: now, Stage: "file", Outcome: payment.Unknown},
			{Identity: "app/l", Gate: "east", Sent: now, Outcome: payment.Done, By: ByPerson, Settled: now},
		},
		Resolutions: []Resolved{{Identity: "app/l", Outcome: payment.Done, Reason: "asked the bank", Evidence: "ticket 7", State: "overtaken", By: "Mei", At: now, Second: "Bo", Answered: now, Contradicted: true}},
	}
	text := ""
	for _, b := range o.blocks(Edition{Words: locale.For(holdfast.En), Zone: time.UTC}) {
		text += fmt.Sprintln(b.Text)
		for _, row := range b.Rows {
			text += strings.ReplaceAll(strings.Join(row, " | "), "\n", " / ") + "\n"
		}
	}
	text = strings.ReplaceAll(text, "\u00a0", " ")
	for _, want := range []string{
		"Number\nStill unknown | 4\nTold by the primary | at least 3\nTold by the settlement file | at least 0\nSaid by a person | at least 1\n",
		"app/k / east | CNY 9.00 | ", " | Unknown / Waits for the settlement file\n", "app/l / east | not known | ", " | Done / Said by a person · ",
		"leaves out 1,203 more;", "app/l / not known | Done / Overtaken by another answer / Another answer contradicts this: somebody has to look into it. | Mei · ", " / → Bo · ", " | asked the bank (evidence: ticket 7)\n", "said of 7 more;",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	if (*Outcomes)(nil).blocks(Edition{}) != nil {
		t.Error("figures of before have it")
	}
}
