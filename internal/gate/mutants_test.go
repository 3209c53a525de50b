package gate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutant is the source with one rule of the protocol broken on purpose. The
// history named must fail with it: a rule whose loss nobody notices is not
// tested. The table in docs/formats/stop.md has the same lines.
type mutant struct {
	name string
	file string // under internal/
	old  string // stands in the file once
	new  string
	more []string // further pairs of old and new in the same file
	// Where two places keep a rule, both are broken.
	file2, old2, new2 string
	history           string // of TestHazards, or the name of another test of the package
	pkg               string // of the history, under internal/; "" means gate
	quick             bool   // also in "make check"
}

var mutants = []mutant{
	{
		name: "a lease is taken before its posture is enforced", file: "gate/lease.go",
		old: "if reaches(enforced, gr.head) {", new: "if true {",
		history: "a-the-answer-overtakes-the-posture", quick: true,
	},
	{
		name: "the answer names what the gate has, not what was decided", file: "fleet/node.go",
		old: "Posture: set.Head, Lease", new: "Posture: h.Posture, Lease",
		history: "a-the-answer-overtakes-the-posture",
	},
	{
		name: "a heartbeat is answered without a barrier", file: "fleet/node.go",
		old: "	head, err := n.Desk.Journal.Barrier(ctx)\n	if err != nil {\n		return gate.Beat{}, err\n	}\n",
		new: "	head := n.Desk.State.Head()\n", history: "b-a-beat-is-a-barrier-of-its-own",
	},
	{
		name: "a node that cannot write grants", file: "fleet/node.go",
		old: "	head, err := n.Desk.Journal.Barrier(ctx)\n	if err != nil {\n		return gate.Beat{}, err\n	}\n",
		new: "	head := n.Desk.State.Head()\n", history: "g-the-journal-stalls",
	},
	{
		name: "the nonce is not compared", file: "gate/control.go",
		old: "if beat.Nonce != nonce {", new: "if false {", history: "b-another-answer",
	},
	{
		name: "the answer of a stale connection is kept", file: "gate/control.go",
		old: "	g.lags = 0\n	g.mu.Unlock()", new: "	g.lags = 0\n	g.nonce.Store(0)\n	g.mu.Unlock()", history: "b-another-answer",
	},
	{
		name: "a lease comes before the enrolment", file: "fleet/node.go",
		old: "return enrolment.Enrol(n.Gates.Gate(e.Gate), e.Gate, enrolled)", new: "_ = enrolled; return nil, nil",
		more: []string{
			"if !known { // the fact", "if !known && false { // the fact",
			"known = i != nil && !i.Gone", "_, known = i, true",
			"return i == nil || i.Gone", "return i != nil && i.Gone",
			"		g := n.Gates.Gate(e.Gate)\n		if known = g != nil; known {", "		if g := n.Gates.Gate(e.Gate); g != nil {\n			known = true",
		},
		history: "c-a-lease-needs-an-enrolment",
	},
	{
		name: "a namesake counts as the farewell of the one before", file: "enrolment/book.go",
		old:     "	for _, boot := range e.replaced() {\n",
		new:     "	for _, i := range g.Incarnations {\n		e.Before = append(e.Before, i.Boot)\n	}\n	for _, boot := range e.replaced() {\n",
		history: "c-every-process-counts", quick: true,
	},
	{
		name: "a dead run may still enrol", file: "enrolment/enrolment.go",
		old: "known == nil && g.hasReplaced(e.Boot)", new: "g.hasReplaced(\"none\")", history: "c-a-dead-run-enrols-late",
	},
	{
		name: "a posture is told by its number alone", file: "enrolment/enrolment.go",
		old: "if !ours(a.Posture) {", new: "if false {", history: "d-a-number-is-not-a-history",
	},
	{
		name: "the wait begins before the barrier", file: "fleet/confirm.go",
		old:     "	head, err := c.node.Desk.Journal.Barrier(ctx)\n",
		new:     "	c.since[d.id] = c.elapsed()\n	head, err := c.node.Desk.Journal.Barrier(ctx)\n",
		history: "e-seen-and-not-durable",
	},
	{
		name: "the barrier need not stand at the stop", file: "fleet/confirm.go",
		old: "if head.Position < d.position {", new: "if false {", history: "e-seen-and-not-durable",
	},
	{
		name: "the wait is not begun anew for another stop", file: "fleet/confirm.go",
		old: "if _, ok := c.since[d.id]; ok {", new: "if len(c.since) > 0 {", history: "e-each-stop-has-its-own-wait", quick: true,
	},
	{
		name: "another history's posture is taken", file: "gate/enforce.go",
		old: "if err := g.judgePosture(set.Head); err != nil {", new: "if err := g.judgePosture(set.Head); err != nil && g.closed {",
		file2: "fleet/witness.go", old2: "if w.Journal == \"\" || w.Position == 0 {", new2: "if w.Journal != \"none\" {",
		history: "f-two-histories",
	},
	{
		name: "of two histories only one is enforced", file: "gate/enforce.go",
		old:     "	why = fmt.Errorf(\"%w; the gate enforces the restrictions of both",
		new:     "	g.set = other\n	why = fmt.Errorf(\"%w; the gate enforces the restrictions of both",
		history: "TestHazardD_BothHistoriesHoldUntilAPersonDecides",
	},
	{
		name: "a head's hash is not looked at", file: "gate/history.go",
		old: "case head.Position == w.Position && head.Hash != w.Hash:", new: "case false:",
		more:    []string{"head.Position == known.Position && head.Hash != known.Hash", "false"},
		history: "TestHazardD_HeadsOfAnotherHistoryAreRefused",
	},
	{
		name: "a doubt is taken for an answer", file: "journal/desk.go",
		old: "for holdfast.CodeOf(err) == holdfast.Doubtful {", new: "for false && holdfast.CodeOf(err) == holdfast.Doubtful {",
		history: "h-nobody-knows-whether-it-was-written",
	},
	{
		name: "a doubt is settled by another append", file: "journal/desk.go",
		old: "		doubt := err\n", new: "		doubt := err\n		a.ID = holdfast.NewID()\n",
		history: "h-nobody-knows-whether-it-was-written",
	},
	{
		name: "the lease counts from when the answer came", file: "gate/control.go",
		old: "return g.takeBeat(t0,", new: "_ = t0; return g.takeBeat(g.opt.Clock.Boot(),", history: "i-the-lease-counts-from-the-heartbeat", quick: true,
	},
	{
		name: "the lease is looked at before the payment waits", file: "gate/admit.go",
		old: "	for {\n		in := g.installed.Load()\n", new: "	leased := g.lease.holds(g.opt.Clock.Boot())\n	for {\n		in := g.installed.Load()\n",
		more:    []string{"mode == Strict && !g.lease.holds(g.opt.Clock.Boot()) {\n			g.ring.release(slot)", "mode == Strict && !leased {\n			g.ring.release(slot)"},
		history: "i-the-machine-sleeps-while-admitting",
	},
	{
		name: "no allowance is made for drift", file: "directive/confirm.go",
		old: "const LeaseFactor = 1.2", new: "const LeaseFactor = 1.0", history: "j-slewed-clocks",
	},
	{
		name: "the primary is told the newest position, not that of the posture", file: "gate/admit.go",
		old:     "gate: g, slot: slot, Posture: uint64(in.posture.Head().Position),",
		new:     "gate: g, slot: slot, Posture: uint64(in.posture.Head().Position) + 1000,",
		history: "k-no-clock-runs",
	},
	{
		name: "admission does not judge again", file: "gate/admit.go",
		old: "		if j.by != in {\n			v = in.posture.Decide(p)\n		}\n", new: "",
		history: "l-admission-is-the-last-look",
	},
	{
		name: "what an older posture said admits", file: "gate/admit.go",
		old: "		if j.by != in {\n", new: "		if j.by == nil {\n", history: "TestAdmitJudged",
	},
	{
		name: "admission comes before the queue for a connection", file: "gate/httpgate/handle.go",
		old: "	a, v := x.gate.AdmitJudged(x.pay, x.route.mode, x.judged)\n",
		new: "	a, v := x.early, x.verdict\n",
		more: []string{
			"func (x *exchange) connect() (*conn, bool) {\n", "func (x *exchange) connect() (*conn, bool) {\n	x.early, x.verdict = x.gate.AdmitJudged(x.pay, x.route.mode, x.judged)\n",
			"	begun time.Time\n", "	begun time.Time\n	early gate.Admission\n	verdict posture.Verdict\n",
		},
		history: "TestAdmissionHoldsTheConnection", pkg: "gate/httpgate",
	},
	{
		name: "a worker does not look again after it has registered", file: "gate/admit.go",
		old: "if g.installed.Load() != in {", new: "if false {", history: "m-a-worker-holds-the-old-posture",
	},
	{
		name: "nobody waits for the workers", file: "gate/enforce.go",
		old: "	g.ring.fence(number)\n", new: "	_ = number\n", history: "m-a-worker-is-about-to-write",
	},
	{
		name: "acknowledged before it is enforced", file: "gate/control.go",
		old:     "		ack, err := g.Enforce(set)\n",
		new:     "		g.outbox.acknowledge(Acknowledgement{Posture: set.Head, At: g.opt.Clock.Now()})\n		ack, err := g.Enforce(set)\n",
		history: "o-the-disk-takes-nothing",
	},
	{
		name: "what is in flight is not listed", file: "gate/drain.go",
		old: "	for _, r := range dr.waiting {\n		list", new: "	for _, r := range dr.waiting {\n		if r.Posture > 0 {\n			continue\n		}\n		list",
		history: "m-a-worker-is-about-to-write",
	},
	{
		name: "the wait is by the present lease", file: "directive/book.go",
		old: "LongestLease() time.Duration { return b.longest }", new: "LongestLease() time.Duration { return b.lease }",
		history: "n-a-longer-lease-before",
	},
	{
		name: "a missing posture file opens the gate", file: "gate/gate.go",
		old: "g.shut = !g.opt.Alone || g.floor.Journal != \"\"", new: "g.shut = false", history: "o-the-posture-is-gone-damaged-or-old",
	},
	{
		name: "a damaged posture file opens the gate", file: "gate/gate.go",
		old: "	default:\n		g.shut = true\n	}\n	p, compileErr", new: "	default:\n	}\n	p, compileErr",
		history: "o-the-posture-is-gone-damaged-or-old",
	},
	{
		name: "an old posture file is believed", file: "gate/gate.go",
		old: "case err == nil && later(set.Head, g.floor) != set.Head", new: "case false && later(set.Head, g.floor) != set.Head",
		history: "o-the-posture-is-gone-damaged-or-old",
	},
	{
		name: "acknowledged before it is on disk", file: "gate/enforce.go",
		old: "		g.owed = append(g.owed, ack)\n		return nil,", new: "		return &ack, nil\n	}\n	if false {\n		return nil,",
		history: "o-the-disk-takes-nothing",
	},
	{
		name: "a stop ends by the wall clock", file: "gate/enforce.go",
		old:     "	return posture.Compile(g.set,",
		new:     "	if y := g.opt.Clock.Now().Year(); y != 2000 {\n		g.set.Directives = nil\n	}\n	return posture.Compile(g.set,",
		history: "p-clocks-end-nothing",
	},
	{
		name: "a lift takes what has changed meanwhile", file: "directive/directive.go",
		old: "if seen != 0 && seen != d.Revision {", new: "if false {", history: "q-a-lift-names-what-its-author-saw",
	},
	{
		name: "a directive lifts a local stop", file: "gate/enforce.go",
		old: "	g.set, g.shut = set, false\n", new: "	g.set, g.shut, g.local = set, false, nil\n", history: "q-local-stops-are-their-own",
	},
	{
		name: "a field that cannot be read is skipped", file: "posture/posture.go",
		old: "!= expression.No", new: "== expression.Yes", history: "r-what-cannot-be-read-is-inside",
	},
	{
		name: "a kind that is not known is skipped", file: "posture/posture.go",
		old: "		return fmt.Errorf(\"this gate does not know the kind %q\", d.Kind)\n", new: "",
		history: "r-what-cannot-be-compiled-is-not-confirmed",
	},
	{
		name: "every gate takes the whole of a cap", file: "posture/posture.go",
		old: "			rate = d.Rates[gate]\n", new: "			rate = 0\n			for _, r := range d.Rates {\n				rate += r\n			}\n			_ = gate\n",
		history: "s-a-cap-is-kept",
	},
	{
		name: "a cap is counted by the wall clock", file: "gate/admit.go",
		old: "	now := time.Unix(0, int64(boot))\n", new: "	now := time.Unix(0, int64(boot)).Add(wallClock())\n",
		more:    []string{"const unnamed = ", "var jumps time.Duration\n\nfunc wallClock() time.Duration { jumps = time.Hour - jumps; return jumps }\n\nconst unnamed = "},
		history: "s-a-cap-is-kept",
	},
	{
		name: "a refund is no payment", file: "payment/payment.go",
		old: "return k == Pay || k == Refund", new: "return k == Pay", history: "t-refunds-and-probes",
	},
	{
		name: "a probe passes every stop", file: "posture/posture.go",
		old: "pay.Probe != \"\" && pay.Probe == r.Incident", new: "pay.Probe != \"\"", history: "t-refunds-and-probes",
	},
	{
		name: "the retry of what is in flight is declined", file: "gate/admit.go",
		old: "		g.open.add(p.Identity)\n", new: "", history: "u-a-retry-is-not-declined",
	},
	{
		name: "an attempt that was not done settles the others", file: "gate/outcomes.go",
		old: "if several && out != payment.Done {", new: "if false && several {", history: "u-several-attempts-are-unknown",
	},
}

