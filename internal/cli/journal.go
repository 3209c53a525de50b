package cli

import (
	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/sqljournal/source"
)

func (s *shell) journal() *cobra.Command {
	return group("journal", "Where the facts are kept", s.journalCopy())
}

func (s *shell) journalCopy() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "copy", Short: "Copy a journal to another data source: files to a database, or back", Args: cobra.NoArgs,
		Long: `Copy a journal, with every fact at its position and with its hash, to an empty
data source, and verify the copy whole. A data source is a control node's
directory, or a PostgreSQL database as postgres://user@host/database; its
password is taken from PGPASSWORD or ~/.pgpass. Stop all control nodes first. A
copy that broke off is continued by the same command.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" || to == "" {
				return holdfast.Errorf(holdfast.Invalid, "say where from and where to: --from and --to")
			}
			original, err := source.Named(from)
			if err != nil {
				return err
			}
			target, err := source.Named(to)
			if err != nil {
				return err
			}
			copied, err := source.Copy(cmd.Context(), original, target)
			if err != nil {
				return err
			}
			return printed(s, copied, func(p *page, c source.Copied) {
				p.line("copied and verified: %d facts in %d appends, %d blobs, %d documents", c.Facts, c.Appends, c.Blobs, c.Documents)
				p.line("journal %s, epoch %d, position %d", c.Head.Journal, c.Head.Epoch, c.Head.Position)
				p.line("hash %s", c.Head.Hash)
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the data source to copy")
	cmd.Flags().StringVar(&to, "to", "", "the data source to make")
	return cmd
}
