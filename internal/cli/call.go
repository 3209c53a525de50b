package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/client"
)

// patience is how long a command waits for one answer, a wait for a directive
// aside.
const patience = time.Minute

// routesOf is the annotation under which a command names the routes of the API
// that it stands for, separated by commas.
const routesOf = "api"

// call is one command at work on the API. Its positional arguments fill the
// placeholders of the route's path in order.
type call struct {
	*shell
	cmd    *cobra.Command
	args   []string
	method string
	route  string
	query  url.Values
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// api makes a command that calls one route, written as "POST /incidents/{id}".
// The words in capitals of use are its arguments.
func (s *shell) api(route, use, short string, do func(*call) error) *cobra.Command {
	method, path, _ := strings.Cut(route, " ")
	_, words, _ := strings.Cut(use, " ")
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(len(strings.Fields(words))),
		Annotations: map[string]string{routesOf: route},
		RunE: func(cmd *cobra.Command, args []string) error {
			return do(&call{shell: s, cmd: cmd, args: args, method: method, route: path, query: url.Values{}})
		},
	}
}

// path fills the route's placeholders and adds the query.
func (c *call) path() string {
	args := c.args
	path := placeholder.ReplaceAllStringFunc(c.route, func(string) string {
		arg := args[0]
		args = args[1:]
		return url.PathEscape(arg)
	})
	if len(c.query) > 0 {
		path += "?" + c.query.Encode()
	}
	return path
}

// do makes the call and returns the answer as it is.
func (c *call) do(in any) (json.RawMessage, error) {
	node, err := c.node()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(c.cmd.Context(), patience)
	defer cancel()
	return raw(ctx, node, c.method, c.path(), in)
}

func raw(ctx context.Context, node *client.Client, method, path string, in any) (answer json.RawMessage, err error) {
	err = node.Do(ctx, method, path, in, &answer)
	return answer, err
}

// act makes a call that changes something, and says so.
func (c *call) act(in any, format string, args ...any) error {
	answer, err := c.do(in)
	if err != nil {
		return err
	}
	c.print(answer)
	c.say(format, args...)
	return nil
}

// create makes a call that is answered with the id of what it made; format has a
// place for it.
func (c *call) create(in any, format string) error {
	answer, err := c.do(in)
	if err != nil {
		return err
	}
	var made client.Created
	if err := json.Unmarshal(answer, &made); err != nil {
		return fmt.Errorf("the node's answer cannot be read: %w", err)
	}
	c.print(answer)
	c.say(format, made.ID)
	return nil
}

// print writes an answer with --json.
func (s *shell) print(answer json.RawMessage) {
	if s.json && len(answer) > 0 {
		fmt.Fprintf(s.Stdout, "%s\n", strings.TrimRight(string(answer), "\n"))
	}
}

// show makes a call that is answered with a value, and writes it: as it is with
// --json, else as people does.
func show[T any](c *call, in any, people func(*page, T)) error {
	answer, err := c.do(in)
	if err != nil {
		return err
	}
	return present(c.shell, answer, people)
}

func present[T any](s *shell, answer json.RawMessage, people func(*page, T)) error {
	if s.json {
		s.print(answer)
		return nil
	}
	var value T
	if err := json.Unmarshal(answer, &value); err != nil {
		return fmt.Errorf("the answer cannot be read: %w", err)
	}
	p := &page{lang: holdfast.Lang(s.lang)}
	p.table = tabwriter.NewWriter(&p.text, 0, 0, 2, ' ', 0)
	people(p, value)
	p.flush()
	_, err := s.Stdout.Write([]byte(p.text.String()))
	return err
}

// page is text for people: lines, and tables whose columns line up. What may hold
// Chinese, which is twice as wide, stands in the last column.
type page struct {
	text  strings.Builder
	table *tabwriter.Writer
	lang  holdfast.Lang
}

func (p *page) flush() { p.table.Flush() } // a strings.Builder takes everything

// line writes a line outside tables.
func (p *page) line(format string, args ...any) {
	p.flush()
	fmt.Fprintf(&p.text, format+"\n", args...)
}

// row writes a row of a table.
func (p *page) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(p.table, "\t")
		}
		fmt.Fprint(p.table, cell(c))
	}
	fmt.Fprintln(p.table)
}

// titled is a title in the language of texts where Holdfast says it, else as it was
// written.
func (p *page) titled(title string, titles holdfast.Text) string {
	if titles.IsZero() {
		return title
	}
	return p.in(titles)
}

// in picks a text's language.
func (p *page) in(t holdfast.Text) string { return t.In(p.lang) }

func cell(v any) string {
	switch v := v.(type) {
	case time.Time:
		return clock(v)
	case string:
		if v == "" {
			return "-"
		}
		return strings.NewReplacer("\n", " ", "\t", " ").Replace(v)
	default:
		return fmt.Sprint(v)
	}
}

// clock writes a time in the machine's zone, with the offset.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// paged adds the flags of a list.
func paged(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Int("offset", 0, "how many entries to leave out")
	cmd.Flags().Int("limit", 0, "how many entries to show, at most 500 (default 50)")
	return cmd
}

// paging passes the flags of a list on.
func (c *call) paging() *call {
	c.pass("offset", "limit")
	return c
}

// pass puts flags that were given into the query, under their own names.
func (c *call) pass(flags ...string) *call {
	for _, name := range flags {
		if f := c.cmd.Flags().Lookup(name); f.Changed {
			c.query.Set(name, f.Value.String())
		}
	}
	return c
}

// more says that a list goes on.
func more(p *page, shown, total, next int) {
	if next > 0 {
		p.line("%d of %d; the next with --offset %d", shown, total, next)
	}
}