// The text that each mutant replaces stands in the code.
func TestMutantsFollowTheCode(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		if _, err := m.patched(); err != nil {
			t.Error(err)
		}
		if _, ok := hazards[m.history]; !ok && !strings.HasPrefix(m.history, "Test") {
			t.Errorf("%s: there is no history %s", m.name, m.history)
		}
	}
}

// The table of docs/formats/stop.md has these mutants and no others.
func TestMutantsAreDocumented(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join(internalDir, "..", "docs", "formats", "stop.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(content), "| rule, broken | code | caught by |\n|---|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("the page has no table of mutants")
	}
	var want []string
	for _, m := range mutants {
		history := m.history
		if hazards[history] != nil {
			history = "hazard-" + history
		}
		want = append(want, fmt.Sprintf("| %s | `%s` | `%s` |", m.name, m.file, history))
	}
	if got := strings.Split(table, "\n"); !slices.Equal(got, want) {
		t.Errorf("docs/formats/stop.md has\n%s\nand should have\n%s", table, strings.Join(want, "\n"))
	}
	for letter := 'a'; letter <= 'u'; letter++ {
		if !slices.ContainsFunc(slices.Collect(keys(hazards)), func(name string) bool { return strings.HasPrefix(name, string(letter)+"-") }) {
			t.Errorf("hazard %c has no history", letter)
		}
	}
}

