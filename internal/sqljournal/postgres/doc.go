// Package postgres keeps a journal.Store in PostgreSQL 14 or newer, through pgx.
// Any number of processes may use one database at once.
//
// # Commits
//
// One goroutine of a process writes facts. What waits for it goes into one call
// of the function journal_commit: one statement, one round trip, committed by
// the server itself. The function takes the lock on the row of meta first, so
// positions follow the order of commits and no reader ever sees a gap that is
// filled behind it. It judges each append by itself, gives positions and links
// the chain. Nothing is begun that a process in pause could keep open.
//
// A call is never cancelled. It is doubtful if the connection is lost before the
// server has answered, and if the server warns, as it does when somebody cancels
// its wait for a standby: the commit is visible then and a fail-over may lose
// it. Doubt is settled by the same append again and nothing else. A repetition
// of what is stored writes the beat, and so waits for the standbys anew.
//
// # Sessions
//
// A data source may name several hosts; the one that takes writes is used. After
// a fail-over sessions go there by themselves. Each session checks, before it is
// used: the format, the journal's id and epoch, that every fact this process
// knows of is there, that the server's timeline is not an older one, and what
// commits wait for (see judge). The last is checked again at each barrier, in its
// transaction.
//
// # Time-outs
//
// A lock is waited for 5 s; then nothing was done. Connections whose other end
// is gone end after 10 s on either side. A commit that waits for a standby waits
// until that comes back or the wait is cancelled; if meanwhile another host of
// the data source takes writes, the old session is given up.
//
// # News
//
// journal_commit notifies the channel holdfast_<journal id>. A connection
// listens, and looks by itself twice a second in case a notification was lost.
//
// # Decisions of stand-in
//
// [Advices] keeps an advice.Source in tables of its own, in this database or
// another one. It shares the rules for data sources and standbys, and nothing else:
// it has no lock on positions, so that packs of different shards are committed side
// by side.
package postgres
