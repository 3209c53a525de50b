package decider

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

const (
	// maxPayerLine is the longest line in bytes, maxPayers the most payers.
	maxPayerLine = 4096
	maxPayers    = 50_000_000
)

// firstLine is that of a snapshot, which has no Since, or of changes.
type firstLine struct {
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
}

// wirePayer is what a line says of a payer; Gone stands only in changes.
type wirePayer struct {
	Payer   payment.Sensitive `json:"payer"`
	Class   string            `json:"class"`
	Blocked bool              `json:"blocked"`
	Seen    time.Time         `json:"seen"`
	Gone    bool              `json:"gone"`
}

func readPayers(r io.Reader, key []byte) (*payers, error) {
	known := &payers{list: map[standin.Digest]payerLine{}}
	classes := map[string]string{} // the same text once
	err := readPayerLines(r, func(first firstLine) error {
		if !first.Since.IsZero() {
			return badPayers(1)
		}
		known.at = first.At
		return nil
	}, func(n int, line wirePayer, _ []byte) error {
		if line.Gone {
			return badPayers(n)
		}
		class, there := classes[line.Class]
		if !there {
			class = line.Class
			classes[class] = class
		}
		payer := standin.Blind(key, line.Payer)
		if _, twice := known.list[payer]; twice { // of two lines nobody knows which is right
			return holdfast.Errorf(holdfast.Invalid, "line %d of the payer snapshot is of a payer who stands in it before: each payer has one line", n)
		}
		known.list[payer] = payerLine{class, line.Blocked, line.Seen}
		if len(known.list) > maxPayers {
			return holdfast.Errorf(holdfast.TooLarge, "line %d of the payer snapshot is one too many: it has at most %d", n, maxPayers)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return known, nil
}

// readPayerLines reads to the end, or to the first error, which names its line. The bytes
// of a line are those of the reader until the next one.
func readPayerLines(r io.Reader, first func(firstLine) error, each func(n int, line wirePayer, text []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxPayerLine), maxPayerLine)
	n := 0
	var err error
	for err == nil && lines.Scan() {
		n++
		if n == 1 {
			var head firstLine
			if strictly(lines.Bytes(), &head) != nil || head.At.IsZero() {
				err = badPayers(1)
			} else {
				err = first(head)
			}
			continue
		}
		var line wirePayer
		if strictly(lines.Bytes(), &line) != nil || line.Payer == "" {
			err = badPayers(n)
		} else {
			err = each(n, line, lines.Bytes())
		}
	}
	// What broke off ends with half a line: the cause is told, not that.
	switch broken := lines.Err(); {
	case errors.Is(broken, bufio.ErrTooLong):
		return holdfast.Errorf(holdfast.TooLarge, "line %d of the payer snapshot is longer than %d bytes", n+1, maxPayerLine)
	case broken != nil:
		return fmt.Errorf("read the payer snapshot: %w", broken)
	case err == nil && n == 0:
		return badPayers(1)
	}
	return err
}

// strictly reads one JSON object. A key that is spelt wrongly is no key that is absent:
// a payer whom it was to block would not be.
func strictly(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one object in a line")
	}
	return nil
}

func badPayers(line int) error {
	return holdfast.Errorf(holdfast.Invalid, "line %d of the payer snapshot cannot be read: the first has \"at\", each other one \"payer\" and at most \"class\", \"blocked\" and \"seen\"", line)
}
