package archive

import (
	"fmt"
	"io"
	"strings"

	"holdfast"
)

// Verdict is the outcome of a verification.
type Verdict string

const (
	// Valid: everything was checked and is as it was written.
	Valid Verdict = "VALID"
	// Invalid: something is not as it was written.
	Invalid Verdict = "INVALID"
	// Incomplete: nothing wrong was found, but something could not be checked.
	Incomplete Verdict = "INCOMPLETE"
)

// Report is what a verification found.
type Report struct {
	Verdict Verdict `json:"verdict"`
	Journal string  `json:"journal"`
	Epoch   uint32  `json:"epoch"`
	// Head is the last fact that was read.
	Head      holdfast.Head `json:"head"`
	Facts     uint64        `json:"facts"`
	Subjects  int           `json:"subjects"`
	Appends   int           `json:"appends"`
	Blobs     int           `json:"blobs"`
	Documents int           `json:"documents"`
	Problems  []Problem     `json:"problems"`
	// MoreProblems counts those beyond the list.
	MoreProblems int `json:"more_problems,omitempty"`
	// TimesBack counts facts whose time is before that of the fact before. Clocks
	// may be set back, so this is no fault: position is the order, not time.
	TimesBack     int               `json:"times_back"`
	FirstTimeBack holdfast.Position `json:"first_time_back,omitempty"`
	// Unchecked names what could not be checked.
	Unchecked []string `json:"unchecked"`
}

func (r *Report) judge() {
	if r.Problems == nil {
		r.Problems = []Problem{}
	}
	if r.Unchecked == nil {
		r.Unchecked = []string{}
	}
	switch {
	case len(r.Problems) > 0:
		r.Verdict = Invalid
	case len(r.Unchecked) > 0:
		r.Verdict = Incomplete
	default:
		r.Verdict = Valid
	}
}

// WriteText writes the report for people to read.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", r.Verdict)
	fmt.Fprintf(&b, "journal    %s, epoch %d\n", r.Journal, r.Epoch)
	fmt.Fprintf(&b, "facts      %d, of %d subjects, in %d appends\n", r.Facts, r.Subjects, r.Appends)
	fmt.Fprintf(&b, "head       position %d\n", r.Head.Position)
	fmt.Fprintf(&b, "           hash %s\n", r.Head.Hash)
	fmt.Fprintf(&b, "blobs      %d\n", r.Blobs)
	fmt.Fprintf(&b, "documents  %d\n", r.Documents)
	if r.TimesBack > 0 {
		fmt.Fprintf(&b, "note       dated before the fact ahead of them: %d facts, the first at position %d; clocks may be set back, position is the order\n", r.TimesBack, r.FirstTimeBack)
	}
	section(&b, "Problems", len(r.Problems), func(i int) string { return r.Problems[i].String() })
	if r.MoreProblems > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.MoreProblems)
	}
	section(&b, "Not checked", len(r.Unchecked), func(i int) string { return r.Unchecked[i] })
	if r.Verdict == Valid {
		b.WriteString("\nNo fact up to the head was changed. That nothing was cut off after it shows only in a head held elsewhere, such as at a gate: compare them.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, title string, n int, line func(int) string) {
	if n == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", title)
	for i := range n {
		fmt.Fprintf(b, "  %s\n", line(i))
	}
}
