package checker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
)

var (
	start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	now   = start.Add(time.Hour)
)

// run is a small run of the world: what customers know and what happened.
type run struct {
	entries []told.Entry
	effects []truth.Effect
}

// clean makes a run in which all is well: intention n is of 100+n minor units,
// even ones were done, odd ones declined, every second of those after a doubt.
func clean() *run {
	r := &run{}
	for n := range 20 {
		kind, paid := truth.Payment, ""
		if n%5 == 4 {
			kind, paid = truth.Refund, "pay_before"
		}
		i := told.Intention{
			Identity: fmt.Sprintf("c-%02d", n), Kind: kind, Payment: paid, Amount: int64(100 + n), Currency: "CNY",
			Payer: "acct_000001", Payee: "m_001", Channel: "app", Method: "card", Begun: start.Add(time.Duration(n) * time.Second),
		}
		e := told.Entry{Intention: i, State: told.Declined, At: i.Begun.Add(time.Second), Reason: "insufficient-funds"}
		if n%4 == 3 {
			e.DoubtSince = i.Begun.Add(100 * time.Millisecond)
		}
		if n%2 == 0 {
			e.State = told.Done
			e.Answer = told.Answer{ID: "id-" + i.Identity, Amount: i.Amount, Currency: i.Currency, Payer: i.Payer, Payee: i.Payee}
			r.effects = append(r.effects, effectOf(i, uint64(n+1)))
		}
		r.entries = append(r.entries, e)
	}
	return r
}

func effectOf(i told.Intention, seq uint64) truth.Effect {
	return truth.Effect{
		Seq: seq, Kind: i.Kind, ID: "id-" + i.Identity, Payment: i.Payment, Key: i.Identity, Reference: i.Identity, Amount: i.Amount,
		Currency: i.Currency, Payer: i.Payer, Payee: i.Payee, Channel: i.Channel, Method: i.Method, Time: i.Begun.Add(time.Second / 2),
	}
}

func (r *run) check() Report {
	return Check(Input{Entries: slices.Values(r.entries), Effects: slices.Values(r.effects), Now: now})
}

