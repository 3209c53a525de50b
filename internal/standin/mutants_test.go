package standin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is the source with one rule broken on purpose. The test named must fail
// with it: a rule whose loss nobody notices is not tested. The table in
// docs/formats/stand-in.md has the same lines.
type mutant struct {
	name string
	file string
	old  string // stands in the file once
	new  string
	test string
}

var mutants = []mutant{
	{"an identity that was used is decided again", "decide.go", "known := s.known(r); known {", "known := s.known(r); known && false {", "TestSameIdentitySameAnswer"},
	{"the fingerprint is not compared", "decide.go", "case i.Fingerprint != r.Fingerprint():", "case false:", "TestSameIdentitySameAnswer"},
	{"what is in flight at the primary is approved", "decide.go", "s.excluded[identity]; there && x.outcome != notDone {", "s.excluded[identity]; there && x.outcome == done {", "TestInFlightWhenItOpens"},
	{"a forgotten identity is decided afresh", "decide.go", "if r.Elsewhere {", "if false {", "TestElsewhere"},
	{"a payer's limit holds in each shard that an original leads to", "decide.go", "case o == nil && away:", "case false:", "TestAway"},
	{"other terms decide", "decide.go", "|| o.Version != c.Version:", "|| false:", "TestOneDirectiveAtATime"},
	{"one by one a decline is kept", "decide.go", "(!c.Profile.KeepDeclines || r.Cause != Directed)", "!c.Profile.KeepDeclines", "TestOneByOne"},
	{"any failure is stood in for", "decide.go", "case r.Cause != Directed && !o.OneByOne:", "case false:", "TestIneligibleIsNeverApproved"},
	{"an old snapshot is believed", "decide.go", "case at-At(r.Snapshot.At) > Instant(c.Profile.SnapshotAge.Microseconds()):", "case false:", "TestIneligibleIsNeverApproved"},
	{"a blocked payer is let through", "decide.go", "case r.Snapshot.Blocked:", "case false:", "TestIneligibleIsNeverApproved"},
	{"what cannot be told is eligible", "decide.go", "holds != expression.Yes", "holds == expression.No", "TestIneligibleIsNeverApproved"},
	{"a payment without a limit is let through", "decide.go", "if !bounded(c.limits, d.Currency) {", "if false {", "TestIneligibleIsNeverApproved"},
	{"the time of a shard goes back", "decide.go", "	at := max(At(now), s.last)\n	if !r", "	at := At(now)\n	if !r", "TestPeriods"},
	{"a period is given back", "fold.go", "	s.countWindows(i)\n", "", "TestPeriods"},
	{"what is approved is not counted", "fold.go", "	s.countOutstanding(i, 1)\n	s.countWindows", "	s.countWindows", "TestOutstandingOfAPayer"},
	{"what is approved is not counted, in a history", "fold.go", "	s.countOutstanding(i, 1)\n	s.countWindows", "	s.countWindows", "TestHistories"},
	{"an exception is not outstanding", "state.go", "return i.Class == Pending || i.Class == Exceptional && i.unresolved()", "return i.Class == Pending", "TestRepeatsUntilPeopleHaveIt"},
	{"slices are not looked at", "limit.go", "if l.covers(s.slices[key].upTo, want) {", "if true {", "TestSlicesNeverExceedTheWhole"},
	{"slices are not looked at, in a history", "limit.go", "if l.covers(s.slices[key].upTo, want) {", "if true {", "TestHistories"},
	{"what other shards have drawn is not looked at", "ledger.go", "free := limit - all", "free := limit - has", "TestPayeeOverShards"},
	{"a shard draws before all have registered", "ledger.go", "if !n.outstanding() || len(ledger) >= shards {", "if true {", "TestNobodyDrawsBeforeAllRegistered"},
	{"what a dead decider drew is lost to its shard", "ledger.go", "	had, registered := ledger[shard]\n", "	had, registered := Slice{}, false\n", "TestDrawnAndNotRecorded"},
	{"advices of a payer overtake each other", "forward.go", "		busy[i.Payer] = true\n", "", "TestOrderAndPoison"},
	{"a poison item stays", "forward.go", "return []Record{&Excepted{Identity: c.Identity, Why: PrimaryRefused, Reply: c.Reply, At: at}}", "return nil", "TestOrderAndPoison"},
	{"the second sending is not marked", "forward.go", "Repeat: i.Attempts > 0,", "Repeat: i.Attempts > 1,", "TestRepeatsUntilPeopleHaveIt"},
	{"what is held is sent", "forward.go", "!may(i, w.Attempt.Inquiry)", "false", "TestHeld"},
	{"attempts have no end", "forward.go", "return Exhausted", "return 0", "TestRepeatsUntilPeopleHaveIt"},
	{"it is sent again blindly", "forward.go", "	if f.lapsed(i, at) {\n		a.N", "	if false {\n		a.N", "TestAskedAfterRetention"},
	{"inquiries have no end", "forward.go", "if i.Inquiries >= f.Inquiries {", "if false {", "TestAskedAfterRetention"},
	{"what is late is sent for ever", "forward.go", "return Expired", "return 0", "TestExpiry"},
	{"a late answer is not matched", "fold.go", "case i.Class == Pending || i.Class == Exceptional:", "case i.Class == Exceptional:", "TestLateAnswers"},
	{"a late answer against a decline is ignored", "fold.go", "		s.except(i, DoneThoughDeclined, r.Filed, r.At)\n", "", "TestLateAnswers"},
	{"a reversal is sent before its original", "forward.go", "return o != nil && o.live()", "return o == nil", "TestReversalOfAnException"},
	{"a reversal ends what may have been sent", "fold.go", "original.Class == Pending && original.Attempts == 0:", "original.Class == Pending:", "TestReversedAfterAnAttempt"},
	{"a reversal ends what may have been sent, in a history", "fold.go", "original.Class == Pending && original.Attempts == 0:", "original.Class == Pending:", "TestHistories"},
	{"a payment whose reversal came first is approved", "decide.go", "	if len(s.before[d.Identity]) > 0 {", "	if false {", "TestBeforeTheOriginal"},
	{"a payment whose refund came first is approved", "decide.go", "if r.Kind == Payment && len(s.before[identity]) > 0 &&", "if false &&", "TestBeforeTheOriginal"},
	{"refunds are not added up", "decide.go", "d.Amount > o.Amount-o.Refunded:", "d.Amount > o.Amount:", "TestRefunds"},
	{"a fresh payment overtakes an advice", "decide.go", "case o.Ended != 0 && !s.Waits(r.Payer):", "case o.Ended != 0:", "TestEndAndCloseOut"},
	{"it closes with something unexplained", "open.go", "if key.directive == directive && !b.Explained() {", "if key.directive == by && !b.Explained() {", "TestEndAndCloseOut"},
	{"a closed directive approves", "decide.go", "	case o.Closed != 0: //", "	case false: //", "TestNothingIsApprovedAfterCloseOut"},
	{"two directives stand in", "open.go", "if o := s.openings[s.current]; o != nil && o.Ended == 0 {", "if false {", "TestOneDirectiveAtATime"},
	{"what was sent is withdrawn", "forward.go", "i.Class != Pending || i.Attempts > 0 || len", "i.Class != Pending || len", "TestWithdraw"},
	{"one person writes off", "forward.go", `case second == "" && (`, "case false && (", "TestResolveTakesPeople"},
	{"sealed data stays", "fold.go", "		i.Settled = at\n		i.Sealed = Sealed{}\n", "		i.Settled = at\n", "TestSealedDataGoes"},
	{"nothing is forgotten", "fold.go", "			delete(s.items, id)\n			s.unlink(i)\n", "			delete(s.before, id)\n", "TestStaysBounded"},
	{"an approval is counted in no class", "fold.go", "	b.Pending.add(1, i.Amount)\n", "", "TestOutstandingOfAPayer"},
	{"a snapshot leaves out slices", "snapshot.go", "	table(c, s.slices,", "	table(c, map[string]drawn{},", "TestSnapshotsGoOn"},
	{"what is blocked is queued", "queued.go", "|| r.Snapshot.Blocked ||", "||", "TestQueued"},
	{"what is in flight, or does not fit, is queued", "queued.go", "|| !deferrable[reason] {", "{", "TestQueuedIsTakenBack"},
	{"what cannot be told is queued", "queued.go", "holds != expression.Yes", "holds == expression.No", "TestQueued"},
	{"the queue of a payer has no end", "queued.go", "		if !l.covers(l.full(), use) {\n			return false, nil\n		}\n", "", "TestQueued"},
	{"the queue has no end over shards", "queued.go", "needs = append(needs, need)", "_ = need", "TestQueueOverShards"},
	{"the queue has no end over shards, in a history", "queued.go", "needs = append(needs, need)", "_ = need", "TestHistories"},
	{"what is queued counts as approved", "queued.go", "	if i.Verdict == Queued {\n		return [...]Over{EachQueued, WholeQueue}\n	}\n", "", "TestQueuedIsNotApproved"},
	{"a refused queued payment is an exception", "forward.go", "		if i.Verdict == Queued {\n			return []Record{&TurnedDown", "		if false {\n			return []Record{&TurnedDown", "TestQueuedIsJudged"},
	{"nothing expires in the queue", "forward.go", "	park = s.lapsed(at)\n", "", "TestQueuedExpires"},
	{"what has expired is sent", "forward.go", " || i.late(at) {", " {", "TestQueuedExpires"},
	{"what was sent expires", "queued.go", "i.Attempts == 0 && at >= i.Until", "at >= i.Until", "TestQueuedIsJudged"},
	{"what has expired is looked after twice", "lookedafter.go", "	case done:\n", "	case done && false:\n", "TestLookedAfterOnce"},
	{"what was looked after is told as open", "lookedafter.go", "		s.overdue = slices.Delete(s.overdue, at, at+1)\n", "		_ = at\n", "TestLookedAfterOnce"},
	{"a refund of what waits is approved", "decide.go", "case d.Kind == Refund && o.Verdict == Queued && o.live():", "case false:", "TestQueuedIsTakenBack"},
	{"it closes while something waits", "state.go", "&& b.Queue.Waiting.Count == 0", "", "TestQueuedIsJudged"},
	{"an impossible record is folded", "fold.go", "i == nil || i.Class != Pending || i.Attempts > 0 {", "i == nil {", "TestImpossibleRecords"},
}

