package incident

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscripts plays the files of testdata. A line that begins with "> " is an
// act: the minutes since the start, who, and what, with words in quotes where
// they hold blanks. What follows is what came of it: the error, or the facts and
// the state they leave. With -update the answers are written anew; review the
// difference. Lines with "#" tell the story.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("it plays as follows; run with -update if that is right\n%s", difference(string(want), got))
			}
		})
	}
}

// difference shows the first lines that differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	i := 0
	for i < min(len(w), len(g)) && w[i] == g[i] {
		i++
	}
	return fmt.Sprintf("line %d\nwant:\n%s\ngot:\n%s", i+1, strings.Join(w[i:min(i+8, len(w))], "\n"), strings.Join(g[i:min(i+8, len(g))], "\n"))
}

func play(t *testing.T, script string) string {
	s := newStage(t)
	var out strings.Builder
	told := false
	for line := range strings.Lines(script) {
		switch {
		case strings.HasPrefix(line, "#"):
			if !told {
				out.WriteString("\n")
			}
			out.WriteString(line)
			told = true
		case strings.HasPrefix(line, "> "):
			if !told {
				out.WriteString("\n")
			}
			out.WriteString(line)
			told = false
			s.act(&out, words(t, strings.TrimPrefix(strings.TrimSpace(line), "> ")))
		}
	}
	return strings.TrimLeft(out.String(), "\n")
}

// words splits a line at blanks; "…" keeps them.
func words(t *testing.T, line string) (list []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] == '"' {
			quoted, err := strconv.QuotedPrefix(line)
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			word, _ := strconv.Unquote(quoted)
			list, line = append(list, word), line[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		list, line = append(list, word), rest
	}
	return list
}

// stage is a journal with the book of incidents folded from it.
type stage struct {
	t     testing.TB
	store *journal.Memory
	book  *Book
	head  holdfast.Position
	n     int
	last  string // what state was shown last
}

func newStage(t testing.TB) *stage {
	return &stage{t: t, store: journal.NewMemory("test"), book: NewBook()}
}

var start = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func person(id string) holdfast.Actor { return holdfast.Actor{Kind: holdfast.Account, ID: id} }

// append writes drafts and folds them.
func (s *stage) append(by holdfast.Actor, at time.Time, drafts []journal.Draft) []holdfast.Fact {
	if len(drafts) == 0 {
		return nil
	}
	s.n++
	if _, err := s.store.Append(s.t.Context(), journal.Append{ID: fmt.Sprint(s.n), Actor: by, Time: at, Facts: drafts}); err != nil {
		s.t.Fatal(err)
	}
	facts, err := s.store.Read(s.t.Context(), s.head, 1000)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range facts {
		if err := s.book.Apply(f); err != nil {
			s.t.Fatal(err)
		}
		s.head = f.Position
	}
	return facts
}

func (s *stage) act(out *strings.Builder, w []string) {
	minutes, err := strconv.Atoi(w[0])
	if err != nil {
		s.t.Fatalf("%q begins with no minute", w)
	}
	by, at := person(w[1]), start.Add(time.Duration(minutes)*time.Minute)
	drafts, err := s.decide(by, at, w[2], w[3:])
	if err != nil {
		fmt.Fprintf(out, "  error %s: %v\n", holdfast.CodeOf(err), err)
		return
	}
	if len(drafts) == 0 {
		out.WriteString("  nothing\n")
		return
	}
	for _, f := range s.append(by, at, drafts) {
		fmt.Fprintf(out, "  %d %s %s\n", f.Revision, strings.TrimPrefix(f.Kind, "incident."), body(f))
	}
	all := s.book.All()
	if shown := show(all[0]); shown != s.last {
		out.WriteString(shown)
		s.last = shown
	}
}

// body is a fact's body without the procedure, which stands in procedure_test.go.
func body(f holdfast.Fact) string {
	var v map[string]any
	if json.Unmarshal(f.Body, &v) != nil || v["procedure"] == nil {
		return string(f.Body)
	}
	delete(v, "procedure")
	delete(v, "plan")
	b, _ := json.Marshal(v)
	return string(b)
}

