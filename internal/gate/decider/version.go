package decider

import (
	"context"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// A build reads what it wrote, and nothing that another one did: a fold that leaves out
// what it does not know would approve too much. What is there of another build is refused
// with what, where and how to go on, when a decider is made and whenever it is read.

// checkVersions refuses a source whose shards another build wrote to last. Nobody appends
// to a shard without having read it, so the newest pack says it of all. One that is cut or
// damaged says nothing: whoever reads the shard tells of that, and the gate goes on forwarding.
func (d *Decider) checkVersions(ctx context.Context) error {
	for _, s := range d.shards {
		revision, _, err := d.opt.Source.Head(ctx, s.n)
		if err != nil {
			return err
		}
		if revision == 0 {
			continue
		}
		packs, err := d.opt.Source.Read(ctx, s.n, revision-1, 1)
		if code := holdfast.CodeOf(err); err != nil && code != holdfast.NotFound && code != holdfast.Damaged {
			return err
		}
		for _, p := range packs {
			if err := s.checkVersion(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkVersion refuses a pack with records of another version.
func (s *shard) checkVersion(p advice.Pack) error {
	if found := standin.VersionOf(p.Body); found != standin.RecordVersion {
		return holdfast.Errorf(holdfast.Damaged, "shard %d of the advice source in %s holds records of version %d, and this version of Holdfast reads version %d: run the version that wrote them until all in it is delivered and closed out, then give the gate a new directory or database",
			s.n, s.d.place, found, standin.RecordVersion)
	}
	return nil
}

// otherSnapshots is the error of a shard of which another build's snapshots alone are left.
func (s *shard) otherSnapshots(found int) error {
	return holdfast.Errorf(holdfast.Damaged, "shard %d of the advice source in %s has only snapshots of version %d left of its older packs, and this version of Holdfast reads version %d: run the version that wrote them until all in it is delivered and closed out, then give the gate a new directory or database",
		s.n, s.d.place, found, standin.FoldVersion)
}
