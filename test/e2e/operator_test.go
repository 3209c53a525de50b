package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/directive"
	"holdfast/internal/view"
)

// operator acts at a control node that may be killed at any moment: he reports,
// takes notes, stops and limits payments and lifts that again, round after round.
// He remembers what the node acknowledged.
type operator struct {
	s                    *system
	flow                 *balancer
	rng                  *rand.Rand
	first, second, third *client.Client // three people; only the last two may lift
	incident             string

	enough chan struct{} // closed when the present round is to be the last
	ended  chan struct{} // closed when it was
	err    error         // set before ended is closed

	mu     sync.Mutex
	acts   []act
	stops  []*order
	rounds int
	round  chan struct{} // closed and replaced after each round
	marks  int
}

// act is something that the node acknowledged: a fact of a kind with a key, which
// is the subject's id or, of a note, its text.
type act struct{ kind, key string }

// order is a stop or limit that the node confirmed.
type order struct {
	id, scope string
	stop      bool
	position  holdfast.Position
	confirmed time.Time // by the node
	// lifting is just before the first request to lift it was made.
	lifting time.Time
	lifted  bool // acknowledged
}

func (s *system) operator(flow *balancer, seed uint64) *operator {
	o := s.idleOperator(flow, seed)
	o.ended = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(o.ended)
		o.err = o.work(ctx)
	}()
	s.t.Cleanup(func() {
		cancel()
		<-o.ended
	})
	return o
}

// idleOperator acts only when he is told to.
func (s *system) idleOperator(flow *balancer, seed uint64) *operator {
	o := &operator{
		s: s, flow: flow, rng: rand.New(rand.NewPCG(seed, 2)), first: s.api(), second: s.approver(), third: s.superior(),
		enough: make(chan struct{}), ended: make(chan struct{}), round: make(chan struct{}),
	}
	close(o.ended)
	return o
}

func (o *operator) work(ctx context.Context) error {
	var opened client.Created
	err := o.insist(ctx, func(bool) (err error) {
		opened, err = client.Post[client.Created](ctx, o.first, "/incidents", map[string]any{"title": "somebody pulls plugs"})
		return err
	})
	for o.incident = opened.ID; err == nil; {
		select {
		case <-o.enough:
			return nil
		default:
		}
		err = o.workRound(ctx)
		o.mu.Lock()
		o.rounds++
		close(o.round)
		o.round = make(chan struct{})
		o.mu.Unlock()
	}
	return err
}

func (o *operator) workRound(ctx context.Context) error {
	if err := o.tell(ctx); err != nil {
		return err
	}
	kind := client.Directive{Kind: "stop", Scope: "all"}
	switch o.rng.IntN(4) {
	case 0:
		kind.Scope = `channel == "app"`
	case 1:
		kind = client.Directive{Kind: "limit", Scope: "all", Share: 0.5}
	}
	d, err := o.order(ctx, kind)
	if err != nil {
		return fmt.Errorf("%s %s: %w", kind.Kind, kind.Scope, err)
	}
	if err := o.look(ctx); err != nil {
		return err
	}
	if err := o.lift(ctx, d); err != nil {
		return err
	}
	return o.look(ctx)
}

