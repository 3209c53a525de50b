// Package backup makes copies of the journal while it is in use, reads them
// back, and records that a journal came out of one.
//
// # A backup
//
// A backup is one tar file, holdfast-<journal>-<time>-<position>.backup.tar,
// where <journal> is the first 8 characters of the journal's id and <time> is
// UTC. It holds, in this order:
//
//	journal.db     the journal as one SQLite database
//	keys.sealed    the keys a restore needs, encrypted; only with a passphrase
//	manifest.json  what the file is, and the SHA-256 of the parts before it
//
// The manifest:
//
//	{"format":"holdfast-backup/1","made":"2026-11-24T01:30:00Z","version":"1.2.0",
//	 "head":{"journal":"0123…","epoch":1,"position":5120,"hash":"901d…"},
//	 "parts":[{"name":"journal.db","size":1048576,"sha256":"77aa…"}],
//	 "apart":["probe.key","fleet/ca.key","fleet/ca.pem"]}
//
// Apart names the keys that the node had and the file does not hold: whoever
// keeps the backup keeps them apart, or does without ("holdfast help restore"
// says what that costs).
//
// A backup gets its name only after it was read back whole: hashes, SQLite's
// structures, every blob, the chain from the genesis to the head in the
// manifest. A file that ends in .partial is none.
//
// # Due instants
//
// Scheduled backups are due at the multiples of the interval since 1970 UTC
// ([Due]): every 24h means at midnight UTC, every 6h at 0, 6, 12 and 18. One that is
// made later, because the node was down or the disk full, says how late it was.
//
// # After a restore
//
// A restored journal begins a later epoch with the fact journal.restored on
// subject journal/<id>: where it was cut, why, what stood there before. Gates
// that followed the epoch before it refuse it until a person accepts it at each
// of them. No stop is confirmed until a person has said, as the fact
// journal.settled, that every gate is accounted for: the enrolment of one may be
// among what was lost.
//
//	restored ──▶ settled (by a person, with a reason)
package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/archive"
)

// Format is that of the manifest.
const Format = "holdfast-backup/1"

// The parts of a backup.
const (
	partJournal  = "journal.db"
	partKeys     = "keys.sealed"
	partManifest = "manifest.json"
)

// maxManifest is the largest manifest that is read, in bytes, and maxKeys the
// largest set of keys.
const (
	maxManifest = 64 << 10
	maxKeys     = 1 << 20
)

// Manifest says what a backup is.
type Manifest struct {
	Format string `json:"format"`
	// Made is when the copy was begun.
	Made time.Time `json:"made"`
	// Version is that of the program that made it.
	Version string        `json:"version"`
	Head    holdfast.Head `json:"head"`
	Parts   []Part        `json:"parts"`
	// Sealed names the keys that keys.sealed holds, Apart those that the node had
	// and this file does not hold.
	Sealed []string `json:"sealed,omitempty"`
	Apart  []string `json:"apart,omitempty"`
}

// Part is one file inside.
type Part struct {
	Name   string        `json:"name"`
	Size   int64         `json:"size"`
	SHA256 holdfast.Hash `json:"sha256"`
}

// Source is a journal that can be copied.
type Source interface {
	// Snapshot writes the journal as one database to w, all that was acknowledged
	// before the call included, and returns the head that it holds.
	Snapshot(ctx context.Context, w io.Writer) (holdfast.Head, error)
}

// Database is a snapshot that is read where it lies.
type Database interface {
	archive.Journal
	archive.Storage
	Close() error
}

// Opener opens a snapshot. What is none answers with code Damaged.
type Opener func(ctx context.Context, r io.ReaderAt, size int64) (Database, error)

// decodeManifest reads a manifest. It refuses fields that it does not know: a
// backup of a newer format is not half understood.
func decodeManifest(b []byte) (Manifest, error) {
	var kind struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(b, &kind); err != nil {
		return Manifest{}, holdfast.Errorf(holdfast.Damaged, "the backup's manifest cannot be read").Because(err)
	}
	if kind.Format != Format {
		return Manifest{}, holdfast.Errorf(holdfast.Invalid, "the backup has format %q; this Holdfast reads %s", kind.Format, Format)
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return Manifest{}, holdfast.Errorf(holdfast.Damaged, "the backup's manifest cannot be read").Because(err)
	}
	if d.More() || len(m.Parts) == 0 || m.Parts[0].Name != partJournal || m.Head.Journal == "" || m.Made.IsZero() {
		return Manifest{}, holdfast.Errorf(holdfast.Damaged, "the backup's manifest cannot be read").Because(fmt.Errorf("it names no journal"))
	}
	return m, nil
}

const (
	prefix  = "holdfast-"
	suffix  = ".backup.tar"
	partial = ".partial"
	stamp   = "20060102T150405Z"
)

// Name is the name of a backup's file.
func (m Manifest) Name() string {
	return fmt.Sprintf("%s%s-%s-%d%s", prefix, short(m.Head.Journal), m.Made.UTC().Format(stamp), m.Head.Position, suffix)
}

func short(journal string) string { return journal[:min(8, len(journal))] }

// parseName reads what a name says; ok is false if it is none of a backup.
func parseName(name string) (journal string, made time.Time, position holdfast.Position, ok bool) {
	rest, isOurs := strings.CutPrefix(name, prefix)
	rest, isWhole := strings.CutSuffix(rest, suffix)
	fields := strings.Split(rest, "-")
	if !isOurs || !isWhole || len(fields) != 3 {
		return "", time.Time{}, 0, false
	}
	made, err := time.Parse(stamp, fields[1])
	if err != nil || made.Format(stamp) != fields[1] { // parts of a second are read, and are not ours
		return "", time.Time{}, 0, false
	}
	if _, err := fmt.Sscanf(fields[2], "%d", &position); err != nil || fmt.Sprint(uint64(position)) != fields[2] {
		return "", time.Time{}, 0, false
	}
	return fields[0], made, position, true
}
