package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast"
	"holdfast/internal/backup"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal"
	"holdfast/internal/sqljournal/source"
	"holdfast/internal/telemetry"
)

// BackupsDir is the name, in a control node's directory, of where backups lie
// unless backup.dir says otherwise.
const BackupsDir = "backups"

// openSnapshot is a backup.Opener.
func openSnapshot(ctx context.Context, r io.ReaderAt, size int64) (backup.Database, error) {
	s, err := sqljournal.OpenSnapshot(ctx, r, size)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// copied is how a journal is copied. A database's is first copied into files in
// a directory of its own inside dir.
func copied(store source.Store, at source.Options, dir string) backup.Source {
	if s, ok := store.(backup.Source); ok {
		return s
	}
	return databaseCopy{at, dir}
}

// databaseCopy is a journal in a database as a backup.Source. While others write
// there the copy is of all that was acknowledged when it began, and perhaps more.
type databaseCopy struct {
	at  source.Options
	dir string
}

func (d databaseCopy) Snapshot(ctx context.Context, w io.Writer) (_ holdfast.Head, err error) {
	tmp, err := os.MkdirTemp(d.dir, "copy-*.partial")
	if err != nil {
		return holdfast.Head{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	from := d.at
	from.Dir = "" // the node itself keeps the witness there
	if _, err := source.Copy(ctx, from, source.Options{Dir: tmp, Now: d.at.Now}); err != nil {
		return holdfast.Head{}, err
	}
	in, err := sqljournal.Inspect(ctx, tmp)
	if err != nil {
		return holdfast.Head{}, err
	}
	head, err := in.Snapshot(ctx, w)
	return head, errors.Join(err, in.Close())
}

// journalSize is about how many bytes a backup takes. Of a database it is known
// only from the last one.
func (c *Control) journalSize() (int64, error) {
	if s, ok := c.store.(interface{ Size() (int64, error) }); ok {
		return s.Size()
	}
	list, err := c.backups.List()
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0].Size, nil
}

func (c *Control) makeKeeper() (err error) {
	conf := c.opt.Config
	passphrase, err := conf.Backup.Passphrase.Read(c.opt.Env)
	if err != nil {
		return fmt.Errorf("backup.passphrase: %w", err)
	}
	if passphrase != "" {
		if err := backup.CheckPassphrase(passphrase); err != nil {
			return fmt.Errorf("backup.passphrase: %w", err)
		}
	}
	dir := conf.Backup.Dir
	if dir == "" {
		dir = filepath.Join(conf.Data, BackupsDir)
	}
	c.backups, err = backup.NewKeeper(backup.KeeperOptions{
		Maker:   backup.Maker{Source: copied(c.store, c.place, dir), Open: openSnapshot, Keys: conf.Data, Passphrase: passphrase, Version: telemetry.Version()},
		Journal: c.store.Genesis().Journal, Size: c.journalSize,
		Dir: dir, Every: conf.Backup.Every.D(), Keep: conf.Backup.Keep, Now: c.opt.Now, Log: c.opt.Log,
	})
	if err != nil {
		return err
	}
	c.loops = append(c.loops, loop{"backups", c.backups.Run})
	return nil
}

// backupMetrics reads the keeper once for each scrape.
type backupMetrics struct{ keeper *backup.Keeper }

var (
	backupLast   = prometheus.NewDesc("holdfast_backup_last_timestamp_seconds", "When the newest backup was made; 0 if there is none.", nil, nil)
	backupBytes  = prometheus.NewDesc("holdfast_backup_last_bytes", "Size of the newest backup.", nil, nil)
	backupFailed = prometheus.NewDesc("holdfast_backup_alarm", "1 if the last attempt failed or a scheduled backup is overdue.", nil, nil)
)

func (backupMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- backupLast
	out <- backupBytes
	out <- backupFailed
}

func (m backupMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.keeper.Status()
	var last, size, failed float64
	if s.Last != nil {
		last, size = float64(s.Last.Made.Unix()), float64(s.Last.Size)
	}
	if s.Alarm() {
		failed = 1
	}
	out <- prometheus.MustNewConstMetric(backupLast, prometheus.GaugeValue, last)
	out <- prometheus.MustNewConstMetric(backupBytes, prometheus.GaugeValue, size)
	out <- prometheus.MustNewConstMetric(backupFailed, prometheus.GaugeValue, failed)
}

// sayRestored tells the log, at each start, of a restored journal that nobody has
// settled.
func (c *Control) sayRestored() {
	r := c.books.restored.Open()
	if r == nil {
		return
	}
	from, to, lost := r.Lost()
	if !lost {
		from, to = 0, 0
	}
	c.opt.Log.Warn("this journal was restored from a backup: no stop is confirmed until a person has said that every gate is accounted for",
		"epoch", r.Epoch, "backup_of", r.Made, "kept_up_to", uint64(r.Cut), "known_lost_from", uint64(from), "known_lost_to", uint64(to))
}

// BackupOptions say what a backup is made of without a running node.
type BackupOptions struct {
	// Data is the directory of a control node that does not run, or a database.
	Data string
	// To is the directory that takes the backup.
	To         string
	Passphrase string
	Now        time.Time
}

// Backup makes a backup of a directory that no process uses.
func Backup(ctx context.Context, o BackupOptions) (path string, made backup.Manifest, err error) {
	m := backup.Maker{Open: openSnapshot, Keys: o.Data, Passphrase: o.Passphrase, Version: telemetry.Version()}
	at, err := source.Named(o.Data)
	if err != nil {
		return "", made, err
	}
	if at.Database != "" {
		m.Source, m.Keys = databaseCopy{at, o.To}, ""
		return m.Make(ctx, o.To, o.Now)
	}
	in, err := sqljournal.Inspect(ctx, o.Data)
	if err != nil {
		return "", made, fmt.Errorf("back up %s: %w", o.Data, err)
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	m.Source = in
	return m.Make(ctx, o.To, o.Now)
}

// VerifyBackup reads a backup whole and returns what it says of itself.
func VerifyBackup(ctx context.Context, path string) (m backup.Manifest, err error) {
	b, err := backup.Open(ctx, path, openSnapshot)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	return b.Manifest, b.Verify(ctx)
}

// RestoreOptions say what is restored where.
type RestoreOptions struct {
	From, Data string
	Wish       backup.Wish
	// Passphrase opens the keys of the backup; without it they are left out.
	Passphrase string
	By         holdfast.Actor
	Now        time.Time
}

// RestoreReport says what a restore did.
type RestoreReport struct {
	Head     holdfast.Head   `json:"head"`
	Restored backup.Restored `json:"restored"`
	// Aside is the directory that keeps the journal that was there.
	Aside string `json:"aside,omitempty"`
	// Keys were put in place; Missing are neither there nor in the backup, and
	// Kept were there and stayed, though the backup's differ.
	Keys    []string `json:"keys"`
	Missing []string `json:"missing"`
	Kept    []string `json:"kept"`
}

// Restore verifies a backup whole, and then puts its journal, cut where it is
// wished and in a new epoch, into a directory that no process uses.
func Restore(ctx context.Context, o RestoreOptions) (report RestoreReport, err error) {
	at, err := source.Named(o.Data)
	if err != nil {
		return report, err
	}
	if at.Database != "" {
		return report, holdfast.Errorf(holdfast.Invalid, "a backup is restored into a directory: name an empty one, then copy it into an empty database with holdfast journal copy")
	}
	b, err := backup.Open(ctx, o.From, openSnapshot)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := b.Verify(ctx); err != nil {
		return report, err
	}
	var keys map[string][]byte
	if o.Passphrase != "" {
		if keys, err = b.Keys(o.Passphrase); err != nil {
			return report, err
		}
	}
	target, err := sqljournal.OpenTarget(ctx, o.Data)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	there := backup.There{Fresh: target.Fresh(), Heads: target.Heads(), Sound: target.Sound()}
	restored, revision, err := b.Decide(ctx, o.Wish, there)
	if err != nil {
		return report, fmt.Errorf("restore into %s: %w", o.Data, err)
	}
	report.Restored = restored
	aside := "replaced-" + o.Now.UTC().Format("20060102T150405Z")
	report.Head, err = target.Restore(ctx, sqljournal.Restoration{
		From: b.File, Size: b.Size, Cut: restored.Cut, Epoch: restored.Epoch,
		// Who was signed in then signs in anew: an end of the session may be lost.
		Drop:  []string{"session/"},
		First: backup.Begin(restored, revision, o.By, o.Now), Aside: aside, Now: o.Now,
	})
	if err != nil {
		return report, fmt.Errorf("restore into %s: %w", o.Data, err)
	}
	if !there.Fresh {
		report.Aside = filepath.Join(o.Data, aside)
	}
	return report, report.putKeys(o.Data, b, keys)
}

// putKeys puts the backup's keys where there are none. One that is there stays:
// gates may know it already.
func (r *RestoreReport) putKeys(dir string, b *backup.Backup, keys map[string][]byte) error {
	r.Keys, r.Missing, r.Kept = []string{}, []string{}, []string{}
	for _, name := range backup.KeyFiles {
		path := filepath.Join(dir, filepath.FromSlash(name))
		there, err := os.ReadFile(path)
		content, has := keys[name]
		switch {
		case err == nil && has && string(there) != string(content):
			r.Kept = append(r.Kept, name)
		case err == nil:
		case !errors.Is(err, fs.ErrNotExist):
			return err
		case has:
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				return err
			}
			if err := posture.WriteFile(path, content); err != nil {
				return err
			}
			r.Keys = append(r.Keys, name)
		case slices.Contains(b.Apart, name), slices.Contains(b.Sealed, name):
			r.Missing = append(r.Missing, name)
		}
	}
	return nil
}
