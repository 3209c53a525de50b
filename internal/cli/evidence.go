package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

// The acts on incidents that carry texts and files.

func (s *shell) incidentNote() *cobra.Command {
	var in api.Note
	var files []string
	cmd := s.api("POST /incidents/{id}/notes", "note INCIDENT TEXT", "Add to the timeline", func(c *call) (err error) {
		in.Text = c.args[1]
		if in.Evidence, err = c.keepAll(files); err != nil {
			return err
		}
		return c.act(in, "incident %s: the note is kept", c.args[0])
	})
	cmd.Flags().StringVar(&in.Task, "task", "", "the task it belongs to")
	return withFiles(cmd, &files)
}

func (s *shell) incidentDone() *cobra.Command {
	var in api.Done
	var files []string
	cmd := s.api("POST /incidents/{id}/tasks/{task}/done", "done INCIDENT TASK", "End a task that a person did", func(c *call) (err error) {
		if in.Evidence, err = c.keepAll(files); err != nil {
			return err
		}
		return c.act(in, "task %[2]s of incident %[1]s is done", c.args[0], c.args[1])
	})
	cmd.Flags().StringVar(&in.Note, "note", "", "what was done")
	return withFiles(cmd, &files)
}

func withFiles(cmd *cobra.Command, files *[]string) *cobra.Command {
	cmd.Flags().StringSliceVar(files, "file", nil, "file to keep as evidence; may be repeated")
	return cmd
}

// keepAll sends files to the node and returns how to name them in an act.
func (c *call) keepAll(files []string) (kept []incident.Evidence, err error) {
	for _, file := range files {
		answer, err := c.keep(file, "")
		if err != nil {
			return nil, err
		}
		var e incident.Evidence
		if err := json.Unmarshal(answer, &e); err != nil {
			return nil, fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		kept = append(kept, e)
	}
	return kept, nil
}

func (c *call) keep(file, kind string) (json.RawMessage, error) {
	content, err := c.read(file, journal.MaxBlob)
	if err != nil {
		return nil, err
	}
	if kind == "" {
		kind = mime.TypeByExtension(filepath.Ext(file))
	}
	if kind == "" {
		kind = http.DetectContentType(content)
	}
	node, err := c.node()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.cmd.Context(), patience)
	defer cancel()
	query := url.Values{"name": {filepath.Base(file)}, "type": {kind}}
	return raw(ctx, node, http.MethodPost, "/evidence?"+query.Encode(), bytes.NewReader(content))
}

func (s *shell) incidentEvidence() *cobra.Command {
	var kind string
	keep := s.api("POST /evidence", "keep FILE", "Keep a file as evidence, to name in a note or a task; prints its hash", func(c *call) error {
		answer, err := c.keep(c.args[0], kind)
		if err != nil {
			return err
		}
		return present(s, answer, func(p *page, e incident.Evidence) { p.line("%s  %s, %d bytes", e.Hash, e.Name, e.Size) })
	})
	keep.Flags().StringVar(&kind, "type", "", "its media type (default: from the name, else the content)")

	get := s.fetch("GET /evidence/{hash}", "get HASH", "Write a file kept as evidence to standard output")
	pack := s.fetch("GET /incidents/{id}/evidence", "pack INCIDENT", "Write the incident's evidence pack (.zip): facts with their chain, record, debrief, files; archive verify checks it offline")
	return group("evidence", "Files kept with incidents, and evidence packs", keep, get, pack)
}

// writeTo makes a new file, which has its name only once it is whole; one that is there
// already is left alone.
func writeTo(path string, write func(io.Writer) error) error {
	cannot := func(err error) error {
		return holdfast.Errorf(holdfast.Invalid, "the file cannot be made").Because(err)
	}
	if _, err := os.Lstat(path); err == nil {
		return cannot(&os.PathError{Op: "create", Path: path, Err: os.ErrExist})
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".holdfast-*")
	if err != nil {
		return cannot(err)
	}
	defer os.Remove(f.Name())
	err = write(f)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); errors.Is(err, os.ErrExist) { // unlike a rename, it replaces nothing
		return cannot(err)
	} else if err == nil {
		return nil
	}
	return os.Rename(f.Name(), path) // a file has only one name there
}

func (s *shell) incidentProbe() *cobra.Command {
	return s.api("POST /incidents/{id}/tasks/{task}/probe", "probe INCIDENT TASK", "Run the task's probes once; code 3 if one fails", func(c *call) error {
		answer, err := c.do(nil)
		if err != nil {
			return err
		}
		var ran []incident.ProbeRan
		if err := json.Unmarshal(answer, &ran); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		failed := 0
		err = present(s, answer, func(p *page, ran []incident.ProbeRan) {
			p.row("PROBE", "PASSED", "MS", "DETAIL")
			for _, r := range ran {
				p.row(r.Probe, r.Passed, r.Millis, r.Detail)
			}
		})
		for _, r := range ran {
			if !r.Passed {
				failed++
			}
		}
		if err == nil && failed > 0 {
			return &ending{exitUnconfirmed, fmt.Sprintf("%d of %d probes failed", failed, len(ran))}
		}
		return err
	})
}
