package console

import (
	"testing"

	"holdfast"
	"holdfast/internal/console/form"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

func TestFileSize(t *testing.T) {
	t.Parallel()
	words := locale.For(holdfast.En)
	for n, want := range map[int]string{0: "–", 1: "1 B", 1023: "1,023 B", 1024: "1 KiB", 48213: "47 KiB", 1 << 20: "1 MiB", 3<<20 + 1<<19: "3.5 MiB", 16 << 20: "16 MiB"} {
		if got := fileSize(words, n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
}

// A form cannot change what the uploaded file says of itself, whatever is posted.
func TestFormsLeaveTheFileAlone(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Attachments: []plan.Attachment{{ID: "law", Name: "law.pdf", Type: "application/pdf", Size: 9, Hash: "ab"}}}
	next, faults := form.Read(p, "attachments[0]", map[string][]string{
		"attachments[0].title.en": {"Law"}, "attachments[0].name": {"x.html"}, "attachments[0].type": {"text/html"}, "attachments[0].size": {"1"}, "attachments[0].hash": {"cd"},
	})
	want := p.Attachments[0]
	want.Title.En = "Law"
	if got := next.Attachments[0]; got != want || len(faults) > 0 {
		t.Errorf("%+v, %v", got, faults)
	}
}
