// Package sqljournal keeps a journal.Store in SQLite, through the pure Go port
// modernc.org/sqlite. It is the only package that knows SQL.
//
// # Files
//
// One data directory belongs to one process at a time:
//
//	journal.db      the database, pages of 4096 bytes
//	journal.db-wal  SQLite's write-ahead log: the commits since the last checkpoint
//	journal.db-shm  SQLite's index of the log; made anew at each start
//	journal.sums    a checksum for each page of journal.db
//	journal.head    the witness: what has been acknowledged last
//	journal.lock    locked by the process that uses the directory; holds its id
//
// docs/formats/journal.md gives the byte layouts and an operator's view.
//
// # Commits
//
// One goroutine writes. Everything that waits for it goes into one transaction,
// which is synced to disk once; each caller gets its own answer. Each
// transaction raises the beat, a count of commits that never goes back, and
// after it the witness is written: an answer leaves only when both stand. Until
// its transaction begins a call ends with its context; from then on it is
// carried out, and a caller that leaves early is told Doubtful.
//
// # Damage
//
// journal.db is changed by checkpoints only, and a checkpoint is followed by
// new sums before anything else is written. So at start each page either
// matches its checksum, or is replaced by a committed frame of the -wal, or is
// damaged. SQLite drops everything after the first damaged frame of the -wal
// without a word; the beat and the head then lie behind the witness. Every
// commit of the -wal must also be one beat, so commits of another program show.
// The chain of facts is verified by whoever folds them (journal.State), not a
// second time here.
//
// Open answers with code Damaged and changes nothing when something does not
// agree. Bytes that no later read uses are not held against the directory: a
// page that the -wal replaces, what follows the last commit in the -wal, the
// -shm, the lock file.
//
// What this cannot see: all files put back together to an older state (gates
// hold newer heads), a change that computes all checksums and the chain anew,
// and, after a loss of power, the loss of commits of the last second before it:
// the witness is synced once a second.
package sqljournal
