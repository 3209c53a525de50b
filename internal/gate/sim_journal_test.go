package gate_test

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// database is the journal that all nodes share: a primary that answers when a
// standby has what was written, and that fails over. It keeps the contract of
// journal.Journal and is otherwise as unhelpful as that allows: it answers late,
// not at all or with a doubt, and what nobody was told is lost in a fail-over.
type database struct {
	w       *world
	mem     *journal.Memory
	commits []*commit
	durable int // how many of them are
	epoch   int // counts fail-overs
	down    bool
	// early lets facts be read before they are durable, as a cancelled wait for the
	// standby does.
	early bool

	// The shares of appends whose answer is lost, and that are carried out long
	// after the caller was told that nobody knows.
	doubt, late float64
	// hold keeps an append from being carried out; its caller is told that nobody
	// knows.
	hold func(journal.Append) bool
	// stall, if set, holds up what arrives until it returns.
	stall func()
	slow  time.Duration // added to each append and barrier
	// standby is how long the standby takes at least; 0 means less than 3 ms.
	standby time.Duration
}

type commit struct {
	append  journal.Append
	last    holdfast.Position
	durable bool
	lost    bool
}

const journalID = "sim"

func newDatabase(w *world) *database { return &database{w: w, mem: journal.NewMemory(journalID)} }

func unavailable() error { return holdfast.Errorf(holdfast.Unavailable, "the database is away") }

func doubtful() error { return holdfast.Errorf(holdfast.Doubtful, "no answer from the database") }

// write commits an append, once, and begins to replicate it.
func (db *database) write(a journal.Append) (journal.Receipt, *commit, error) {
	receipt, err := db.mem.Append(context.Background(), a)
	if err != nil {
		return receipt, nil, err
	}
	for _, c := range db.commits {
		if c.append.ID == a.ID {
			return receipt, c, nil
		}
	}
	c := &commit{append: a, last: receipt.Last}
	db.commits = append(db.commits, c)
	if db.early {
		db.show(c)
	}
	db.w.after(max(db.standby, db.w.between(100*time.Microsecond, 3*time.Millisecond)), func() { db.replicated(c) })
	return receipt, c, nil
}

// replicated makes a commit durable, and those before it.
func (db *database) replicated(c *commit) {
	if c.lost || db.down {
		return
	}
	for n := db.durable; n < len(db.commits); n++ {
		next := db.commits[n]
		if next.last > c.last {
			break
		}
		next.durable = true
		db.durable = n + 1
		if !db.early {
			db.show(next)
		}
	}
}

// show makes the facts of a commit seen, by the nodes and by the truth.
func (db *database) show(c *commit) {
	facts, _ := db.mem.Read(context.Background(), c.last-holdfast.Position(len(c.append.Facts)), 1)
	for _, f := range facts {
		db.w.truth.saw(f)
	}
	for _, n := range db.w.nodes {
		n.notice()
	}
}

// head is how far facts may be read.
func (db *database) head() holdfast.Position {
	if db.early {
		return db.mem.Head().Position
	}
	if db.durable == 0 {
		return 0
	}
	return db.commits[db.durable-1].last
}

// failOver takes the database away for a time. Of what is not durable the new
// primary has as much as keep says.
func (db *database) failOver(away time.Duration, keep func(open int) int) {
	if db.down {
		return
	}
	db.down = true
	kept := db.durable + keep(len(db.commits)-db.durable)
	lost := db.commits[kept:]
	db.w.logf("the database fails over: %d commits, %d of them durable, %d kept", len(db.commits), db.durable, kept)
	db.commits = db.commits[:kept:kept]
	for _, c := range lost {
		c.lost = true
	}
	db.w.after(away, func() {
		db.down = false
		db.epoch++
		if len(lost) > 0 {
			db.mem = journal.NewMemory(journalID)
			for _, c := range db.commits {
				if _, err := db.mem.Append(context.Background(), c.append); err != nil {
					panic(err)
				}
			}
		}
		if len(db.commits) > 0 {
			db.replicated(db.commits[len(db.commits)-1])
		}
		db.w.logf("the database is back at position %d", db.mem.Head().Position)
	})
}

