// Command callout measures how soon a level-1 page leaves. A control node with its
// journal on disk, as the demo runs it, has 200 people on the call-out, each with a
// mail address and a webhook of his own; a mail server and web servers on this
// machine take what they are sent. An incident is confirmed at level 1 over the
// API, and the time runs from that call until the first message is there, and until
// each person has both.
//
// It prints a table of several rounds and, last, one line of JSON with the slowest
// of them, and fails if not everybody has both within a second.
//
//	go run ./bench/callout [-people 200] [-rounds 5]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"holdfast/bench/machine"
)

const most = 1000.0 // ms

// figures is the last line of output.
type figures struct {
	People int `json:"people"`
	// First and All are from the confirmation until the first message has arrived and
	// until all have.
	First float64 `json:"first_ms"`
	All   float64 `json:"all_left_ms"`
	// PerSecond is how many messages arrived a second between the two.
	PerSecond float64 `json:"per_s"`
}

func main() {
	people := flag.Int("people", 200, "how many people are on the call-out")
	rounds := flag.Int("rounds", 5, "how many incidents are confirmed")
	flag.Parse()
	if err := measure(*people, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/callout:", err)
		os.Exit(1)
	}
}

func measure(people, rounds int) error {
	fmt.Print(machine.Describe(time.Now()), "\n\n")
	fmt.Printf("%d people, %d messages\n%-6s %10s %10s %10s\n", people, 2*people, "round", "first ms", "all ms", "per s")
	var slowest figures
	for i := range rounds {
		f, err := round(people)
		if err != nil {
			return fmt.Errorf("round %d: %w", i+1, err)
		}
		fmt.Printf("%-6d %10.1f %10.1f %10.0f\n", i+1, f.First, f.All, f.PerSecond)
		if f.All > slowest.All {
			slowest = f
		}
	}
	line, err := json.Marshal(slowest)
	if err != nil {
		return err
	}
	fmt.Println(string(line))
	if slowest.All > most {
		return fmt.Errorf("everybody has it after %.0f ms, and it must be within %.0f", slowest.All, most)
	}
	return nil
}

// round pages once, in a world of its own: what follows the first page of an
// incident must not be in the way of the next.
func round(people int) (f figures, err error) {
	dir, err := os.MkdirTemp("", "holdfast-callout-")
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w, err := open(dir, people)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	return w.page(context.Background())
}
