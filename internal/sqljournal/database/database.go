// Package database is what the stores on SQLite share: how a database is named,
// made and synced, and what its errors mean.
package database

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Fdatasync leaves out of each sync what a commit does not need: the file's times.
// It holds for all SQLite databases of the process.
var Fdatasync = sync.OnceFunc(func() { sqlite.Fdatasync(true) })

// DSN names a database for the driver. The path is absolute. Every commit is
// synced, and nothing is moved out of the -wal but by a call.
func DSN(path, mode string, pragmas ...string) string {
	query := url.Values{"mode": {mode}, "_pragma": append([]string{
		"temp_store(memory)", "wal_autocheckpoint(0)", "synchronous(full)", "trusted_schema(0)",
	}, pragmas...)}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return u.String()
}

// Create makes a database that fill has written, all of it in one file and synced.
func Create(ctx context.Context, path string, fill func(*sql.Tx) error) error {
	db, err := sql.Open("sqlite", DSN(path, "rwc", "page_size(4096)", "journal_mode(wal)"))
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fill(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return os.Chmod(path, 0o600) // the -wal and the -shm take the mode after it
}

// Undone finds out whether a commit that answered with an error was not made. A
// full disk or a lock leaves the -wal without the commit, which reading shows:
// unmoved says so. After any other error the -wal may hold it and not be on disk,
// and a sync that failed once proves nothing when it succeeds later.
func Undone(ctx context.Context, conn *sql.Conn, cause error, unmoved func() bool) bool {
	conn.ExecContext(ctx, "ROLLBACK") // fails where SQLite has done so itself
	code := Code(cause)
	return (code == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_BUSY) && unmoved()
}

// Code returns the primary result code of SQLite, 0 if err is not its.
func Code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// NotNull is b, empty if it is nil: the driver stores nil as NULL.
func NotNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
