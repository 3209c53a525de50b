package commit

import (
	"fmt"
	"hash/crc32"

	"holdfast"
)

// Witness is the content of journal.head: what has been acknowledged. It is one
// line of fixed length, written in place:
//
//	holdfast-head/1 journal=<id> epoch=<10 digits> position=<20 digits> hash=<64 hex> beat=<20 digits> crc32c=<8 hex>
//
// The checksum covers the line up to the blank before "crc32c".
type Witness struct {
	Head holdfast.Head
	Beat uint64
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode writes the line.
func (w Witness) Encode() []byte {
	line := fmt.Sprintf("holdfast-head/1 journal=%s epoch=%010d position=%020d hash=%s beat=%020d",
		w.Head.Journal, w.Head.Epoch, w.Head.Position, w.Head.Hash, w.Beat)
	return fmt.Appendf(nil, "%s crc32c=%08x\n", line, crc32.Checksum([]byte(line), castagnoli))
}

// DecodeWitness reads the line; an error says that it was changed.
func DecodeWitness(b []byte) (Witness, error) {
	var w Witness
	var hash string
	var sum uint32
	_, err := fmt.Sscanf(string(b), "holdfast-head/1 journal=%s epoch=%d position=%d hash=%s beat=%d crc32c=%x",
		&w.Head.Journal, &w.Head.Epoch, &w.Head.Position, &hash, &w.Beat, &sum)
	if err == nil {
		err = w.Head.Hash.UnmarshalText([]byte(hash))
	}
	// A line has one spelling, so what encodes to other bytes was changed.
	if err != nil || string(w.Encode()) != string(b) {
		return Witness{}, fmt.Errorf("bytes 0 to %d are not a line that matches its checksum", len(b)-1)
	}
	return w, nil
}
