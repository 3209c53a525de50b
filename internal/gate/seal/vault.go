package seal

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// Ledgers is where a vault keeps its data keys, sealed. See [advice.Source].
type Ledgers interface {
	Ledger(ctx context.Context, key string) (revision uint64, body []byte, err error)
	PutLedger(ctx context.Context, key string, revision uint64, body []byte) error
}

// Vault seals requests under data keys that are destroyed once nothing is left to send
// that they sealed: with them goes whatever copy there is of it, in packs, snapshots and
// logs. A data key is the gate's, seals for some seconds, and stands sealed in the gate's
// ledger "seal/<gate>" under one of the [Keys]. It is durable there before it seals.
// A vault is safe for concurrent use.
type Vault struct {
	keys    *Keys
	gate    string
	ledgers Ledgers
	now     func() time.Time
	begun   time.Time

	current atomic.Pointer[dataKey]
	making  atomic.Bool

	mu      sync.Mutex
	retired map[string]time.Time   // when each data key of this process sealed last, by id
	opened  map[string]cipher.AEAD // those that were read, by name
}

// dataKey seals. Its name is that of the key it stands under, its gate and its id.
type dataKey struct {
	id, name string
	aead     cipher.AEAD
	born     time.Time
	lasts    time.Duration
	seen     atomic.Int64 // when it was known to stand in the ledger, in Unix seconds
}

// unseen reports whether another gate may have destroyed a data key, since this process
// stood still for long.
func (k *dataKey) unseen(now time.Time) bool {
	return now.Sub(time.Unix(k.seen.Load(), 0)) >= k.lasts+trusted
}

// kept is a data key as the ledger has it.
type kept struct {
	ID  string `json:"id"`
	Key string `json:"key"`
	// Sealed is the data key, sealed with AES-256-GCM, its id authenticated with it.
	Sealed []byte `json:"sealed"`
}

const (
	// idSize is the length of a data key's id in bytes, written in hexadecimal digits.
	idSize = 8
	// maxKept is how many data keys a gate has at most; then the last one goes on.
	maxKept = 400
	// maxOpened bounds the data keys that were read and are in memory.
	maxOpened = 1000
	// makeTime is how long a request waits for the first data key.
	makeTime = time.Second
	// Settling is how long a data key stays that seals no more: what it sealed last may
	// still be decided on.
	Settling = time.Minute
	// trusted is for how long beyond its time a data key seals unseen. It is less than what
	// has others take a gate for lost, and destroy its data keys.
	trusted = 5 * time.Minute
)

// sealsFor is how long a data key seals, by how many there are: in a long outage each is
// for more, so that all fit in a ledger.
func sealsFor(kept int) time.Duration {
	switch {
	case kept < 60:
		return 10 * time.Second
	case kept < 240:
		return time.Minute
	}
	return 10 * time.Minute
}

func ledgerOf(gate string) string { return "seal/" + gate }

// NewVault makes the vault of a gate. Now tells the time.
func NewVault(keys *Keys, gate string, ledgers Ledgers, now func() time.Time) *Vault {
	return &Vault{keys: keys, gate: gate, ledgers: ledgers, now: now, begun: now(), retired: map[string]time.Time{}, opened: map[string]cipher.AEAD{}}
}

// Seal seals the request of the payment with this identity. Without a data key, since the
// source does not answer, it returns nothing sealed.
func (v *Vault) Seal(identity string, r Request) standin.Sealed {
	k := v.current.Load()
	switch {
	case k == nil || k.unseen(v.now()):
		ctx, cancel := context.WithTimeout(context.Background(), makeTime)
		defer cancel()
		if k = v.first(ctx, k); k == nil {
			return standin.Sealed{}
		}
	case v.now().Sub(k.born) >= k.lasts && v.making.CompareAndSwap(false, true):
		go func() {
			defer v.making.Store(false)
			ctx, cancel := context.WithTimeout(context.Background(), makeTime)
			defer cancel()
			_ = v.next(ctx, k) // else this one goes on, and the next request tries again
		}()
	}
	return standin.Sealed{Key: k.name, Data: k.aead.Seal(nil, nil, encode(r), []byte(identity))}
}

