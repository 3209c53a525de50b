package cli

import (
	"crypto/x509"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/gate/decider"
)

// gatePayers sends a payer snapshot to a gate's feed, or asks for its age.
func (s *shell) gatePayers() *cobra.Command {
	var feed, authority string
	var changes bool
	cmd := &cobra.Command{
		Use: "payers [FILE]", Short: "Send a gate the payer snapshot, or what has changed of it; without FILE ask how old it is", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.payerFeed(feed, authority)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				if changes {
					return holdfast.Errorf(holdfast.Invalid, "say which file has the changes, or - for standard input")
				}
				answer, err := raw(cmd.Context(), c, http.MethodGet, "/payers", nil)
				if err != nil {
					return err
				}
				return present(s, answer, s.writePayers)
			}
			in := s.Stdin
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return holdfast.Errorf(holdfast.Invalid, "the file cannot be read").Because(err)
				}
				defer f.Close()
				in = f
			}
			method := http.MethodPut
			if changes {
				method = http.MethodPost
			}
			answer, err := raw(cmd.Context(), c, method, "/payers", in)
			if err != nil {
				return err
			}
			return present(s, answer, s.writePayers)
		},
	}
	f := cmd.Flags()
	f.StringVar(&feed, "feed", "", "address of the gate's feed (or HOLDFAST_FEED_URL); the token is HOLDFAST_FEED_TOKEN")
	f.StringVar(&authority, "authority", "", "certificate of the authority that signed the feed's, a PEM file (default: the machine's authorities)")
	f.BoolVar(&changes, "changes", false, "FILE has what has changed since the snapshot in use")
	return cmd
}

func (s *shell) payerFeed(base, authority string) (*client.Client, error) {
	if base == "" {
		base = s.env("HOLDFAST_FEED_URL")
	}
	if base == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "say which gate: set HOLDFAST_FEED_URL, or give --feed https://host:port, its stand_in.feed.listen")
	}
	var pool *x509.CertPool
	if authority != "" {
		content, err := os.ReadFile(authority)
		if err != nil {
			return nil, holdfast.Errorf(holdfast.Invalid, "the authority's file cannot be read").Because(err)
		}
		if pool = x509.NewCertPool(); !pool.AppendCertsFromPEM(content) {
			return nil, holdfast.Errorf(holdfast.Invalid, "%s has no certificate as PEM", authority)
		}
	}
	return client.NewPayerFeed(base, strings.TrimSpace(s.env("HOLDFAST_FEED_TOKEN")), pool)
}

func (s *shell) writePayers(p *page, k decider.PayersKnown) {
	if k.At.IsZero() {
		p.line("there is no payer snapshot")
	} else {
		p.line("%d payers, as of %s, %s ago", k.Payers, clock(k.At), s.Now().Sub(k.At).Round(time.Second))
	}
	if k.Fault != "" {
		p.line("ALARM: %s", k.Fault)
	}
}
