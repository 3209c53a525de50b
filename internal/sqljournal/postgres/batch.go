package postgres

import (
	"encoding/json"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// request is a call that waits for the writing goroutine: an append, or a
// barrier if it has none.
type request struct {
	commit.Call
	append  *journal.Append
	receipt journal.Receipt // the answer to an append
	head    holdfast.Head   // the answer to a barrier
}

func newAppend(a *journal.Append) *request {
	r := &request{append: a}
	for _, d := range a.Facts {
		r.Size += len(d.Body)
	}
	return r
}

// batch holds the arguments of journal_commit for some requests.
type batch struct {
	appends []*request
	beating bool

	ids, subjects      []string
	aID, aEnd, fAbout  []int32
	expect, time       []int64
	fAppend, fSubject  []string
	fKind, fActor      []string
	sums, leaves, body [][]byte
}

// newBatch lays out requests that were begun. The leaf of a fact depends on
// nothing that the server has yet to say.
func newBatch(requests []*request) (*batch, error) {
	b := &batch{}
	ids, subjects := map[string]int32{}, map[holdfast.Subject]int32{}
	for _, r := range requests {
		if r.append == nil {
			b.beating = true
			continue
		}
		a := *r.append
		actor, err := json.Marshal(a.Actor)
		if err != nil {
			return nil, err
		}
		if ids[a.ID] == 0 {
			b.ids = append(b.ids, a.ID)
			ids[a.ID] = int32(len(b.ids))
		}
		facts, _ := journal.Seal(holdfast.Head{}, a)
		for _, f := range facts {
			if subjects[f.Subject] == 0 {
				b.subjects = append(b.subjects, string(f.Subject))
				subjects[f.Subject] = int32(len(b.subjects))
			}
			leaf := journal.Leaf(f)
			b.fAbout = append(b.fAbout, subjects[f.Subject])
			b.expect = append(b.expect, int64(f.Revision-1))
			b.fAppend = append(b.fAppend, f.Append)
			b.fSubject = append(b.fSubject, string(f.Subject))
			b.fKind = append(b.fKind, f.Kind)
			b.fActor = append(b.fActor, string(actor))
			b.time = append(b.time, f.Time.UnixMicro())
			b.sums = append(b.sums, f.BodyHash[:])
			b.leaves = append(b.leaves, leaf[:])
			b.body = append(b.body, f.Body)
		}
		b.appends = append(b.appends, r)
		b.aID = append(b.aID, ids[a.ID])
		b.aEnd = append(b.aEnd, int32(len(b.fAbout)))
	}
	return b, nil
}

// args are those of sqlCommit. An array that is nil would be NULL there.
func (b *batch) args() []any {
	return []any{
		b.beating, filled(b.ids), filled(b.subjects), filled(b.aID), filled(b.aEnd), filled(b.fAbout), filled(b.expect),
		filled(b.fAppend), filled(b.fSubject), filled(b.fKind), filled(b.fActor), filled(b.time), filled(b.sums), filled(b.leaves), filled(b.body),
	}
}

func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// result is what journal_commit answers.
type result struct {
	first, last, actual []int64
	refused             []int32
	head                holdfast.Head
	beat                uint64
	standing            []byte // JSON, after a barrier
}

func (r *result) scan(row interface{ Scan(...any) error }) error {
	var epoch int32
	var position, beat int64
	var hash []byte
	err := row.Scan(&r.first, &r.last, &r.refused, &r.actual, &r.head.Journal, &epoch, &position, &hash, &beat, &r.standing)
	copy(r.head.Hash[:], hash)
	r.head.Epoch, r.head.Position, r.beat = uint32(epoch), holdfast.Position(position), uint64(beat)
	return err
}

// answer tells each request what became of it.
func (b *batch) answer(requests []*request, r *result) {
	for i, q := range b.appends {
		if r.refused[i] > 0 {
			f := r.refused[i] - 1
			q.Answer(journal.Conflict(journal.Mismatch{
				Subject: holdfast.Subject(b.fSubject[f]), Expect: holdfast.Revision(b.expect[f]), Actual: holdfast.Revision(r.actual[i]),
			}))
			continue
		}
		q.receipt = journal.Receipt{First: holdfast.Position(r.first[i]), Last: holdfast.Position(r.last[i])}
		q.Answer(nil)
	}
	for _, q := range requests {
		if q.append == nil {
			q.head = r.head
			q.Answer(nil)
		}
	}
}