// first makes a data key where there is none, or in the place of one that may have been
// destroyed. If there are too many that one goes on, as long as it stands in the ledger.
func (v *Vault) first(ctx context.Context, old *dataKey) *dataKey {
	for !v.making.CompareAndSwap(false, true) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Millisecond):
		}
	}
	defer v.making.Store(false)
	if k := v.current.Load(); k != nil && (k != old || !k.unseen(v.now())) {
		return k // another request made it, or looked
	}
	if err := v.next(ctx, old); err != nil && (old == nil || !v.stands(ctx, old)) {
		return nil
	}
	return v.current.Load()
}

// stands reports whether a data key still stands in the ledger.
func (v *Vault) stands(ctx context.Context, k *dataKey) bool {
	_, list, err := v.read(ctx, v.gate)
	if err != nil || !slices.ContainsFunc(list, func(e kept) bool { return e.ID == k.id }) {
		return false
	}
	k.seen.Store(v.now().Unix())
	return true
}

// next makes a data key in place of one, which seals no more.
func (v *Vault) next(ctx context.Context, old *dataKey) error {
	secret, id := make([]byte, keySize), make([]byte, idSize)
	_, _ = rand.Read(secret) // never fails
	_, _ = rand.Read(id)
	aead, err := aeadOf(secret)
	if err != nil {
		return err
	}
	k := &dataKey{id: hex.EncodeToString(id), aead: aead}
	k.name = strings.Join([]string{v.keys.name, v.gate, k.id}, ".")
	entry := kept{ID: k.id, Key: v.keys.name, Sealed: v.keys.all[v.keys.name].Seal(nil, nil, secret, []byte(k.name))}
	err = v.change(ctx, v.gate, func(list []kept) []kept {
		switch i := slices.IndexFunc(list, func(e kept) bool { return e.ID == k.id }); {
		case i >= 0: // a write in doubt was made
			k.lasts = sealsFor(len(list))
			return list
		case len(list) >= maxKept:
			return list
		}
		k.lasts = sealsFor(len(list))
		return append(list, entry)
	})
	if err != nil {
		return err
	}
	if k.lasts == 0 {
		return holdfast.Errorf(holdfast.TooMany, "the gate %s has %d data keys of advices that are not settled", v.gate, maxKept)
	}
	k.born = v.now()
	k.seen.Store(k.born.Unix())
	v.current.Store(k)
	if old != nil {
		v.mu.Lock()
		v.retired[old.id] = k.born
		v.mu.Unlock()
	}
	return nil
}

// change changes the list of a gate's data keys, against other gates. A change that is in
// doubt is made again.
func (v *Vault) change(ctx context.Context, gate string, do func([]kept) []kept) error {
	for {
		revision, list, err := v.read(ctx, gate)
		if err != nil {
			return err
		}
		before := len(list)
		list = do(list)
		if len(list) == before {
			return nil
		}
		body, err := json.Marshal(list)
		if err != nil {
			return err
		}
		err = v.ledgers.PutLedger(context.WithoutCancel(ctx), ledgerOf(gate), revision, body)
		if code := holdfast.CodeOf(err); code != holdfast.Conflict && code != holdfast.Doubtful || ctx.Err() != nil {
			return err
		}
	}
}

func (v *Vault) read(ctx context.Context, gate string) (revision uint64, list []kept, err error) {
	revision, body, err := v.ledgers.Ledger(ctx, ledgerOf(gate))
	if err != nil || len(body) == 0 {
		return revision, nil, err
	}
	list, err = decodeKept(body)
	return revision, list, err
}