// show says in lines where an incident stands.
func show(in *Incident) string {
	var b strings.Builder
	fmt.Fprintf(&b, "  = %s %s", in.ID, in.State)
	if in.State == Suspected {
		fmt.Fprintf(&b, ", level %s suggested, alerts %s", in.Suggested, strings.Join(in.Alerts, " "))
	}
	b.WriteString("\n")
	for i, s := range in.Stages {
		if s.Status == procedure.Waiting {
			continue
		}
		fmt.Fprintf(&b, "    %s %s", in.Procedure.Stages[i].Kind, s.Status)
		if s.Status != procedure.Open {
			fmt.Fprintf(&b, " at %s", minute(s.Ended))
		}
		if s.Skip != nil {
			fmt.Fprintf(&b, ", skip asked by %s", s.Skip.By.ID)
		}
		if s.Skip != nil && s.Skip.Granted {
			fmt.Fprintf(&b, ", granted by %s", s.Skip.GrantedBy.ID)
		}
		for _, t := range in.Procedure.Stages[i].Tasks {
			b.WriteString(showTask(in, t))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func showTask(in *Incident, t procedure.Task) string {
	s := " | " + t.ID + " " + string(in.Tasks[t.ID].Status)
	if o := in.Tasks[t.ID].Owner.ID; o != "" {
		s += " by " + o
	}
	for _, p := range t.Probes {
		s += fmt.Sprintf(" %s×%d", p, in.Probe(t.ID, p).InARow)
	}
	if t.Ramp != nil {
		s += fmt.Sprintf(" step %d", in.RampOf(t.ID).Step)
	}
	return s
}

func minute(t time.Time) string { return fmt.Sprintf("%d min", int(t.Sub(start).Minutes())) }

// arg returns the n-th word, or "".
func arg(w []string, n int) string {
	if n < len(w) {
		return w[n]
	}
	return ""
}

func (s *stage) decide(by holdfast.Actor, at time.Time, verb string, w []string) ([]journal.Draft, error) {
	if verb == "suspect" {
		level, _ := holdfast.ParseLevel(arg(w, 1))
		_, drafts, err := Suspect(s.book, SuspectedFact{Title: arg(w, 0), Level: level, Alerts: slices.Clone(w[min(2, len(w)):])}, at)
		return drafts, err
	}
	var in *Incident
	if all := s.book.All(); len(all) > 0 {
		in = all[0]
	}
	return decide(in, by, verb, w)
}

var acts = map[string]func(in *Incident, by holdfast.Actor, w []string) ([]journal.Draft, error){
	"alert": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		level, _ := holdfast.ParseLevel(arg(w, 1))
		return AddAlert(in, AlertAdded{Alert: arg(w, 0), Level: level})
	},
	"confirm": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		level, _ := holdfast.ParseLevel(arg(w, 0))
		return Confirm(in, level, PlanRef{ID: "plan", Revision: 1}, levelOne(), arg(w, 1))
	},
	"dismiss": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Dismiss(in, arg(w, 0))
	},
	"take": func(in *Incident, by holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Take(in, arg(w, 0), by)
	},
	"done": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Done(in, arg(w, 0), arg(w, 1), nil)
	},
	"evidence": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Done(in, arg(w, 0), "", []Evidence{{Name: arg(w, 1), Type: "text/plain", Size: 1}})
	},
	"succeed": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Succeed(in, arg(w, 0), arg(w, 1)), nil
	},
	"end-stage": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return EndStage(in, procedure.StageKind(arg(w, 0)), arg(w, 1))
	},
	"ask-skip": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return AskSkip(in, procedure.StageKind(arg(w, 0)), arg(w, 1))
	},
	"grant-skip": func(in *Incident, by holdfast.Actor, w []string) ([]journal.Draft, error) {
		return GrantSkip(in, procedure.StageKind(arg(w, 0)), by)
	},
	"refuse-skip": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return RefuseSkip(in, procedure.StageKind(arg(w, 0)), arg(w, 1))
	},
	"note": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Note(in, arg(w, 0), arg(w, 1), nil)
	},
	"probe": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Probed(in, arg(w, 0), ProbeRan{Probe: arg(w, 1), Passed: arg(w, 2) == "passed"}, func(string) int { return 2 })
	},
	"ramp": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		step, _ := strconv.Atoi(arg(w, 1))
		return RampTo(in, arg(w, 0), step, Rung{Directives: w[min(2, len(w)):]})
	},
	"close": func(in *Incident, _ holdfast.Actor, w []string) ([]journal.Draft, error) {
		return Close(in, Figures{Declined: 7}, func(*Incident) error {
			if arg(w, 0) == "undebriefed" {
				return holdfast.Errorf(holdfast.Conflict, "the debrief wants something")
			}
			return nil
		})
	},
}

