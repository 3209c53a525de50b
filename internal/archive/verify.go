// Package archive is the tamper-evident record. The facts of the journal are
// its entries; this package checks that they are the ones that were written.
//
// [Verify] reads every fact from the genesis to the head and checks: positions
// without gaps, each body against its hash, each envelope against the chain,
// each subject's revisions 1, 2, 3 …, the facts of one append side by side, and
// that the chain passes through the head that was witnessed. What lies under
// the facts (pages, blobs, documents) is checked by the [Storage] that holds
// them.
//
// A chain shows that no fact inside it was changed, removed, inserted or moved
// by someone who did not compute the chain anew. It cannot show by itself that
// the newest facts were not cut off together with their witness, or that a
// whole journal was not replaced: compare the report's head with one that
// somebody else holds, such as a gate.
package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Journal is the sequence of facts to verify.
type Journal interface {
	// Genesis is the head before the first fact.
	Genesis() holdfast.Head
	// Head is the newest head that was witnessed. Facts may stand after it.
	Head() holdfast.Head
	// Read is that of journal.Journal.
	Read(ctx context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error)
}

// Storage checks what lies under the facts and no chain covers.
type Storage interface {
	// Check returns what was found. An error means that the check itself could not
	// be carried out.
	Check(ctx context.Context) (Findings, error)
}

// Findings is the result of a [Storage]'s check.
type Findings struct {
	// Blobs and Documents count those that were checked.
	Blobs, Documents int
	Problems         []Problem
	// Unchecked names what this storage cannot check as it is.
	Unchecked []string
}

// Problem is one thing that is not as it was written.
type Problem struct {
	// Position is the fact concerned, 0 if none is known.
	Position holdfast.Position `json:"position,omitempty"`
	// Where names the file and the byte, or the part of the journal.
	Where string `json:"where"`
	What  string `json:"what"`
}

func (p Problem) String() string { return p.Where + ": " + p.What }

// maxProblems bounds the report. A file that is damaged throughout has no use
// for a longer list.
const maxProblems = 100

// Verify checks j from its genesis to its head and, if storage is not nil, what
// lies under it. It goes on after a problem as far as it can. The error is that
// of ctx; everything else that goes wrong stands in the report.
func Verify(ctx context.Context, j Journal, storage Storage) (Report, error) {
	v := verifier{
		head:      j.Genesis(),
		witness:   j.Head(),
		revisions: map[holdfast.Subject]holdfast.Revision{},
		appends:   map[[16]byte]struct{}{},
	}
	v.report.Journal, v.report.Epoch = v.head.Journal, v.witness.Epoch
	v.files(ctx, storage)
	v.facts(ctx, j)
	if err := ctx.Err(); err != nil {
		return Report{}, fmt.Errorf("verify journal %s: %w", v.head.Journal, err)
	}
	v.report.Head = v.head
	v.report.Head.Epoch = v.witness.Epoch
	v.report.Facts = v.count
	v.report.Subjects = len(v.revisions)
	v.report.Appends = len(v.appends)
	v.report.judge()
	return v.report, nil
}

// verifier walks the facts in order.
type verifier struct {
	report    Report
	head      holdfast.Head // the fact before, as stored
	witness   holdfast.Head
	count     uint64
	revisions map[holdfast.Subject]holdfast.Revision
	// appends holds the first half of each append id's SHA-256: ids are long and
	// there may be many millions.
	appends map[[16]byte]struct{}
	append  string
	time    time.Time
}

func (v *verifier) problem(p Problem) {
	if len(v.report.Problems) == maxProblems {
		v.report.MoreProblems++
		return
	}
	v.report.Problems = append(v.report.Problems, p)
}

func (v *verifier) at(position holdfast.Position, format string, args ...any) {
	v.problem(Problem{Position: position, Where: fmt.Sprintf("position %d", position), What: fmt.Sprintf(format, args...)})
}

func (v *verifier) files(ctx context.Context, storage Storage) {
	if storage == nil {
		v.report.Unchecked = append(v.report.Unchecked, "blobs, documents and stored files: this source does not show them")
		return
	}
	found, err := storage.Check(ctx)
	if err != nil {
		v.report.Unchecked = append(v.report.Unchecked, "blobs, documents and stored files: "+err.Error())
	}
	v.report.Blobs, v.report.Documents = found.Blobs, found.Documents
	v.report.Unchecked = append(v.report.Unchecked, found.Unchecked...)
	for _, p := range found.Problems {
		v.problem(p)
	}
}

// readBatch is how many facts one read asks for.
const readBatch = 2000

func (v *verifier) facts(ctx context.Context, j Journal) {
	for ctx.Err() == nil {
		facts, err := j.Read(ctx, v.head.Position, readBatch)
		if err != nil {
			v.unreadable(err)
			return
		}
		if len(facts) == 0 {
			break
		}
		for _, f := range facts {
			v.fact(f)
		}
	}
	if v.head.Position < v.witness.Position {
		v.at(v.head.Position+1, "the journal ends at position %d, but position %d was witnessed: the newest facts are missing", v.head.Position, v.witness.Position)
	}
}

func (v *verifier) unreadable(err error) {
	after := fmt.Sprintf("the facts after position %d cannot be read: %v", v.head.Position, err)
	if holdfast.CodeOf(err) == holdfast.Damaged {
		v.at(v.head.Position+1, "%s", after)
	}
	v.report.Unchecked = append(v.report.Unchecked, after)
}

// fact checks f against the one before. After a problem it goes on from what f
// itself says, so that one damage is one problem.
func (v *verifier) fact(f holdfast.Fact) {
	if f.Position != v.head.Position+1 {
		v.at(v.head.Position+1, "the next fact there is has position %d: those before it are missing", f.Position)
	} else if err := journal.Verify(v.head, f); err != nil {
		v.at(f.Position, "%s", reason(err))
	}
	if want := v.revisions[f.Subject] + 1; f.Revision != want {
		v.at(f.Position, "%s has revision %d, not %d", f.Subject, f.Revision, want)
	}
	v.appendID(f)
	if f.Time.Before(v.time) {
		if v.report.TimesBack++; v.report.TimesBack == 1 {
			v.report.FirstTimeBack = f.Position
		}
	}
	v.time = f.Time
	v.revisions[f.Subject] = f.Revision
	v.head.Position, v.head.Hash = f.Position, f.Hash
	v.count++
	if v.head.Position == v.witness.Position && v.head.Hash != v.witness.Hash {
		v.at(f.Position, "the chain's hash is %s, but %s was witnessed: these are two histories", f.Hash, v.witness.Hash)
	}
}

func (v *verifier) appendID(f holdfast.Fact) {
	if f.Append == v.append {
		return
	}
	v.append = f.Append
	sum := sha256.Sum256([]byte(f.Append))
	key := [16]byte(sum[:16])
	if _, seen := v.appends[key]; seen {
		v.at(f.Position, "the append %s is torn apart: its other facts stand further ahead", f.Append)
	}
	v.appends[key] = struct{}{}
}

// reason is the text of a damage without its place, which the report shows in a
// column of its own.
func reason(err error) string {
	var e *holdfast.Error
	if errors.As(err, &e) && len(e.Args) > 0 {
		if what, ok := e.Args[len(e.Args)-1].(string); ok {
			return what
		}
	}
	return err.Error()
}
