package app

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// packText is the text of the pack in English, or nothing if there is none.
func packText(t *testing.T, dir string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(dir, "emergency-pack-en.docx"))
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := docx.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, block := range blocks {
		b.WriteString(block.Text + "\n")
		for _, row := range block.Rows {
			b.WriteString(strings.Join(row, " ") + "\n")
		}
	}
	return b.String()
}

// The pack is made at the first publication, made anew when a number in it
// changes, and left alone otherwise.
func TestThePackFollowsPlanAndPeople(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	now := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	store := journal.NewMemory("pack")
	plans, people, gates := plan.NewBook(), roster.NewBook(), enrolment.NewBook()
	state := journal.NewState(store, store.Genesis(), plans, people, gates)
	if err := state.Load(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- state.Run(ctx) }()
	desk := &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}
	k := &packer{
		dir: filepath.Join(t.TempDir(), "pack"), state: state, plans: plans, who: people, gates: gates,
		now: desk.Now, zone: time.UTC, log: slog.New(slog.DiscardHandler),
	}
	remake := func() string {
		t.Helper()
		if _, err := k.make(); err != nil {
			t.Fatal(err)
		}
		return packText(t, k.dir)
	}
	if remake() != "" {
		t.Error("there is a pack before there is a plan")
	}
	if _, err := (&plan.Service{Desk: desk, Book: plans}).Publish(ctx, holdfast.Self("test"), plan.Builtin(), ""); err != nil {
		t.Fatal(err)
	}
	if got := remake(); !strings.Contains(got, "Emergency pack") || strings.Contains(got, "5550 0101") {
		t.Errorf("after the publication: %.100s", got)
	}
	chen := roster.Person{ID: "chen", Name: "Chen", Roles: []string{"commander"}, Contacts: []roster.Contact{{Channel: roster.Phone, Address: "+886 2 5550 0101"}}}
	if err := roster.New(desk, people).Record(ctx, holdfast.Self("test"), chen); err != nil {
		t.Fatal(err)
	}
	if got := remake(); !strings.Contains(got, "+886 2 5550 0101") {
		t.Error("the pack lacks a number that was recorded")
	}
	before, err := os.ReadFile(filepath.Join(k.dir, "emergency-pack-en.docx"))
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(48 * time.Hour)
	remake()
	if after, err := os.ReadFile(filepath.Join(k.dir, "emergency-pack-en.docx")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the pack was made anew though nothing had changed: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
