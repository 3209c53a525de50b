package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/client"
	"holdfast/internal/locale"
	"holdfast/internal/payment"
	"holdfast/internal/settlement"
	"holdfast/internal/view"
)

// settlement are the commands on the primary's settlement files.
func (s *shell) settlement() []*cobra.Command {
	return []*cobra.Command{s.settle(), group("settlement", "The primary's settlement files, as the last word",
		s.settlementList(), s.settlementShow(), s.settlementConfirm(), s.settlementAnswer(), s.settlementWithdraw(), s.settlementMapping(), s.settlementMappings(),
	)}
}

func (s *shell) settle() *cobra.Command {
	var file, day string
	var wait time.Duration
	cmd := s.api("POST /settlements", "settle FILE", "Offer the primary's settlement file, in CSV, and show what it would change; nothing is changed before it is confirmed", func(c *call) error {
		in, err := c.upload(c.args[0])
		if err != nil {
			return err
		}
		if file != "" {
			m, err := c.readMapping(file)
			if err != nil {
				return err
			}
			// A mapping by which this file cannot be read takes the place of none.
			var content bytes.Buffer
			if _, err := in.WriteTo(&content); err != nil {
				return err
			}
			if _, _, _, err := m.ReadDay(content.Bytes(), day, c.Now()); err != nil {
				return err
			}
			in.Reset(content.Bytes())
			save := *c
			save.route, save.query = "/settlement-mappings", url.Values{}
			if _, err := save.do(m); err != nil {
				return err
			}
			c.query.Set("mapping", m.Name)
		} else if c.pass("mapping"); !c.query.Has("mapping") {
			return holdfast.Errorf(holdfast.Invalid, "name a mapping with --mapping, or give one with --mapping-file")
		}
		answer, err := c.pass("day").do(in)
		if err != nil {
			return err
		}
		var made client.Created
		if err := json.Unmarshal(answer, &made); err != nil {
			return fmt.Errorf("the node's answer cannot be read: %w", err)
		}
		show := &call{shell: c.shell, cmd: c.cmd, args: []string{made.ID}, method: "GET", route: "/settlements/{id}", query: url.Values{}}
		return show.awaitSettlement(wait)
	})
	f := cmd.Flags()
	f.String("mapping", "", "the name of a saved mapping, which says what the file's columns mean")
	f.StringVar(&file, "mapping-file", "", "a mapping in JSON, which is saved under the name in it if the file can be read by it")
	f.StringVar(&day, "day", "", "the file's day, as 2026-11-26")
	f.DurationVar(&wait, "wait", 30*time.Second, "wait so long for the gates to have compared it")
	return required(cmd, "day")
}