// travel is the way of a request to the database, or of its answer.
func (db *database) travel() {
	db.w.sleep(db.slow + db.w.between(50*time.Microsecond, time.Millisecond))
}

// arrive waits until a request is taken.
func (db *database) arrive() error {
	db.travel()
	if db.stall != nil {
		db.stall()
	}
	if db.down {
		return unavailable()
	}
	return nil
}

// settled waits until a commit is durable. It reports false if the connection
// broke first.
func (db *database) settled(c *commit, epoch int) bool {
	for !c.durable {
		if c.lost || db.down || db.epoch != epoch {
			return false
		}
		db.w.sleep(200 * time.Microsecond)
	}
	return true
}

func (db *database) append(a journal.Append) (journal.Receipt, error) {
	if err := db.arrive(); err != nil {
		return journal.Receipt{}, err
	}
	if db.hold != nil && db.hold(a) {
		return journal.Receipt{}, doubtful()
	}
	epoch := db.epoch
	if db.w.chance(db.late) {
		db.w.logf("an append of %s is held up", a.Facts[0].Kind)
		db.w.after(db.w.between(time.Millisecond, 2*time.Second), func() {
			if !db.down && db.epoch == epoch {
				db.write(a)
			}
		})
		db.w.sleep(db.w.between(0, 300*time.Millisecond))
		return journal.Receipt{}, doubtful()
	}
	receipt, c, err := db.write(a)
	if err != nil {
		return receipt, err
	}
	if !db.settled(c, epoch) || db.w.chance(db.doubt) {
		return journal.Receipt{}, doubtful()
	}
	db.travel()
	return receipt, nil
}

func (db *database) barrier() (holdfast.Head, error) {
	if err := db.arrive(); err != nil {
		return holdfast.Head{}, err
	}
	head, epoch := db.mem.Head(), db.epoch
	if len(db.commits) > 0 && !db.settled(db.commits[len(db.commits)-1], epoch) {
		return holdfast.Head{}, unavailable()
	}
	db.travel()
	return head, nil
}

func (db *database) read(after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	if db.down {
		return nil, unavailable()
	}
	facts, err := db.mem.Read(context.Background(), after, limit)
	for n := range facts {
		if facts[n].Position > db.head() {
			return facts[:n], err
		}
	}
	return facts, err
}

// folding is the journal as a node's fold reads it.
type folding struct{ db *database }

func (f folding) Append(context.Context, journal.Append) (journal.Receipt, error) {
	panic("the fold does not write")
}
func (f folding) Barrier(context.Context) (holdfast.Head, error) { panic("the fold does not write") }
func (f folding) Wait(context.Context, holdfast.Position) error  { panic("the fold is told") }
func (f folding) Read(_ context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	return f.db.read(after, limit)
}

// writing is the journal as a node's acts use it. What an answer names is folded
// when the answer is there, so nobody has to wait for the fold.
type writing struct{ n *simNode }

func (j writing) Append(_ context.Context, a journal.Append) (journal.Receipt, error) {
	receipt, err := j.n.w.db.append(a)
	if err == nil {
		j.n.reach(receipt.Last)
	}
	return receipt, err
}

func (j writing) Barrier(context.Context) (holdfast.Head, error) {
	head, err := j.n.w.db.barrier()
	if err == nil {
		j.n.reach(head.Position)
	}
	return head, err
}

func (j writing) Wait(context.Context, holdfast.Position) error { panic("nobody waits") }

func (j writing) Read(_ context.Context, after holdfast.Position, limit int) ([]holdfast.Fact, error) {
	return j.n.w.db.read(after, limit)
}