// decodeKept reads the data keys of a ledger.
func decodeKept(body []byte) (list []kept, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || d.More() || len(list) > maxKept {
		return nil, holdfast.Errorf(holdfast.Damaged, "the data keys of advices in the advice source cannot be read").Because(err)
	}
	return list, nil
}

// Open opens what was sealed for the payment with this identity. It fails if the data key
// was destroyed or its key is gone (code NotFound), if it is not what was sealed (code
// Damaged), or if the source does not answer (code Unavailable).
func (v *Vault) Open(ctx context.Context, identity string, s standin.Sealed) (Request, error) {
	aead, err := v.aead(ctx, s.Key)
	if err != nil {
		return Request{}, err
	}
	text, err := aead.Open(nil, nil, s.Data, []byte(identity))
	if err != nil {
		return Request{}, damaged()
	}
	return decode(text)
}

// aead returns a data key by its name.
func (v *Vault) aead(ctx context.Context, name string) (cipher.AEAD, error) {
	if k := v.current.Load(); k != nil && k.name == name {
		return k.aead, nil
	}
	v.mu.Lock()
	aead := v.opened[name]
	v.mu.Unlock()
	if aead != nil {
		return aead, nil
	}
	key, rest, _ := strings.Cut(name, ".")
	i := strings.LastIndexByte(rest, '.')
	if i < 0 {
		return nil, damaged()
	}
	_, list, err := v.read(ctx, rest[:i])
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(list, func(e kept) bool { return e.ID == rest[i+1:] && e.Key == key })
	if n < 0 {
		return nil, holdfast.Errorf(holdfast.NotFound, "the data key %s of the advice was destroyed", name)
	}
	outer := v.keys.all[key]
	if outer == nil {
		return nil, gone(key)
	}
	secret, err := outer.Open(nil, nil, list[n].Sealed, []byte(name))
	if err != nil {
		return nil, damaged()
	}
	if aead, err = aeadOf(secret); err != nil {
		return nil, damaged()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.opened) >= maxOpened {
		clear(v.opened)
	}
	v.opened[name] = aead
	return aead, nil
}

// Destroy destroys the data keys of a gate that nothing is left to send of; used are the
// names of the others. Of this gate's own it leaves those that seal, or did within
// Settling; of another's the caller says that it seals no more.
func (v *Vault) Destroy(ctx context.Context, gate string, used map[string]bool) error {
	now := v.now()
	if gate == v.gate {
		if !v.making.CompareAndSwap(false, true) {
			return nil // one is being made: at the next time
		}
		defer v.making.Store(false)
		v.retire(now, used)
	}
	gone := map[string]bool{}
	err := v.change(ctx, gate, func(list []kept) []kept {
		return slices.DeleteFunc(list, func(e kept) bool {
			name := strings.Join([]string{e.Key, gate, e.ID}, ".")
			gone[name] = !used[name] && (gate != v.gate || v.idle(e.ID, now))
			return gone[name]
		})
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	for name, is := range gone {
		if is {
			delete(v.opened, name)
		}
	}
	return err
}

// retire takes the data key that seals out of use, if its time is over and nothing is left
// of what it sealed: after an outage nobody asks for the next one.
func (v *Vault) retire(now time.Time, used map[string]bool) {
	k := v.current.Load()
	if k == nil || used[k.name] || now.Sub(k.born) < k.lasts {
		return
	}
	if v.current.CompareAndSwap(k, nil) {
		v.mu.Lock()
		v.retired[k.id] = now
		v.mu.Unlock()
	}
}

// idle reports whether a data key of this gate has sealed nothing for long.
func (v *Vault) idle(id string, now time.Time) bool {
	if k := v.current.Load(); k != nil && k.id == id {
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	last, ours := v.retired[id]
	if !ours { // of a process before this one
		last = v.begun
	}
	if now.Sub(last) < Settling {
		return false
	}
	delete(v.retired, id)
	return true
}
