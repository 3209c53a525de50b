package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/app"
	"holdfast/internal/backup"
	"holdfast/internal/view"
)

// passphrase says where a backup's passphrase is read from: a file, or
// HOLDFAST_PASSPHRASE.
type passphrase struct{ file string }

func (p *passphrase) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.file, "passphrase-file", "", "file that holds the passphrase of the keys in the backup (or HOLDFAST_PASSPHRASE); without one they are left out")
}

func (p *passphrase) read(s *shell) (string, error) {
	text := s.env("HOLDFAST_PASSPHRASE")
	if p.file != "" {
		content, err := s.read(p.file, 4<<10)
		if err != nil {
			return "", err
		}
		text = strings.TrimRight(string(content), "\r\n")
	}
	if text == "" {
		return "", nil
	}
	return text, backup.CheckPassphrase(text)
}

func (s *shell) backup() *cobra.Command {
	var to, data string
	var secret passphrase
	cmd := s.api("POST /backups", "backup", "Copy the journal, while the node runs or from its directory at rest, and read the copy back whole", func(c *call) error {
		if data != "" {
			return s.backupAtRest(c.cmd, data, to, &secret)
		}
		return c.backupOfNode(to)
	})
	cmd.Long = `Copy the journal and read the copy back whole, to its head.

Without --data the control node at HOLDFAST_URL makes the copy while it runs, keeps it
in its own directory of backups, and sends it here. With --data the copy is made of a
directory that no process uses.

--to names a directory, which must be there, or a file that is not there yet.`
	cmd.Annotations[routesOf] += ",GET /backups/{name}"
	cmd.Flags().StringVar(&to, "to", "", "directory, or new file, that takes the backup")
	cmd.Flags().StringVar(&data, "data", "", "the directory of a control node that does not run")
	secret.flags(cmd)
	cmd.AddCommand(s.backupList(), s.backupVerify())
	return required(cmd, "to")
}

// place returns the path of a backup with this name, as --to asks for it.
func place(to, name string) string {
	if info, err := os.Stat(to); err == nil && info.IsDir() || strings.HasSuffix(to, string(filepath.Separator)) {
		return filepath.Join(to, name)
	}
	return to
}

func (s *shell) backupAtRest(cmd *cobra.Command, data, to string, secret *passphrase) error {
	text, err := secret.read(s)
	if err != nil {
		return err
	}
	dir := filepath.Dir(place(to, "x"))
	path, made, err := app.Backup(cmd.Context(), app.BackupOptions{Data: data, To: dir, Passphrase: text, Now: s.Now()})
	if err != nil {
		return err
	}
	if final := place(to, made.Name()); final != path {
		if err := os.Link(path, final); err != nil { // unlike a rename, it replaces nothing
			return holdfast.Errorf(holdfast.Invalid, "the file cannot be made").Because(err)
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		path = final
	}
	return s.sayBackup(path, made)
}

func (c *call) backupOfNode(to string) error {
	node, err := c.node()
	if err != nil {
		return err
	}
	var made backup.Manifest
	if err := node.Do(c.cmd.Context(), http.MethodPost, c.path(), nil, &made); err != nil {
		return err
	}
	path := place(to, made.Name())
	err = writeTo(path, func(w io.Writer) error {
		return node.Copy(c.cmd.Context(), "/backups/"+url.PathEscape(made.Name()), w)
	})
	if err != nil {
		return err
	}
	got, err := app.VerifyBackup(c.cmd.Context(), path)
	if err == nil && got.Head != made.Head {
		err = holdfast.Errorf(holdfast.Damaged, "the backup that arrived is of %s, not of %s", got.Head, made.Head)
	}
	if err != nil {
		return fmt.Errorf("what arrived in %s is not to be relied upon: %w", path, err)
	}
	return c.sayBackup(path, got)
}

func (s *shell) sayBackup(path string, m backup.Manifest) error {
	if s.json {
		return s.printJSON(struct {
			File string `json:"file"`
			backup.Manifest
		}{path, m})
	}
	s.say("%s", path)
	s.say("journal %s, epoch %d, up to position %d", m.Head.Journal, m.Head.Epoch, m.Head.Position)
	s.say("hash %s; keep position and hash elsewhere: they show that nothing was cut off", m.Head.Hash)
	if len(m.Sealed) > 0 {
		s.say("keys inside, under the passphrase: %s", strings.Join(m.Sealed, " "))
	}
	if len(m.Apart) > 0 {
		s.say("keys NOT inside, keep them apart: %s", strings.Join(m.Apart, " "))
	}
	return nil
}

func (s *shell) backupList() *cobra.Command {
	return s.api("GET /backups", "list", "How the node's backups stand, and which there are", func(c *call) error {
		return show(c, nil, func(p *page, v api.Backups) {
			p.line("%s", backupsText(v.Status))
			p.row("MADE", "POSITION", "BYTES", "NAME")
			for _, b := range v.Items {
				p.row(b.Made, uint64(b.Position), b.Size, b.Name)
			}
		})
	})
}

func backupsText(b backup.Status) string {
	var text string
	switch {
	case !b.Scheduled:
		text = "none scheduled"
	case b.Overdue:
		text = "OVERDUE since " + clock(b.Due)
	case b.Due.IsZero():
		text = "the first one is due"
	default:
		text = "next due " + clock(b.Due)
	}
	if b.Last == nil {
		text += "; there is no backup yet"
	} else {
		text += "; last made " + clock(b.Last.Made)
	}
	if b.LateSeconds > 0 {
		text += fmt.Sprintf(", %s late", secondsOf(b.LateSeconds))
	}
	if b.Failed != "" {
		text += "; FAILING since " + clock(b.Since) + ": " + b.Failed
	}
	return "backups: " + text
}

func (s *shell) backupVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify FILE", Short: "Read a backup whole: hashes, structures, blobs, the chain; no control node needed", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := app.VerifyBackup(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.sayBackup(args[0], m)
		},
	}
}

