package sqljournal

import (
	"fmt"
	"os"
	"path/filepath"

	"holdfast"
)

// witness is the content of journal.head: what has been acknowledged. It is one
// line of fixed length, written in place:
//
//	holdfast-head/1 journal=<id> epoch=<10 digits> position=<20 digits> hash=<64 hex> beat=<20 digits> crc32c=<8 hex>
//
// The checksum covers the line up to the blank before "crc32c".
type witness struct {
	head holdfast.Head
	beat uint64
}

func (w witness) encode() []byte {
	line := fmt.Sprintf("holdfast-head/1 journal=%s epoch=%010d position=%020d hash=%s beat=%020d",
		w.head.Journal, w.head.Epoch, w.head.Position, w.head.Hash, w.beat)
	return fmt.Appendf(nil, "%s crc32c=%08x\n", line, checksum([]byte(line)))
}

func decodeWitness(b []byte) (witness, error) {
	var w witness
	var hash string
	var sum uint32
	_, err := fmt.Sscanf(string(b), "holdfast-head/1 journal=%s epoch=%d position=%d hash=%s beat=%d crc32c=%x",
		&w.head.Journal, &w.head.Epoch, &w.head.Position, &hash, &w.beat, &sum)
	if err == nil {
		err = w.head.Hash.UnmarshalText([]byte(hash))
	}
	// A line has one spelling, so what encodes to other bytes was changed.
	if err != nil || string(w.encode()) != string(b) {
		return witness{}, fmt.Errorf("bytes 0 to %d are not a line that matches its checksum", len(b)-1)
	}
	return w, nil
}

// replaceFile writes content beside path, syncs it, and renames it to path.
func replaceFile(path string, content []byte) error {
	tmp := path + ".new"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
