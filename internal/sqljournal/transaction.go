package sqljournal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/database"
)

// transaction is one commit in the making. Calls are applied to it one after
// the other, and each sees what those before it wrote. A call whose expectation
// does not hold writes nothing and does not disturb its neighbours; only an
// error of SQL, kept in err, undoes them all.
type transaction struct {
	ctx       context.Context
	st        *statements
	head      holdfast.Head // as the transaction leaves it
	now       time.Time
	revisions map[holdfast.Subject]holdfast.Revision
	receipts  map[string]journal.Receipt
	dirty     bool // there is something to commit
	err       error
}

// exec runs a statement and returns how many rows it changed.
func (tx *transaction) exec(stmt *sql.Stmt, args ...any) int64 {
	if tx.err != nil {
		return 0
	}
	result, err := stmt.ExecContext(tx.ctx, args...)
	if err != nil {
		tx.err = err
		return 0
	}
	n, _ := result.RowsAffected() // SQLite always knows
	return n
}

// lookUp reads the revisions and receipts that the appends of a batch ask for.
func (tx *transaction) lookUp(batch []*request) {
	tx.revisions = map[holdfast.Subject]holdfast.Revision{}
	tx.receipts = map[string]journal.Receipt{}
	var ids []string
	var subjects []holdfast.Subject
	for _, r := range batch {
		if r.append == nil {
			continue
		}
		ids = append(ids, r.append.ID)
		for _, d := range r.append.Facts {
			if _, listed := tx.revisions[d.Subject]; !listed {
				tx.revisions[d.Subject] = 0
				subjects = append(subjects, d.Subject)
			}
		}
	}
	if len(ids) == 0 {
		return
	}
	tx.query(tx.st.appends, ids, func(rows *sql.Rows) error {
		var id string
		var r journal.Receipt
		err := rows.Scan(&id, &r.First, &r.Last)
		tx.receipts[id] = r
		return err
	})
	tx.query(tx.st.revisions, subjects, func(rows *sql.Rows) error {
		var subject holdfast.Subject
		var revision sql.Null[int64]
		err := rows.Scan(&subject, &revision)
		tx.revisions[subject] = holdfast.Revision(revision.V)
		return err
	})
}

// query gives each row that a lookup of names finds to scan.
func (tx *transaction) query(stmt *sql.Stmt, names any, scan func(*sql.Rows) error) {
	if tx.err != nil {
		return
	}
	list, err := json.Marshal(names)
	if err != nil {
		tx.err = err
		return
	}
	rows, err := stmt.QueryContext(tx.ctx, string(list))
	if err != nil {
		tx.err = err
		return
	}
	defer rows.Close()
	for rows.Next() {
		if tx.err = scan(rows); tx.err != nil {
			return
		}
	}
	tx.err = rows.Err()
}

func (tx *transaction) append(a *journal.Append) (journal.Receipt, error) {
	if receipt, known := tx.receipts[a.ID]; known {
		return receipt, nil
	}
	if err := journal.Expect(*a, func(s holdfast.Subject) holdfast.Revision { return tx.revisions[s] }); err != nil {
		return journal.Receipt{}, err
	}
	facts, head := journal.Seal(tx.head, *a)
	actor, err := json.Marshal(a.Actor)
	if err != nil {
		return journal.Receipt{}, err
	}
	for _, f := range facts {
		tx.exec(tx.st.fact, int64(f.Position), f.Append, string(f.Subject), int64(f.Revision), f.Kind,
			string(actor), f.Time.UnixMicro(), f.BodyHash[:], f.Hash[:], []byte(f.Body))
		tx.revisions[f.Subject] = f.Revision
	}
	receipt := journal.Receipt{First: tx.head.Position + 1, Last: head.Position}
	tx.receipts[a.ID], tx.head, tx.dirty = receipt, head, true
	return receipt, nil
}

// putDocument reads the document itself: documents of one key are rarely
// written at once.
func (tx *transaction) putDocument(d journal.Document) (holdfast.Revision, error) {
	stored, err := scanDocument(tx.st.document.QueryRowContext(tx.ctx, d.Key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		stored, err = journal.Document{}, nil
	}
	if err != nil {
		tx.err = err
		return 0, err
	}
	if expired(stored, tx.now) {
		stored.Revision = 0
	}
	if stored.Revision != d.Revision {
		return 0, journal.MovedDocument(d, stored.Revision)
	}
	var expires int64
	if !d.Expires.IsZero() {
		expires = d.Expires.UnixMicro()
	}
	tx.exec(tx.st.putDocument, d.Key, int64(d.Revision+1), expires, database.NotNull(d.Body))
	tx.dirty = true
	return d.Revision + 1, nil
}

// purge is the call that removes expired documents. Without any it commits
// nothing.
func purge() *request {
	return &request{apply: func(tx *transaction) error {
		if tx.exec(tx.st.deleteExpired, tx.now.UnixMicro()) > 0 {
			tx.dirty = true
		}
		return nil
	}}
}
