package advices

// migrations bring the database from one format to the next: entry i makes format
// i+1. They are never changed, only added to.
//
// A pack's key is its shard and its revision: shard << 40 | revision. The body
// stands last, so that a start reads the rest without it.
var migrations = []string{`
CREATE TABLE meta (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	id     TEXT    NOT NULL,
	shards INTEGER NOT NULL,
	beat   INTEGER NOT NULL -- counts commits
) STRICT;
CREATE TABLE pack (
	key   INTEGER PRIMARY KEY,
	id    TEXT NOT NULL,
	hash  BLOB NOT NULL, -- the chain after it
	names BLOB NOT NULL, -- 8 bytes each, big endian
	body  BLOB NOT NULL
) STRICT;
CREATE TABLE cut (
	shard    INTEGER PRIMARY KEY,
	revision INTEGER NOT NULL,
	hash     BLOB    NOT NULL
) STRICT;
CREATE TABLE snapshot (
	key     INTEGER PRIMARY KEY, -- as a pack's
	hash    BLOB    NOT NULL,
	version INTEGER NOT NULL,
	body    BLOB    NOT NULL
) STRICT;
CREATE TABLE ledger (
	key      TEXT    PRIMARY KEY,
	revision INTEGER NOT NULL,
	body     BLOB    NOT NULL
) STRICT;
`}

const (
	sqlFormat = `PRAGMA user_version`
	sqlCreate = `INSERT INTO meta (one, id, shards, beat) VALUES (1, ?, ?, 0)`
	sqlMeta   = `SELECT id, shards, beat FROM meta`
	sqlBeat   = `UPDATE meta SET beat = ?`

	sqlBegin    = `BEGIN IMMEDIATE`
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`

	sqlPack     = `INSERT INTO pack (key, id, hash, names, body) VALUES (?, ?, ?, ?, ?)`
	sqlPackID   = `SELECT id FROM pack WHERE key = ?`
	sqlPackHash = `SELECT hash FROM pack WHERE key = ?`
	sqlAll      = `SELECT key, hash, names FROM pack ORDER BY key`
	sqlPacks    = `SELECT key, id, hash, body FROM pack WHERE key > ? AND key < ? ORDER BY key LIMIT ?`
	sqlNames    = `SELECT names FROM pack WHERE key > ? AND key <= ?`
	sqlDrop     = `DELETE FROM pack WHERE key > ? AND key <= ?`

	sqlCuts    = `SELECT shard, revision, hash FROM cut`
	sqlCutHash = `SELECT hash FROM cut WHERE shard = ?`
	sqlPutCut  = `INSERT INTO cut (shard, revision, hash) VALUES (?, ?, ?)
		ON CONFLICT (shard) DO UPDATE SET revision = excluded.revision, hash = excluded.hash`

	// Of a shard's snapshots the newest two stay.
	sqlPutSnapshot   = `INSERT INTO snapshot (key, hash, version, body) VALUES (?, ?, ?, ?)`
	sqlDropSnapshots = `DELETE FROM snapshot WHERE key > ?1 AND key < ?2 AND (key >= ?3
		OR key < (SELECT max(key) FROM snapshot WHERE key > ?1 AND key < ?3))`
	sqlSnapshots = `SELECT key, hash, version, body FROM snapshot WHERE key > ? AND key < ? ORDER BY key DESC LIMIT 2`

	sqlLedger    = `SELECT revision, body FROM ledger WHERE key = ?`
	sqlLedgerAt  = `SELECT revision FROM ledger WHERE key = ?`
	sqlPutLedger = `INSERT INTO ledger (key, revision, body) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, body = excluded.body`

	sqlDropLedger = `DELETE FROM ledger WHERE key = ?`

	sqlCheckpoint = `PRAGMA wal_checkpoint(PASSIVE)`
	sqlSize       = `SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()`
)