// patched returns the file with the rule broken.
func (m mutant) patched() (string, error) {
	content, err := os.ReadFile(m.file)
	if n := strings.Count(string(content), m.old); err == nil && n != 1 {
		err = fmt.Errorf("%s: %q stands there %d times; the mutant %q has to follow the code", m.file, m.old, n, m.name)
	}
	return strings.Replace(string(content), m.old, m.new, 1), err
}

func TestMutantsFollowTheCode(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		if _, err := m.patched(); err != nil {
			t.Error(err)
		}
	}
}

// The table of docs/formats/stand-in.md has these mutants and no others.
func TestMutantsAreDocumented(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../docs/formats/stand-in.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "| rule, broken | code | caught by |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var want []string
	for _, m := range mutants {
		want = append(want, fmt.Sprintf("| %s | `standin/%s` | `%s` |", m.name, m.file, m.test))
	}
	if got := strings.Split(strings.TrimSpace(table), "\n"); !found || !slices.Equal(got, want) {
		t.Errorf("docs/formats/stand-in.md has\n%s\nand should have\n%s", table, strings.Join(want, "\n"))
	}
}

// With HOLDFAST_SOAK each mutant is built, and its test fails.
func TestMutants(t *testing.T) {
	t.Parallel()
	if os.Getenv("HOLDFAST_SOAK") == "" {
		return
	}
	for _, m := range mutants {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			dir := t.TempDir()
			text, err := m.patched()
			if err != nil {
				t.Fatal(err)
			}
			file, err := filepath.Abs(m.file)
			if err != nil {
				t.Fatal(err)
			}
			broken, overlay, binary := filepath.Join(dir, m.file), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
			content, err := json.Marshal(map[string]any{"Replace": map[string]string{file: broken}})
			if err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string][]byte{broken: []byte(text), overlay: content} {
				if err := os.WriteFile(name, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "holdfast/internal/standin")
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("the mutant is not built: %v\n%s", err, out)
			}
			run := exec.CommandContext(t.Context(), binary, "-test.run", "^"+m.test+"$", "-test.timeout", "2m")
			run.Env = slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "HOLDFAST_SOAK=") })
			out, err := run.CombinedOutput()
			if err == nil {
				t.Errorf("%s passes with the rule broken: %s", m.test, m.name)
			} else if !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic:") {
				t.Errorf("%s does not fail as it should: %v\n%s", m.test, err, out)
			}
		})
	}
}