func (s *shell) settlementList() *cobra.Command {
	return paged(s.api("GET /settlements", "list", "Settlement files, newest first", func(c *call) error {
		return show(c.paging(), nil, func(p *page, v view.Page[view.Settlement]) {
			p.row("FILE", "STATE", "DAY", "ROWS", "REFUSED", "CHANGES", "OFFERED", "NAME")
			for _, f := range v.Items {
				p.row(f.ID, string(f.State), f.Day, f.Rows, f.Refused, f.Changes, f.At, f.Name)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	}))
}

// compareEvery is how often a command that waits looks whether gates have answered.
const compareEvery = time.Second

func (s *shell) settlementShow() *cobra.Command {
	var wait time.Duration
	cmd := s.api("GET /settlements/{id}", "show FILE", "What a settlement file would change, or has changed", func(c *call) error {
		return c.awaitSettlement(wait)
	})
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait so long for the gates to have compared it, or carried it out")
	return cmd
}

// awaitSettlement shows a settlement file once the gates have answered, or the time is
// over.
func (c *call) awaitSettlement(wait time.Duration) error {
	for until := time.Now().Add(wait); ; {
		answer, err := c.do(nil)
		if err != nil {
			return err
		}
		var v api.SettlementDetail
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("the answer cannot be read: %w", err)
		}
		if len(v.Missing) == 0 || !time.Now().Before(until) {
			return present(c.shell, answer, writeSettlement)
		}
		select {
		case <-c.cmd.Context().Done():
			return c.cmd.Context().Err()
		case <-time.After(compareEvery):
		}
	}
}

func writeSettlement(p *page, v api.SettlementDetail) {
	p.line("settlement file %s of %s: %s", v.ID, v.Day, v.State)
	p.line("%d rows read by mapping %s, %d refused, %d ignored, %d repeated; %d are of no payment that a gate knows", v.Rows, v.Mapping.Name, v.Refused, v.Ignored, v.Repeated, v.Others)
	for _, m := range v.Missing {
		p.line("gate %s has not answered yet", m)
	}
	for source, n := range v.Uncovered {
		p.line("%d shards of the source %s were not compared: no gate decides for them", n, source)
	}
	if len(v.Tallies) > 0 {
		p.row("FINDING", "PAYMENTS / AMOUNT")
		for _, t := range v.Tallies {
			p.row(string(t.Finding), tally(t.Tally, t.Currency))
		}
	}
	if len(v.Found) > 0 {
		p.row("LINE", "PAYMENT", "FINDING", "WAS", "AMOUNT", "IN THE FILE", "GATE")
		for _, f := range v.Found {
			filed := ""
			if f.FiledCur != "" {
				filed = money(f.Filed, f.FiledCur)
			}
			p.row(f.Line, payment.Mask(f.Identity), string(f.Finding)+unless(f.Changed, ", left as it is"), f.Was, money(f.Amount, f.Currency), filed, f.Gate)
		}
	}
	for _, r := range v.Refusals {
		p.line("line %d refused: %s", r.Line, r.Message)
	}
	switch {
	case v.State == settlement.Offered && len(v.Missing) == 0 && v.Changes == 0:
		p.line("it changes nothing")
	case v.State == settlement.Offered && len(v.Missing) == 0:
		p.line("%d payments would change%s: holdfast stand-in settlement confirm %s", v.Changes, unless(!v.TakesTwo, ", by two people"), v.ID)
	case v.State == settlement.Asked:
		p.line("it waits for a second person: holdfast stand-in settlement answer %s", v.ID)
	}
}

func (s *shell) settlementConfirm() *cobra.Command {
	var in api.Note
	cmd := s.api("POST /settlements/{id}/confirm", "confirm FILE", "Have what a settlement file says recorded", func(c *call) error {
		return c.act(in, "settlement file %s is confirmed; where it takes two people it waits for the second", c.args[0])
	})
	cmd.Flags().StringVar(&in.Text, "note", "", "why")
	return required(cmd, "note")
}

func (s *shell) settlementAnswer() *cobra.Command {
	return s.secondAnswers("POST /settlements/{id}/answer", "answer FILE", "Agree, as a second person, to what a settlement file changes, or refuse",
		"why not; without it you agree", "settlement file %s is refused", "settlement file %s is agreed; the gates record what it says")
}

func (s *shell) settlementWithdraw() *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /settlements/{id}/withdraw", "withdraw FILE", "Take back a settlement file that is not confirmed", func(c *call) error {
		return c.act(in, "settlement file %s is withdrawn", c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) settlementMapping() *cobra.Command {
	return s.api("POST /settlement-mappings", "save-mapping FILE", "Save a mapping, in JSON: what the columns of settlement files mean", func(c *call) error {
		m, err := c.readMapping(c.args[0])
		if err != nil {
			return err
		}
		return c.act(m, "mapping %s is saved", m.Name)
	})
}

func (c *call) readMapping(file string) (m settlement.Mapping, err error) {
	content, err := c.read(file, 1<<16)
	if err != nil {
		return m, err
	}
	d := json.NewDecoder(bytes.NewReader(content))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, holdfast.Errorf(holdfast.Invalid, "the mapping %s cannot be read: %v", file, err)
	}
	return m, nil
}

func (s *shell) settlementMappings() *cobra.Command {
	return s.api("GET /settlement-mappings", "mappings", "Mappings of settlement files by name", func(c *call) error {
		return show(c, nil, func(p *page, list []settlement.Mapping) {
			p.row("MAPPING", "IDENTITY", "AMOUNT", "CURRENCY", "STATUS", "ZONE", "COMPLETE")
			for _, m := range list {
				p.row(m.Name, strings.Join(m.Identity, " "+m.Join+" "), m.Amount+" ("+m.Unit+")", m.Currency+m.CurrencyIs, m.Status, m.Zone, m.Complete)
			}
		})
	})
}

// money says an amount.
func money(amount int64, currency string) string {
	return locale.For(holdfast.En).Money(holdfast.Money{Minor: amount, Currency: currency})
}
