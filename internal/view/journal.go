package view

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/backup"
	"holdfast/internal/journal"
)

// Journal is how the journal itself stands.
type Journal struct {
	journal.Durability
	// Alarm is true if somebody has to look.
	Alarm   bool          `json:"alarm,omitempty"`
	Backups backup.Status `json:"backups"`
	// Restored is the restore that nobody has settled: until then no stop is
	// confirmed.
	Restored *Restored `json:"restored,omitempty"`
	// Ahead are the gates that have seen facts this journal does not hold.
	Ahead []Ahead `json:"ahead"`
}

// Restored is a restore that the journal has been through.
type Restored struct {
	At    time.Time `json:"at"`
	By    *Actor    `json:"by"`
	Epoch uint32    `json:"epoch"`
	// Made is when the backup was made, Cut the last position that was kept.
	Made   time.Time         `json:"made"`
	Cut    holdfast.Position `json:"cut"`
	Reason string            `json:"reason,omitempty"`
	// The positions of the former epoch that are known to be lost, by the backup,
	// the replaced directory and what gates have shown; 0 if none is known.
	LostFrom  holdfast.Position `json:"lost_from,omitempty"`
	LostTo    holdfast.Position `json:"lost_to,omitempty"`
	Settled   time.Time         `json:"settled,omitzero"`
	SettledBy *Actor            `json:"settled_by,omitempty"`
}

// Ahead is a gate that has seen more than this journal holds.
type Ahead struct {
	Gate string        `json:"gate"`
	Seen holdfast.Head `json:"seen"`
}

// backups asks the keeper, which reads a directory: not under the state's lock.
func (s *Source) backups() backup.Status {
	if s.Backups == nil {
		return backup.Status{}
	}
	return s.Backups.Status()
}

func (s *Source) journal(backups backup.Status) Journal {
	j := Journal{Durability: s.durability(), Backups: backups, Ahead: []Ahead{}}
	ahead := s.Node.Ahead()
	for _, name := range slices.Sorted(maps.Keys(ahead)) {
		j.Ahead = append(j.Ahead, Ahead{name, ahead[name]})
	}
	if s.Restored != nil {
		if r := s.Restored.Open(); r != nil {
			v := restored(*r, ahead)
			j.Restored = &v
		}
	}
	j.Alarm = backups.Alarm() || j.Restored != nil || len(j.Ahead) > 0 || j.Fault != ""
	return j
}

func restored(r backup.Restoration, ahead map[string]holdfast.Head) Restored {
	v := Restored{
		At: r.At, By: actor(r.By), Epoch: r.Epoch, Made: r.Made, Cut: r.Cut, Reason: r.Reason,
		Settled: r.Settled, SettledBy: actor(r.SettledBy),
	}
	if r.Reason == "" {
		v.Reason = r.Restored.Reason
	}
	from, to, lost := r.Lost()
	for _, h := range ahead {
		if h.Journal == r.From.Journal && h.Epoch < r.Epoch && h.Position > r.Cut {
			to, lost = max(to, h.Position), true
		}
	}
	if lost {
		v.LostFrom, v.LostTo = from, to
	}
	return v
}

// Restorations lists what the journal has been through, newest first.
func (s *Source) Restorations() []Restored {
	list := []Restored{}
	s.State.View(func() {
		ahead := s.Node.Ahead()
		for _, r := range s.Restored.All() {
			list = append(list, restored(r, ahead))
		}
	})
	return list
}