// classes writes which intentions stand in which class of defects.
func classes(r Report) string {
	var found []string
	for name, c := range map[string]Class{"lost": r.Lost, "doubled": r.Doubled, "wrong": r.Wrong, "denied": r.Denied, "owed": r.Owed, "unknown": r.Unknown} {
		for _, i := range c.Items {
			found = append(found, name+" "+i.Identity)
		}
		if c.Count != len(c.Items) {
			found = append(found, name+" miscounted")
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}

func TestACleanRunHasNoFindings(t *testing.T) {
	r := clean().check()
	if got := classes(r); got != "" || !r.Clean() {
		t.Errorf("found %s", got)
	}
	if r.Intentions != 20 || r.Effects != 10 || r.ToldDone != 10 || r.ToldDeclined != 10 || r.Waiting+r.Unclaimed+r.NotJudged != 0 {
		t.Errorf("counts: %+v", r)
	}
	if r.Resolved.Count != 5 || r.LongestDoubt != 900*time.Millisecond {
		t.Errorf("%d resolved, the longest after %v", r.Resolved.Count, r.LongestDoubt)
	}
}

// Each row plants one defect in a clean run; the checker must find exactly it.
// Intention 6 was done (effect 3), 5 declined, 4 is a refund that was done
// (effect 2).
func TestPlantedDefects(t *testing.T) {
	for _, c := range []struct {
		name  string
		plant func(*run)
		want  string
	}{
		{"effect missing", func(r *run) { r.effects = slices.Delete(r.effects, 3, 4) }, "lost c-06"},
		{"effect missing of what was stood in for", func(r *run) {
			r.effects = slices.Delete(r.effects, 3, 4)
			r.entries[6].Answer.StandIn = true
		}, "owed c-06"},
		{"two effects of what was stood in for", func(r *run) {
			r.effects = append(r.effects, r.effects[3])
			r.entries[6].Answer.StandIn = true
		}, "doubled c-06"},
		{"refund missing", func(r *run) { r.effects = slices.Delete(r.effects, 2, 3) }, "lost c-04"},
		{"effect only of the other kind", func(r *run) { r.effects[3].Kind = truth.Refund }, "lost c-06"},
		{"effect under a strange identity", func(r *run) { r.effects[3].Reference = "zzz" }, "lost c-06"},
		{"two effects, one key", func(r *run) { r.effects = append(r.effects, r.effects[3]) }, "doubled c-06"},
		{"two effects, two keys", func(r *run) {
			second := r.effects[3]
			second.Key = "another"
			r.effects = append(r.effects, second)
		}, "doubled c-06"},
		{"two effects, told nothing", func(r *run) {
			r.effects = append(r.effects, r.effects[3])
			r.entries[6].State, r.entries[6].Answer = told.GaveUp, told.Answer{}
		}, "doubled c-06, unknown c-06"},
		{"two effects no customer meant", func(r *run) {
			e := truth.Effect{Seq: 90, Kind: truth.Payment, Key: "probe", Amount: 1}
			r.effects = append(r.effects, e, e)
		}, "doubled probe"},
		{"amount booked", func(r *run) { r.effects[3].Amount++ }, "wrong c-06"},
		{"currency booked", func(r *run) { r.effects[3].Currency = "USD" }, "wrong c-06"},
		{"payer booked", func(r *run) { r.effects[3].Payer = "acct_000002" }, "wrong c-06"},
		{"payee booked", func(r *run) { r.effects[3].Payee = "m_002" }, "wrong c-06"},
		{"another payment refunded", func(r *run) { r.effects[2].Payment = "pay_other" }, "wrong c-04"},
		{"amount told", func(r *run) { r.entries[6].Answer.Amount++ }, "wrong c-06"},
		{"currency told", func(r *run) { r.entries[6].Answer.Currency = "USD" }, "wrong c-06"},
		{"payer told", func(r *run) { r.entries[6].Answer.Payer = "acct_000002" }, "wrong c-06"},
		{"payee told", func(r *run) { r.entries[6].Answer.Payee = "m_002" }, "wrong c-06"},
		{"booked wrong though nobody was told", func(r *run) {
			r.effects[3].Amount++
			r.entries[6].State, r.entries[6].Answer = told.Pending, told.Answer{}
		}, "unknown c-06, wrong c-06"},
		{"told no, done", func(r *run) { r.effects = append(r.effects, effectOf(r.entries[5].Intention, 90)) }, "denied c-05"},
		{"told to wait, done", func(r *run) { r.entries[6].State, r.entries[6].Answer = told.Pending, told.Answer{} }, "unknown c-06"},
		{"in doubt, not done", func(r *run) { r.entries[5].State = told.Doubt }, "unknown c-05"},
		{"never answered", func(r *run) { r.entries[5].State = told.Begun }, "unknown c-05"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := clean()
			c.plant(r)
			report := r.check()
			if got := classes(report); got != c.want {
				t.Errorf("found %q, planted %q", got, c.want)
			}
			open := strings.HasPrefix(c.want, "unknown") || strings.HasPrefix(c.want, "owed")
			if onlyOpen := open && !strings.Contains(c.want, ","); report.Clean() != onlyOpen {
				t.Errorf("clean is %t with %q", report.Clean(), c.want)
			}
		})
	}
}

func TestWhatWasNotToldIsNotCompared(t *testing.T) {
	r := clean()
	r.entries[6].Answer = told.Answer{ID: "other"}
	if got := classes(r.check()); got != "" {
		t.Error(got)
	}
}

func TestAYoungIntentionWaits(t *testing.T) {
	r := clean()
	r.entries[5].State = told.Begun
	r.entries[5].Intention.Begun = now.Add(-29 * time.Second)
	if report := r.check(); report.Waiting != 1 || report.Unknown.Count != 0 {
		t.Errorf("%d waiting, %d unknown", report.Waiting, report.Unknown.Count)
	}
}

func TestBeforeTheHorizonAbsenceProvesNothing(t *testing.T) {
	r := clean()
	r.effects = r.effects[5:] // of intentions 10 and later
	report := Check(Input{Entries: slices.Values(r.entries), Effects: slices.Values(r.effects), Now: now, Horizon: start.Add(9 * time.Second)})
	if got := classes(report); got != "" || report.NotJudged != 10 {
		t.Errorf("found %q, %d not judged", got, report.NotJudged)
	}
	// A second effect is seen all the same.
	r.effects = append(r.effects, effectOf(r.entries[0].Intention, 90), effectOf(r.entries[0].Intention, 91))
	report = Check(Input{Entries: slices.Values(r.entries), Effects: slices.Values(r.effects), Now: now, Horizon: start.Add(9 * time.Second)})
	if got := classes(report); got != "doubled c-00" {
		t.Errorf("found %q", got)
	}
}

func TestListsAreBoundedAndCountsAreNot(t *testing.T) {
	r := clean()
	r.effects = nil
	report := Check(Input{Entries: slices.Values(r.entries), Effects: slices.Values(r.effects), Now: now, List: 3})
	if report.Lost.Count != 10 || len(report.Lost.Items) != 3 || report.Lost.Items[2].Identity != "c-04" {
		t.Errorf("%+v", report.Lost)
	}
	if want := []holdfast.Money{{Minor: 10*100 + 90, Currency: "CNY"}}; !slices.Equal(report.Lost.Money, want) {
		t.Errorf("lost %v", report.Lost.Money)
	}
}

func TestMoneyIsSummedPerCurrency(t *testing.T) {
	r := clean()
	r.entries[6].Intention.Currency, r.entries[2].Intention.Currency = "USD", "AUD"
	r.effects = nil
	want := []holdfast.Money{{Minor: 102, Currency: "AUD"}, {Minor: 1090 - 102 - 106, Currency: "CNY"}, {Minor: 106, Currency: "USD"}}
	if got := r.check().Lost.Money; !slices.Equal(got, want) {
		t.Errorf("lost %v", got)
	}
}

func TestReportForPeopleAndMachines(t *testing.T) {
	r := clean()
	r.effects[3].Amount = 7
	r.entries[8].State = told.Pending
	r.effects = append(r.effects, truth.Effect{Seq: 90, Kind: truth.Payment, ID: "pay_p", Key: "probe", Amount: 1})
	report := r.check()
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"20 intentions of customers, 11 effects", "lost            0", "wrong           1", `amount meant "106", told "106", truth "7"`,
		"unknown         1", "payment c-08: meant 108 CNY from acct_000001 to m_001", "told pending", "truth: done id-c-08",
		"resolved        5", "Longest doubt that was resolved: 900ms.", "1 effects belong to no customer",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, text.String())
		}
	}
	b, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if again, _ := json.Marshal(back); !bytes.Equal(again, b) {
		t.Errorf("JSON does not come back:\n%s\n%s", b, again)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	customers, ledger := filepath.Join(dir, "customers"), filepath.Join(dir, "truth")
	log, err := told.Open(told.Options{File: customers})
	if err != nil {
		t.Fatal(err)
	}
	effects, err := truth.Open(truth.Options{File: ledger}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := clean()
	for _, e := range r.entries {
		i := e.Intention
		events := []told.Event{{Event: told.Begun, Identity: i.Identity, At: i.Begun, Intention: &i}, {Event: e.State, Identity: i.Identity, At: e.At}}
		if e.State == told.Done {
			events[1].Answer = &e.Answer
		}
		for _, ev := range events {
			if err := log.Write(ev); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, e := range r.effects[1:] {
		if _, err := effects.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	log.Close()
	effects.Close()
	report, err := CheckFiles(customers, []string{ledger}, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := classes(report); got != "lost c-00" || report.Intentions != 20 {
		t.Errorf("found %q among %d", got, report.Intentions)
	}
	if _, err := CheckFiles(filepath.Join(dir, "none"), []string{ledger}, now); err == nil {
		t.Error("a missing log is no error")
	}
	if _, err := CheckFiles(customers, []string{ledger, filepath.Join(dir, "none")}, now); err == nil {
		t.Error("a missing ledger is no error")
	}
}

// Who was told by a gate that stood in is counted, and owed is summed up, for the
// gates' books to be compared with.
func TestStoodIn(t *testing.T) {
	r := clean()
	r.entries[4].Answer.StandIn, r.entries[6].Answer.StandIn = true, true
	r.effects = slices.Delete(r.effects, 3, 4)
	report := r.check()
	if report.StoodIn != 2 || report.Owed.Count != 1 || report.Owed.Money[0].Minor != r.entries[6].Intention.Amount || !report.Clean() {
		t.Errorf("%+v", report)
	}
}
