package directive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal"
)

// The register of directives is one thing, however many control nodes there are:
// what people do at several of them at once has the same outcome as in some
// order, one after another, that agrees with the order in time.

// act is what one person does, and what came of it.
type act struct {
	kind string // propose, lift, read
	id   int    // of the directive to lift
}

type outcome struct {
	id      int   // of the directive that was proposed
	refused bool  // a lift of what is not in force
	force   []int // what is in force, in the order of issue
}

// register is the register as one thing: the last id given, and what is in force.
type register struct {
	last  int
	force string
}

func (r register) list() (ids []int) {
	for field := range strings.FieldsSeq(r.force) {
		id, _ := strconv.Atoi(field)
		ids = append(ids, id)
	}
	return ids
}

func registerOf(last int, ids []int) register {
	return register{last, strings.Trim(fmt.Sprint(ids), "[]")}
}

// step is the register's specification.
func step(state, input, output any) (bool, any) {
	r, a, o := state.(register), input.(act), output.(outcome)
	force := r.list()
	switch a.kind {
	case "propose":
		return o.id == r.last+1, registerOf(r.last+1, append(force, r.last+1))
	case "lift":
		i := slices.Index(force, a.id)
		if i < 0 || o.refused {
			return i < 0 && o.refused, r
		}
		return true, registerOf(r.last, slices.Delete(force, i, i+1))
	default:
		return slices.Equal(force, o.force), r
	}
}

var model = porcupine.Model{
	Init: func() any { return register{} },
	Step: step,
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v → %+v", input, output)
	},
}

// node is a control node over a shared journal.
type node struct {
	service *directive.Service
	journal journal.Journal
	state   *journal.State
}

func newNode(t *testing.T, store journal.Store, genesis holdfast.Head) *node {
	book, gates := directive.NewBook(genesis), enrolment.NewBook()
	state := journal.NewState(store, genesis, book, gates)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- state.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	desk := &journal.Desk{Journal: store, State: state, Now: time.Now, After: func(time.Duration) <-chan time.Time { return time.After(0) }}
	return &node{service: &directive.Service{Desk: desk, Book: book, Gates: gates}, journal: store, state: state}
}

// do carries out an act. A read is current: it waits for what was there when it
// began.
func (n *node) do(ctx context.Context, a act) (o outcome, err error) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
	switch a.kind {
	case "propose":
		id, err := n.service.Propose(ctx, who, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "test"}, true)
		if err != nil {
			return o, err
		}
		o.id, err = strconv.Atoi(strings.TrimPrefix(id, "d"))
		return o, err
	case "lift":
		err := n.service.Lift(ctx, who, "d"+strconv.Itoa(a.id), 0, "test")
		if code := holdfast.CodeOf(err); code == holdfast.Conflict || code == holdfast.NotFound {
			return outcome{refused: true}, nil
		}
		return o, err
	}
	head, err := n.journal.Barrier(ctx)
	if err == nil {
		err = n.state.Reach(ctx, head.Position)
	}
	n.state.View(func() {
		for _, d := range n.service.Book.InForce("") {
			id, _ := strconv.Atoi(strings.TrimPrefix(d.ID, "d"))
			o.force = append(o.force, id)
		}
	})
	return o, err
}

// concurrently lets people act at two nodes at once, and returns the history.
func concurrently(t *testing.T, nodes []*node, people, acts int, seed uint64) (history []porcupine.Operation) {
	var clock, proposed atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for who := range people {
		rng := rand.New(rand.NewPCG(seed, uint64(who)))
		wg.Go(func() {
			for range acts {
				a := act{kind: []string{"propose", "lift", "lift", "read"}[rng.IntN(4)]}
				if a.kind == "lift" {
					a.id = 1 + rng.IntN(int(proposed.Load())+1)
				}
				call := clock.Add(1)
				o, err := nodes[who%len(nodes)].do(t.Context(), a)
				back := clock.Add(1)
				if err != nil {
					t.Errorf("%+v: %v", a, err)
					return
				}
				if a.kind == "propose" {
					proposed.Add(1)
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: who, Input: a, Call: call, Output: o, Return: back})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return history
}

func checkLinear(t *testing.T, history []porcupine.Operation, seed uint64) {
	t.Helper()
	if result := porcupine.CheckOperationsTimeout(model, history, time.Minute); result != porcupine.Ok {
		for _, o := range history {
			t.Logf("%d: %d to %d: %+v → %+v", o.ClientId, o.Call, o.Return, o.Input, o.Output)
		}
		t.Errorf("seed %d: no order explains it: %v", seed, result)
	}
}

func TestTheRegisterIsLinearizableInMemory(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		store := journal.NewMemory("j")
		rng := rand.New(rand.NewPCG(seed, 1))
		for range 10 {
			if rng.IntN(2) == 0 {
				store.Doubt(rng.IntN(2) == 0)
			}
		}
		nodes := []*node{newNode(t, store, store.Genesis()), newNode(t, store, store.Genesis())}
		checkLinear(t, concurrently(t, nodes, 6, 8, seed), seed)
	}
}

func TestTheRegisterIsLinearizableInSQLite(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		store, err := sqljournal.Open(t.Context(), sqljournal.Options{Dir: filepath.Join(t.TempDir(), "journal")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
		nodes := []*node{newNode(t, store, store.Genesis()), newNode(t, store, store.Genesis())}
		checkLinear(t, concurrently(t, nodes, 6, 8, seed), seed)
	}
}

// The check finds what it is for: a read that misses what came before it, a
// directive that is lifted twice, an id that is given twice.
func TestTheCheckFindsFaults(t *testing.T) {
	t.Parallel()
	at := func(n int64, a act, o outcome) porcupine.Operation {
		return porcupine.Operation{ClientId: int(n), Input: a, Call: 2 * n, Output: o, Return: 2*n + 1}
	}
	propose := act{kind: "propose"}
	for name, history := range map[string][]porcupine.Operation{
		"a stale read":   {at(1, propose, outcome{id: 1}), at(2, act{kind: "read"}, outcome{})},
		"lifted twice":   {at(1, propose, outcome{id: 1}), at(2, act{kind: "lift", id: 1}, outcome{}), at(3, act{kind: "lift", id: 1}, outcome{})},
		"one id for two": {at(1, propose, outcome{id: 1}), at(2, propose, outcome{id: 1})},
	} {
		if porcupine.CheckOperations(model, history) {
			t.Errorf("%s is not found", name)
		}
	}
}
