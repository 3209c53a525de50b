// Package advices keeps decisions of stand-in (an advice.Source) in SQLite, in a
// directory of its own that belongs to one process at a time:
//
//	advices.db    the database, with its -wal and -shm
//	advices.head  the witness: what has been acknowledged last
//	advices.lock  locked by the process that uses the directory; holds its id
//
// One goroutine writes. All packs that wait for it go into one transaction, which
// is synced to disk once (synchronous=FULL). Each transaction raises the beat, a
// count of commits, and after it the witness is written, so a start that finds an
// older state, as when SQLite drops what stands behind a damaged frame of the
// -wal, refuses with code Damaged. The witness is synced once a second: a loss of
// power can take that proof for the last second, never a commit.
//
// Which shard an identity belongs to is held in memory, made anew at the start
// from the packs.
//
// The file outlasts the kill of its process and the loss of power, not the loss
// of its machine.
package advices
