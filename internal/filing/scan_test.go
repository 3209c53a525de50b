package filing

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"holdfast"
)

// A scan shows what was handed in, or the receipt once there is one.
func TestScan(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id, err := s.Record(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	keep := func(id string, of Of, content string) error {
		_, err := s.Scan(t.Context(), by, id, of, "scan.pdf", []byte(content))
		return err
	}
	wantCode(t, keep("f9", Filed, "%PDF-1"), holdfast.NotFound)
	wantCode(t, keep(id, "letter", "%PDF-1"), holdfast.Invalid)
	wantCode(t, keep(id, Received, "%PDF-1"), holdfast.Conflict)
	wantCode(t, keep(id, Filed, "a text"), holdfast.Invalid)
	if kept, err := s.Files.HasBlob(t.Context(), sha256.Sum256([]byte("%PDF-1"))); kept || err != nil {
		t.Errorf("a refused scan is kept (%v)", err)
	}
	wantCode(t, keep(id, Filed, "%PDF-filed"), "")
	wantCode(t, keep(id, Filed, "%PDF-filed"), "")
	wantCode(t, s.Receive(t.Context(), by, id, Receipt{"R-1", now}), "")
	wantCode(t, keep(id, Received, "%PDF-receipt"), "")
	wantCode(t, keep(id, Received, "%PDF-receipt, straight"), "")
	f, err := s.Filing(id)
	if err != nil || len(f.ScansOf(Filed)) != 1 || len(f.ScansOf(Received)) != 2 || f.Receipt == nil {
		t.Fatalf("%+v, %v", f, err)
	}
	newest := f.ScansOf(Received)[0]
	if newest.File.Size != len("%PDF-receipt, straight") || !newest.By.SameParty(by) || !newest.At.Equal(now) {
		t.Errorf("%+v", newest)
	}
	if _, err := f.File(newest.File.Hash); err != nil {
		t.Error(err)
	}
	_, err = f.File(sha256.Sum256([]byte("another")))
	wantCode(t, err, holdfast.NotFound)
	if got, err := s.Files.Blob(t.Context(), newest.File.Hash); err != nil || !bytes.Equal(got, []byte("%PDF-receipt, straight")) {
		t.Errorf("%q, %v", got, err)
	}
	_, err = s.Filing("f9")
	wantCode(t, err, holdfast.NotFound)
}

func TestScansAreBounded(t *testing.T) {
	t.Parallel()
	s := newService(t)
	id, err := s.Record(t.Context(), by, good())
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxScans + 1 {
		code := holdfast.Code("")
		if i == maxScans {
			code = holdfast.TooLarge
		}
		_, err := s.Scan(t.Context(), by, id, Filed, "", append([]byte("%PDF-"), byte(i)))
		wantCode(t, err, code)
	}
}