// Each mutant is caught by its history. A few run in make check, which runs them
// without the race detector; all run with HOLDFAST_SOAK.
func TestMutants(t *testing.T) {
	t.Parallel()
	soak := os.Getenv("HOLDFAST_SOAK") != ""
	if underRace && !soak {
		return
	}
	for _, m := range mutants {
		if !m.quick && !soak {
			continue
		}
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			dir := t.TempDir()
			binary, err := m.build(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			out, err := m.run(t.Context(), binary)
			var exit *exec.ExitError
			switch {
			case err == nil:
				t.Errorf("%s passes with the rule broken: %s", m.test(), m.name)
			case !errors.As(err, &exit) || !strings.Contains(out, "--- FAIL"):
				t.Errorf("%s does not fail as it should: %v\n%s", m.test(), err, out)
			}
		})
	}
}

// internalDir is the directory that mutants' files stand in.
const internalDir = ".."

// patched returns the files with the rule broken, by name.
func (m mutant) patched() (map[string]string, error) {
	files := map[string]string{}
	patch := func(file string, pairs ...string) error {
		content, err := os.ReadFile(filepath.Join(internalDir, file))
		text := string(content)
		for ; err == nil && len(pairs) > 1; pairs = pairs[2:] {
			if n := strings.Count(text, pairs[0]); n != 1 {
				return fmt.Errorf("%s: %q stands there %d times; the mutant %q has to follow the code", file, pairs[0], n, m.name)
			}
			text = strings.Replace(text, pairs[0], pairs[1], 1)
		}
		files[file] = text
		return err
	}
	err := patch(m.file, append([]string{m.old, m.new}, m.more...)...)
	if err == nil && m.file2 != "" {
		err = patch(m.file2, m.old2, m.new2)
	}
	return files, err
}

