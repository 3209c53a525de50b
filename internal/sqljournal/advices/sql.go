package advices

// format is that of the tables. Whoever changes one raises it: a source of another format
// is refused. In format 1 all packs were in one table, or each shard had its own.
const format = 2

// sqlTables makes the tables but those of packs, which are [tables] of [sqlCreatePacks]. A
// pack's key, and a snapshot's, is its shard and its revision: shard << 40 | revision.
const sqlTables = `
CREATE TABLE meta (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	id     TEXT    NOT NULL,
	shards INTEGER NOT NULL,
	beat   INTEGER NOT NULL -- counts commits
) STRICT;
CREATE TABLE cut (
	shard    INTEGER PRIMARY KEY,
	revision INTEGER NOT NULL,
	hash     BLOB    NOT NULL
) STRICT;
CREATE TABLE snapshot (
	key     INTEGER PRIMARY KEY, -- of its shard and revision
	hash    BLOB    NOT NULL,
	version INTEGER NOT NULL,
	body    BLOB    NOT NULL
) STRICT;
CREATE TABLE ledger (
	key      TEXT    PRIMARY KEY,
	revision INTEGER NOT NULL,
	body     BLOB    NOT NULL
) STRICT;
`

// tables is how many tables packs are in: shard n is in that of n modulo tables.
const tables = 16

// What concerns the packs of one shard, in its table: see [ofShard]. Where no two shards
// share one, what is appended comes behind all that is there, which writes half as many
// pages as a place between the packs of other shards. The body stands last, so that a
// start reads the rest without it.
const (
	sqlCreatePacks = `
CREATE TABLE pack_%d (
	key   INTEGER PRIMARY KEY, -- of its shard and revision
	id    TEXT NOT NULL,
	hash  BLOB NOT NULL, -- the chain after it
	names BLOB NOT NULL, -- 8 bytes each, big endian
	body  BLOB NOT NULL
) STRICT`
	sqlPack     = `INSERT INTO pack_%d (key, id, hash, names, body) VALUES (?, ?, ?, ?, ?)`
	sqlPackID   = `SELECT id FROM pack_%d WHERE key = ?`
	sqlPackHash = `SELECT hash FROM pack_%d WHERE key = ?`
	sqlAll      = `SELECT key, hash, names FROM pack_%d ORDER BY key`
	sqlPacks    = `SELECT key, id, hash, body FROM pack_%d WHERE key > ? AND key < ? ORDER BY key LIMIT ?`
	sqlNames    = `SELECT names FROM pack_%d WHERE key > ? AND key <= ?`
	sqlDrop     = `DELETE FROM pack_%d WHERE key > ? AND key <= ?`
)

const (
	sqlFormat = `PRAGMA user_version`
	sqlCreate = `INSERT INTO meta (one, id, shards, beat) VALUES (1, ?, ?, 0)`
	sqlMeta   = `SELECT id, shards, beat FROM meta`
	sqlBeat   = `UPDATE meta SET beat = ?`

	sqlBegin    = `BEGIN IMMEDIATE`
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`

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