func decide(in *Incident, by holdfast.Actor, verb string, w []string) ([]journal.Draft, error) {
	f, ok := acts[verb]
	if !ok {
		return nil, fmt.Errorf("the transcript knows no act %q", verb)
	}
	return f(in, by, w)
}

// levelOne is a level-1 procedure: superiors are told alongside the stop, the
// analysis is a stage without tasks, and two tasks use the same probe.
func levelOne() procedure.Procedure {
	stage := func(k procedure.StageKind, alongside bool, tasks ...procedure.Task) procedure.Stage {
		return procedure.Stage{Kind: k, Role: "commander", Alongside: alongside, Tasks: tasks}
	}
	return procedure.Procedure{Level: holdfast.Level1, Stages: []procedure.Stage{
		stage(procedure.Detect, false),
		stage(procedure.Confirm, false),
		stage(procedure.Notify, true, procedure.Task{ID: "tell", Notice: &procedure.Notice{Template: "urgent", To: []string{"superior"}}}),
		stage(procedure.Stop, false, procedure.Task{ID: "stop", Directive: &procedure.Directive{Kind: "stop", Scope: "all"}}),
		stage(procedure.Convene, true, procedure.Task{ID: "convene", Notice: &procedure.Notice{Template: "come", To: []string{"lead"}, Acknowledge: 2}}),
		stage(procedure.Analyse, false),
		stage(procedure.Handle, false, procedure.Task{ID: "repair", Evidence: true}, procedure.Task{ID: "look"}),
		stage(procedure.Recover, false,
			procedure.Task{ID: "test", Probes: []string{"pay", "ask"}},
			procedure.Task{ID: "reopen", Ramp: &procedure.Ramp{Steps: []procedure.Step{{Percent: 10}, {Percent: 50}, {Percent: 100}}}},
			procedure.Task{ID: "test-again", Probes: []string{"pay"}}),
		stage(procedure.Review, false, procedure.Task{ID: "collect"}),
	}}
}

// Nothing of a state is shared with what is decided on it.
func TestDecidingChangesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, line := range []string{
		`0 mei suspect "payments fail" 1 a1`, `1 mei confirm 1`, `2 mei take tell`, `2 mei done tell called`, `3 mei succeed stop confirmed`,
		`3 mei ask-skip convene "all are here"`, `4 lin grant-skip convene`, `5 mei end-stage analyse found`, `6 mei done repair mended`, `6 mei done look`,
		`7 mei probe test pay passed`, `7 mei probe test pay passed`, `7 mei probe test ask passed`, `7 mei probe test ask passed`, `7 mei ramp reopen 1 d2`,
	} {
		w := words(t, line)
		at := start
		drafts, err := s.decide(person(w[1]), at, w[2], w[3:])
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		var before bytes.Buffer
		if all := s.book.All(); len(all) > 0 {
			fmt.Fprintf(&before, "%+v", all[0])
			again, _ := s.decide(person(w[1]), at, w[2], w[3:])
			var after bytes.Buffer
			fmt.Fprintf(&after, "%+v", all[0])
			if before.String() != after.String() || len(again) != len(drafts) {
				t.Errorf("%s: deciding changed the state", line)
			}
		}
		s.append(person(w[1]), at, drafts)
	}
}
