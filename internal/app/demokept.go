package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/senders/push"
)

// kept is what a demo must remember to go on in its directory.
type kept struct {
	Ready   Ready  `json:"ready"`
	Monitor string `json:"monitor"`
	// Firing is since when the monitor's alert fires; zero if none does.
	Firing   time.Time `json:"firing,omitzero"`
	Webhook  string    `json:"webhook"`
	Push     string    `json:"push"`
	StandIn  string    `json:"stand_in"` // the key of stand-in
	SMTP     string    `json:"smtp"`
	HTTP     string    `json:"http"`
	Primary  string    `json:"primary"`
	Other    string    `json:"second_primary"`
	Sandbox  string    `json:"sandbox"`
	SecondAt string    `json:"second_gate"`
	// Empty says that it began without plan and people.
	Empty bool `json:"empty,omitempty"`
}

const keptFile = "demo.json"

func (d *Demo) recall() (*kept, error) {
	key, err := push.NewKey()
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(filepath.Join(d.opt.Dir, keptFile))
	if errors.Is(err, os.ErrNotExist) {
		k := &kept{Webhook: newWebhookSecret(), Push: key, StandIn: holdfast.Secret(), Empty: d.opt.Empty}
		k.Ready.Account, k.Ready.Second, k.Ready.Password = "admin", "commander", holdfast.NewID()[:20]
		k.Ready.SandboxToken = holdfast.Secret()
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the demo kept: %w", err)
	}
	k := &kept{Push: key, StandIn: holdfast.Secret()} // one of before has none
	if err := json.Unmarshal(content, k); err != nil {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s cannot be read; start the demo in another directory", filepath.Join(d.opt.Dir, keptFile)).Because(err)
	}
	return k, nil
}

func (d *Demo) keep(k *kept) error {
	content, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return err
	}
	return posture.WriteFile(filepath.Join(d.opt.Dir, keptFile), content)
}

// env is the environment of the demo's settings: its secrets.
func (k *kept) env(name string) (string, bool) {
	value, ok := map[string]string{"HOLDFAST_DEMO_WEBHOOK": k.Webhook, "HOLDFAST_DEMO_PUSH": k.Push, "HOLDFAST_DEMO_STAND_IN": k.StandIn}[name]
	return value, ok
}
