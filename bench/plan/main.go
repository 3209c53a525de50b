// Command plan measures what a person waits for with the largest plan there can
// be: 2,000 tasks in three languages, in its 500th revision. It reads the text,
// judges it by the rules of lint, and compares the first revision with the last.
// The plan is the built-in one with more tasks; a revision changes one of them.
//
// It prints a table of medians and, last, one line of JSON, and fails if one of
// the three takes a second or more.
//
//	go run ./bench/plan [-tasks 2000] [-revisions 500] [-rounds 5]
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/bench/machine"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

const most = 1000.0 // ms

// figures is the last line of output.
type figures struct {
	Tasks     int     `json:"tasks"`
	Revisions int     `json:"revisions"`
	Read      float64 `json:"read_ms"`
	Lint      float64 `json:"lint_ms"`
	Diff      float64 `json:"diff_ms"`
}

func main() {
	var f figures
	var rounds int
	flag.IntVar(&f.Tasks, "tasks", 2000, "how many tasks the plan has, at most 2000")
	flag.IntVar(&f.Revisions, "revisions", 500, "how many revisions are published")
	flag.IntVar(&rounds, "rounds", 5, "how often each is measured")
	flag.Parse()
	if err := measure(&f, rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/plan:", err)
		os.Exit(1)
	}
}

func measure(f *figures, rounds int) error {
	book, err := publish(f.Tasks, f.Revisions)
	if err != nil {
		return err
	}
	all := book.Revisions("payment-system")
	first, last := all[0], all[len(all)-1]
	oldest, newest := first.Plan(), last.Plan()
	if len(all) != f.Revisions || len(last.Faults()) > 0 {
		return fmt.Errorf("%d revisions, faults: %w", len(all), last.Faults())
	}
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	var places plan.Places
	f.Read = median(rounds, func() { _, places, _ = plan.Read("", []byte(last.Text)) })
	f.Lint = median(rounds, func() { lint.Check(lint.Input{Plan: newest, Places: places, Now: now}) })
	changes := 0
	f.Diff = median(rounds, func() { changes = len(plan.Compare(oldest, newest)) })
	if changes != f.Revisions-1 {
		return fmt.Errorf("%d changes were found, and %d made", changes, f.Revisions-1)
	}
	fmt.Print(machine.Describe(time.Now()), "\n\n")
	fmt.Printf("%d tasks, %d revisions, %d KB a text, %d changes\n", f.Tasks, f.Revisions, len(last.Text)>>10, changes)
	fmt.Printf("%-8s %8.1f ms\n%-8s %8.1f ms\n%-8s %8.1f ms\n", "read", f.Read, "lint", f.Lint, "diff", f.Diff)
	line, err := json.Marshal(f)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	if slowest := max(f.Read, f.Lint, f.Diff); slowest >= most {
		return fmt.Errorf("the slowest takes %.0f ms, and it must take less than %.0f", slowest, most)
	}
	return nil
}

// publish folds the facts of as many revisions as asked for.
func publish(tasks, revisions int) (*plan.Book, error) {
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		return nil, faults
	}
	had := p.Leak.Tasks()
	for _, pr := range p.Procedures {
		had += pr.Tasks()
	}
	stages := p.Procedures[0].Stages
	for i := range max(0, tasks-had) {
		s := &stages[i%len(stages)]
		title := holdfast.Text{ZhHant: fmt.Sprintf("任務 %d", i), ZhHans: fmt.Sprintf("任务 %d", i), En: fmt.Sprintf("Task %d", i)}
		s.Tasks = append(s.Tasks, procedure.Task{ID: fmt.Sprintf("task-%d", i), Title: title, Limit: procedure.Duration(time.Minute)})
	}
	text := string(plan.Encode(p))
	book, now := plan.NewBook(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for n := range revisions {
		now = now.Add(time.Hour)
		if n > 0 {
			text = strings.Replace(text, fmt.Sprintf("en: Task %d\n", n-1), fmt.Sprintf("en: Task %d, changed\n", n-1), 1)
		}
		_, drafts, err := plan.PublishApproved(book, p.ID, []byte(text), "", plan.Approved{}, now)
		if err != nil {
			return nil, fmt.Errorf("publish revision %d: %w", n+1, err)
		}
		d := drafts[0]
		if err := book.Apply(holdfast.Fact{Subject: d.Subject, Revision: d.Expect + 1, Kind: d.Kind, Time: now, Body: d.Body}); err != nil {
			return nil, err
		}
	}
	return book, nil
}

// median returns the median time that f takes, in milliseconds.
func median(rounds int, f func()) float64 {
	var took []float64
	for range rounds {
		start := time.Now()
		f()
		took = append(took, float64(time.Since(start).Microseconds())/1000)
	}
	slices.Sort(took)
	return took[len(took)/2]
}
