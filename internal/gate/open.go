package gate

import (
	"hash/maphash"
	"sync"
)

// openSet knows which identities have no settled outcome: attempts in flight
// and unknown outcomes. It is split so that payments do not queue for one lock.
type openSet struct {
	seed  maphash.Seed
	parts [64]struct {
		sync.Mutex
		m map[string]openIdentity
	}
}

type openIdentity struct {
	inFlight int32
	unknown  bool
}

func newOpenSet() *openSet {
	s := &openSet{seed: maphash.MakeSeed()}
	for i := range s.parts {
		s.parts[i].m = map[string]openIdentity{}
	}
	return s
}

func (s *openSet) change(identity string, f func(*openIdentity)) {
	part := &s.parts[maphash.String(s.seed, identity)%uint64(len(s.parts))]
	part.Lock()
	defer part.Unlock()
	o := part.m[identity]
	f(&o)
	if o.inFlight <= 0 && !o.unknown {
		delete(part.m, identity)
	} else {
		part.m[identity] = o
	}
}

func (s *openSet) has(identity string) (open bool) {
	s.change(identity, func(o *openIdentity) { open = o.inFlight > 0 || o.unknown })
	return open
}

func (s *openSet) inFlight(identity string) (some bool) {
	s.change(identity, func(o *openIdentity) { some = o.inFlight > 0 })
	return some
}

func (s *openSet) add(identity string) {
	s.change(identity, func(o *openIdentity) { o.inFlight++ })
}

// finish ends an attempt; unknown says whether the account has the identity open.
func (s *openSet) finish(identity string, unknown bool) {
	s.change(identity, func(o *openIdentity) { o.inFlight, o.unknown = o.inFlight-1, unknown })
}

// setUnknown says whether the account has the identity open.
func (s *openSet) setUnknown(identity string, unknown bool) {
	s.change(identity, func(o *openIdentity) { o.unknown = unknown })
}
