package sqljournal

// This file holds all SQL. Statements are plain, so that a second dialect needs
// few changes: json_each is the one function that is SQLite's own.

// migrations bring the database from one format to the next: entry i makes
// format i+1. They are never changed, only added to.
var migrations = []string{`
CREATE TABLE migration (
	format  INTEGER PRIMARY KEY,
	applied INTEGER NOT NULL -- microseconds since 1970
) STRICT;
CREATE TABLE meta (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	journal TEXT    NOT NULL,
	epoch   INTEGER NOT NULL,
	beat    INTEGER NOT NULL -- counts commits
) STRICT;
CREATE TABLE fact (
	position  INTEGER PRIMARY KEY,
	append    TEXT    NOT NULL,
	subject   TEXT    NOT NULL,
	revision  INTEGER NOT NULL,
	kind      TEXT    NOT NULL,
	actor     TEXT    NOT NULL, -- JSON
	time      INTEGER NOT NULL, -- microseconds since 1970
	body_hash BLOB    NOT NULL,
	hash      BLOB    NOT NULL,
	body      BLOB    NOT NULL, -- JSON
	UNIQUE (subject, revision)
) STRICT;
CREATE INDEX fact_append ON fact (append, position);
CREATE TABLE document (
	key      TEXT    PRIMARY KEY,
	revision INTEGER NOT NULL,
	expires  INTEGER NOT NULL, -- microseconds since 1970, 0 for never
	body     BLOB    NOT NULL
) STRICT;
CREATE INDEX document_expires ON document (expires);
CREATE TABLE blob (
	hash BLOB PRIMARY KEY,
	body BLOB NOT NULL
) STRICT;
`}

const (
	sqlFormat    = `SELECT max(format) FROM migration`
	sqlMigrated  = `INSERT INTO migration (format, applied) VALUES (?, ?)`
	sqlCreate    = `INSERT INTO meta (one, journal, epoch, beat) VALUES (1, ?, ?, 0)`
	sqlMeta      = `SELECT journal, epoch, beat FROM meta`
	sqlBeat      = `UPDATE meta SET beat = ?`
	sqlLast      = `SELECT position, hash FROM fact ORDER BY position DESC LIMIT 1`
	sqlHash      = `SELECT hash FROM fact WHERE position = ?`
	sqlIntegrity = `PRAGMA integrity_check(20)`

	// A restored journal: cut after a position, without some documents, in a new
	// epoch.
	sqlCut           = `DELETE FROM fact WHERE position > ?`
	sqlDropDocuments = `DELETE FROM document WHERE key >= ? AND key < ?`
	sqlRevision      = `SELECT max(revision) FROM fact WHERE subject = ?`
	sqlNewEpoch      = `UPDATE meta SET epoch = ?, beat = ?`

	sqlBegin    = `BEGIN IMMEDIATE`
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`

	// sqlRevisions and sqlAppends look up a JSON array of names at once.
	sqlRevisions = `SELECT value, (SELECT max(revision) FROM fact WHERE subject = value) FROM json_each(?)`
	sqlAppends   = `SELECT append, min(position), max(position) FROM fact
		WHERE append IN (SELECT value FROM json_each(?)) GROUP BY append`
	sqlFact = `INSERT INTO fact
		(position, append, subject, revision, kind, actor, time, body_hash, hash, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	sqlFacts = `SELECT position, append, subject, revision, kind, actor, time, body_hash, hash, body
		FROM fact WHERE position > ? ORDER BY position LIMIT ?`

	sqlDocument    = `SELECT key, revision, expires, body FROM document WHERE key = ?`
	sqlDocuments   = `SELECT key, revision, expires, body FROM document WHERE key >= ? ORDER BY key`
	sqlPutDocument = `INSERT INTO document (key, revision, expires, body) VALUES (?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, expires = excluded.expires, body = excluded.body`
	sqlDeleteDocument = `DELETE FROM document WHERE key = ?`
	sqlDeleteExpired  = `DELETE FROM document WHERE expires > 0 AND expires <= ?`
	sqlCountDocuments = `SELECT count(*) FROM document`

	sqlBlob    = `SELECT body FROM blob WHERE hash = ?`
	sqlHasBlob = `SELECT EXISTS (SELECT 1 FROM blob WHERE hash = ?)`
	sqlBlobs   = `SELECT hash, body FROM blob`
	sqlPutBlob = `INSERT INTO blob (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`

	// A checkpoint answers busy, frames in the -wal, frames moved. RESTART moves
	// all and lets the next commit begin the -wal anew; TRUNCATE also empties the
	// file; NOOP only answers.
	sqlCheckpoint = `PRAGMA wal_checkpoint(RESTART)`
	sqlTruncate   = `PRAGMA wal_checkpoint(TRUNCATE)`
	sqlFrames     = `PRAGMA wal_checkpoint(NOOP)`
)