func (m mutant) build(ctx context.Context, dir string) (binary string, err error) {
	files, err := m.patched()
	if err != nil {
		return "", err
	}
	replace := map[string]string{}
	for name, text := range files {
		file, absErr := filepath.Abs(filepath.Join(internalDir, name))
		broken := filepath.Join(dir, strings.ReplaceAll(name, "/", "_"))
		replace[file] = broken
		err = errors.Join(err, absErr, os.WriteFile(broken, []byte(text), 0o600))
	}
	overlay := filepath.Join(dir, "overlay.json")
	content, jsonErr := json.Marshal(map[string]any{"Replace": replace})
	if err = errors.Join(err, jsonErr, os.WriteFile(overlay, content, 0o600)); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "mutant.test")
	out, err := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "holdfast/internal/"+m.home()).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the mutant is not built: %w\n%s", err, out)
	}
	return binary, nil
}

func (m mutant) home() string {
	if m.pkg == "" {
		return "gate"
	}
	return m.pkg
}

// test is the test to run, as -test.run takes it.
func (m mutant) test() string {
	if strings.HasPrefix(m.history, "Test") {
		return "^" + m.history + "$"
	}
	return "^TestHazards$/^hazard-" + m.history + "$"
}

func (m mutant) run(ctx context.Context, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, binary, "-test.run", m.test(), "-test.timeout", "100s")
	c.Dir = filepath.Join(internalDir, m.home())
	out, err := c.CombinedOutput()
	return string(out), err
}