func (s *shell) restore() *cobra.Command {
	var o app.RestoreOptions
	var until, position string
	var secret passphrase
	cmd := &cobra.Command{
		Use: "restore", Short: "Put a backup in the place of a control node's journal, in a new epoch; the node must not run", Args: cobra.NoArgs,
		Long: `Put a backup in the place of a control node's journal. The node must not run.

The backup is read whole before anything is replaced. What was there is kept beside
it, in replaced-TIME. The restored journal begins a new epoch: gates that followed the
former one refuse it and raise an alarm, until a person accepts it at each of them with
"holdfast gate accept". No stop is confirmed until "holdfast restore settle" says that
every gate is accounted for. docs/operations.md has the steps in order.

A directory that holds more than would be kept, or another journal, is not replaced
without --force and a reason.

--until keeps what came before the first fact that is later; --position what stands up
to it. Keys that the backup names and the directory lacks are put in place with the
passphrase. Without probe.key a new one is made; without fleet/ca.key every gate needs a
new certificate. Everybody signs in anew.`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Passphrase, err = secret.read(s); err != nil {
				return err
			}
			if err := wish(&o.Wish, until, position); err != nil {
				return err
			}
			o.By, o.Now = operatingUser(), s.Now()
			report, err := app.Restore(cmd.Context(), o)
			if err != nil {
				return err
			}
			return s.sayRestored(report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "the backup's file")
	f.StringVar(&o.Data, "data", "", "the control node's directory; made if it is not there")
	f.StringVar(&until, "until", "", "restore to this time, as 2026-11-24T01:30:00Z")
	f.StringVar(&position, "position", "", "restore to this position")
	f.BoolVar(&o.Wish.Force, "force", false, "replace a journal that has more, or another one")
	f.StringVar(&o.Wish.Reason, "reason", "", "why, for the record; needed with --force")
	secret.flags(cmd)
	cmd.AddCommand(s.restoreList(), s.restoreSettle())
	return required(cmd, "from", "data")
}

// wish reads how far to restore.
func wish(w *backup.Wish, until, position string) (err error) {
	if until != "" {
		if w.Until, err = time.Parse(time.RFC3339, until); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a time: write it as 2026-11-24T01:30:00Z, with the zone", until).At("until")
		}
	}
	if position != "" {
		n, err := strconv.ParseUint(position, 10, 63)
		if err != nil || n == 0 {
			return holdfast.Errorf(holdfast.Invalid, "%q is not a position: write a whole number from 1", position).At("position")
		}
		w.Position = holdfast.Position(n)
	}
	return nil
}

// operatingUser is who runs the command, as the machine knows him.
func operatingUser() holdfast.Actor {
	by := holdfast.Self("restore")
	if u, err := user.Current(); err == nil && len(u.Username) <= 200 {
		by.Name = u.Username
	}
	return by
}

func (s *shell) sayRestored(r app.RestoreReport) error {
	if s.json {
		return s.printJSON(r)
	}
	s.say("restored up to position %d of the backup of %s; epoch %d begins at position %d", r.Restored.Cut, clock(r.Restored.Made), r.Head.Epoch, r.Head.Position)
	if from, to, lost := r.Restored.Lost(); lost {
		s.say("known to be lost: positions %d to %d; gates may have seen more", from, to)
	} else {
		s.say("no lost position is known here; gates may have seen more")
	}
	if r.Aside != "" {
		s.say("the journal that was there is kept in %s", r.Aside)
	}
	for _, line := range []struct {
		what string
		keys []string
	}{
		{"keys put in place", r.Keys},
		{"keys that were there and stayed, though the backup's differ", r.Kept},
		{"keys that are missing; put them in place before the start, or new ones are made", r.Missing},
	} {
		if len(line.keys) > 0 {
			s.say("%s: %s", line.what, strings.Join(line.keys, " "))
		}
	}
	s.say("now start the node; at each gate: holdfast gate accept; then: holdfast restore settle --reason WHY")
	return nil
}

func (s *shell) restoreList() *cobra.Command {
	return s.api("GET /restored", "list", "Restores that the journal has been through, newest first", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Restored) {
			p.row("AT", "EPOCH", "KEPT UP TO", "LOST", "SETTLED", "REASON")
			for _, r := range v {
				p.row(r.At, r.Epoch, uint64(r.Cut), lostText(r), r.Settled, r.Reason)
			}
		})
	})
}

func lostText(r view.Restored) string {
	if r.LostTo == 0 {
		return "none known"
	}
	return fmt.Sprintf("%d to %d", r.LostFrom, r.LostTo)
}

func (s *shell) restoreSettle() *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /restored/settle", "settle", "Say that every gate is accounted for after a restore: stops are confirmed again", func(c *call) error {
		return c.act(in, "settled: stops are confirmed again")
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	return required(cmd, "reason")
}

// journalText says what needs attention about the journal; "" if nothing does.
func journalText(j view.Journal) string {
	var b strings.Builder
	if r := j.Restored; r != nil {
		fmt.Fprintf(&b, "JOURNAL RESTORED from a backup of %s, kept up to position %d; lost: %s; no stop is confirmed until holdfast restore settle\n", clock(r.Made), r.Cut, lostText(*r))
	}
	for _, a := range j.Ahead {
		fmt.Fprintf(&b, "gate %s has seen position %d, which this journal does not hold: no lease until holdfast gate accept\n", a.Gate, a.Seen.Position)
	}
	if j.Backups.Alarm() {
		b.WriteString(backupsText(j.Backups) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