// look lets some customers come.
func (o *operator) look(ctx context.Context) error {
	select {
	case <-o.flow.after(1 + o.rng.IntN(30)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// insist tries until the node answers. A try that the node did not answer may have
// been carried out; the next one is told so.
func (o *operator) insist(ctx context.Context, try func(again bool) error) error {
	for again := false; ; again = true {
		err := try(again)
		if code := holdfast.CodeOf(err); code != holdfast.Unavailable && code != holdfast.Doubtful {
			return err
		}
		select {
		case <-o.s.serves():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *operator) acknowledged(kind, key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.acts = append(o.acts, act{kind, key})
}

// mark is a text that stands in one act only.
func (o *operator) mark() string {
	o.marks++
	return fmt.Sprintf("act %d", o.marks)
}

// tell reports something and takes a note.
func (o *operator) tell(ctx context.Context) error {
	err := o.insist(ctx, func(bool) error {
		made, err := client.Post[client.Created](ctx, o.first, "/reports", map[string]any{"summary": o.mark()})
		if err == nil {
			o.acknowledged("alert.received", made.ID)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return o.insist(ctx, func(bool) error {
		text := o.mark()
		err := o.first.Do(ctx, http.MethodPost, "/incidents/"+o.incident+"/notes", map[string]any{"text": text}, nil)
		if err == nil {
			o.acknowledged("incident.noted", text)
		}
		return err
	})
}

// order puts a directive in force and waits until it is confirmed.
func (o *operator) order(ctx context.Context, d client.Directive) (*order, error) {
	d.Reason = o.mark()
	var id string
	if err := o.insist(ctx, func(again bool) (err error) {
		if again {
			if id, err = o.find(ctx, d.Reason); err != nil || id != "" {
				return err
			}
		}
		made, err := client.Post[client.Created](ctx, o.first, "/directives", d)
		if id = made.ID; err == nil {
			o.acknowledged(directive.KindProposed, id)
		}
		return err
	}); err != nil {
		return nil, err
	}
	if err := o.insist(ctx, func(bool) error { return o.approve(ctx, id) }); err != nil {
		return nil, fmt.Errorf("approve: %w", err)
	}
	limited, cancel := limited(o.s.t, ctx)
	defer cancel()
	v, err := o.first.AwaitConfirmed(limited, id)
	if err != nil {
		return nil, fmt.Errorf("%w: %+v", err, v.Gates)
	}
	o.acknowledged(directive.KindIssued, id)
	o.acknowledged(directive.KindConfirmed, id)
	made := &order{id: id, scope: d.Scope, stop: d.Kind == "stop", position: v.Position, confirmed: v.Confirmed}
	o.mu.Lock()
	o.stops = append(o.stops, made)
	o.mu.Unlock()
	return made, nil
}

// find looks for a directive of whose proposal the node said nothing.
func (o *operator) find(ctx context.Context, reason string) (id string, err error) {
	page, err := client.Get[view.Page[view.Directive]](ctx, o.first, "/directives?limit=5")
	for _, d := range page.Items {
		if d.Reason == reason {
			id = d.ID
		}
	}
	return id, err
}

// approve does so where the plan asks for a second person.
func (o *operator) approve(ctx context.Context, id string) error {
	v, err := client.Get[view.Directive](ctx, o.first, "/directives/"+id)
	if err != nil || v.State != string(directive.Proposed) {
		return err
	}
	if err := o.second.Do(ctx, http.MethodPost, "/directives/"+id+"/approve", nil, nil); err != nil {
		return err
	}
	o.acknowledged(directive.KindApproved, id)
	return nil
}

func (o *operator) lift(ctx context.Context, d *order) error {
	o.mu.Lock()
	d.lifting = time.Now()
	o.mu.Unlock()
	err := liftBy(ctx, o.insist, o.second, o.third, d.id)
	if err != nil {
		return fmt.Errorf("lift %s: %w", d.id, err)
	}
	o.acknowledged(directive.KindLifted, d.id)
	o.mu.Lock()
	d.lifted = true
	o.mu.Unlock()
	return nil
}

// liftBy lifts a directive: the first asks, the second consents. A try that was not
// answered may have been carried out.
func liftBy(ctx context.Context, insist func(context.Context, func(bool) error) error, asks, consents *client.Client, id string) error {
	look := func() (view.Directive, error) { return client.Get[view.Directive](ctx, asks, "/directives/"+id) }
	if err := insist(ctx, func(again bool) error {
		if v, err := look(); again && (err != nil || v.State == string(directive.Lifted) || v.LiftAsked != nil) {
			return err
		}
		return asks.Do(ctx, http.MethodPost, "/directives/"+id+"/lift", map[string]any{"reason": "enough"}, nil)
	}); err != nil {
		return err
	}
	return insist(ctx, func(again bool) error {
		if v, err := look(); again && (err != nil || v.State == string(directive.Lifted)) {
			return err
		}
		return consents.Do(ctx, http.MethodPost, "/directives/"+id+"/lift/approve", nil, nil)
	})
}

// once tries without another chance.
func once(_ context.Context, try func(bool) error) error { return try(false) }

// done returns what was acknowledged so far.
func (o *operator) done() ([]act, []order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	orders := make([]order, len(o.stops))
	for n, d := range o.stops {
		orders[n] = *d
	}
	return slices.Clone(o.acts), orders
}

// awaitRound waits until a round has ended that began after now.
func (o *operator) awaitRound(t *testing.T) {
	t.Helper()
	o.mu.Lock()
	target := o.rounds + 2
	o.mu.Unlock()
	for {
		o.mu.Lock()
		rounds, round := o.rounds, o.round
		o.mu.Unlock()
		if rounds >= target {
			return
		}
		select {
		case <-round:
		case <-o.ended:
			t.Fatalf("the operator cannot go on: %v", o.err)
		}
	}
}

// rest ends the work, with nothing left in force.
func (o *operator) rest(t *testing.T) {
	t.Helper()
	close(o.enough)
	if <-o.ended; o.err != nil {
		t.Fatalf("the operator cannot go on: %v", o.err)
	}
}
