package app

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"holdfast/internal/posture"
)

// payersEvery is how often the demo's payment system says anew what it knows of
// payers.
const payersEvery = time.Minute

// keepPayers writes the payer snapshot, again and again, until ctx ends.
func (d *Demo) keepPayers(ctx context.Context, path string) error {
	tick := time.NewTicker(payersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := d.knowPayers(path); err != nil {
			d.opt.Log.Warn("the payer snapshot cannot be written", "error", err)
		}
	}
}

// knowPayers writes the payer snapshot: who has much, who has little, who is blocked. As
// any snapshot it is behind: every other account that has little had much when
// it was made. Accounts for tests are not in it.
func (d *Demo) knowPayers(path string) error {
	type line struct {
		At      time.Time `json:"at,omitzero"`
		Payer   string    `json:"payer,omitempty"`
		Class   string    `json:"class,omitempty"`
		Blocked bool      `json:"blocked,omitempty"`
		Seen    time.Time `json:"seen,omitzero"`
	}
	now := d.opt.Now().UTC().Truncate(time.Second)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	if err := enc.Encode(line{At: now}); err != nil {
		return err
	}
	behind := false
	for _, a := range d.World.World.Accounts() {
		if a.Test {
			continue
		}
		class := "ample"
		if a.Opening <= ampleBalance {
			if behind = !behind; !behind {
				class = "low"
			}
		}
		if err := enc.Encode(line{Payer: a.ID, Class: class, Blocked: a.Blocked, Seen: now.AddDate(0, 0, -7)}); err != nil {
			return err
		}
	}
	return posture.WriteFile(path, b.Bytes())
}

// ampleBalance is the balance above which the demo's payers have much, in minor units.
const ampleBalance = 1_000_000
