package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"holdfast"
	"holdfast/internal/sqljournal/postgres"
	"holdfast/internal/standin/advice"
	"holdfast/internal/standin/advice/advicetest"
)

func openAdvices(t testing.TB, source string) *postgres.Advices {
	t.Helper()
	a, err := postgres.OpenAdvices(t.Context(), postgres.AdviceOptions{Source: source, Shards: advicetest.Shards})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestAdvicesContract(t *testing.T) {
	advicetest.Run(t, func(t *testing.T) advice.Source { return openAdvices(t, newSource(t)) })
}

// A source of another version of Holdfast is refused with what, where and how to go on.
func TestAdvicesOfAnotherFormat(t *testing.T) {
	source := newSource(t)
	openAdvices(t, source).Close()
	conn, err := pgx.Connect(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	for by, code := range map[int]holdfast.Code{-1: holdfast.Unavailable, 1: holdfast.Unavailable, 0: ""} {
		if _, err := conn.Exec(t.Context(), "UPDATE advice_meta SET format = format + $1", by); err != nil {
			t.Fatal(err)
		}
		a, err := postgres.OpenAdvices(t.Context(), postgres.AdviceOptions{Source: source})
		if err == nil {
			a.Close()
		}
		if holdfast.CodeOf(err) != code || err != nil && !strings.Contains(err.Error(), "what is in the PostgreSQL database "+conn.Config().Database+" is of format ") {
			t.Errorf("the format %+d: %v", by, err)
		}
		if _, err := conn.Exec(t.Context(), "UPDATE advice_meta SET format = format - $1", by); err != nil {
			t.Fatal(err)
		}
	}
}

// Two gates that make the source at once make one, and see each other's packs and
// names.
func TestAdvicesOfTwoGates(t *testing.T) {
	source := newSource(t)
	gates := make([]*postgres.Advices, 2)
	var wg sync.WaitGroup
	for i := range gates {
		wg.Go(func() {
			gates[i], _ = postgres.OpenAdvices(context.Background(), postgres.AdviceOptions{Source: source, Shards: 2})
		})
	}
	wg.Wait()
	var infos []string
	for _, g := range gates {
		if g == nil {
			t.Fatal("a gate could not open the source")
		}
		defer g.Close()
		info, err := g.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info.ID)
	}
	if infos[0] != infos[1] {
		t.Fatalf("two sources were made: %v", infos)
	}
	// Both bring the same names, in opposite orders, to different shards, at once:
	// each name ends with one of them and nothing hangs.
	const rounds = 20
	written := make([][]error, 2)
	for g := range gates {
		wg.Go(func() {
			var revision uint64
			for round := range uint64(rounds) {
				names := []uint64{round*10 + 1, round*10 + 2}
				if g == 1 {
					names[0], names[1] = names[1], names[0]
				}
				results, err := gates[g].Append(context.Background(), []advice.Pack{{Shard: g, Expect: revision, ID: fmt.Sprint(g, "-", round), Body: []byte("x"), Names: names}})
				if err != nil {
					results = []error{err}
				}
				if results[0] == nil {
					revision++
				}
				written[g] = append(written[g], results[0])
			}
		})
	}
	wg.Wait()
	for round := range rounds {
		a, b := written[0][round], written[1][round]
		var taken *advice.Taken
		if (a == nil) == (b == nil) || a != nil && !errors.As(a, &taken) || b != nil && !errors.As(b, &taken) {
			t.Fatalf("round %d: %v, %v", round, a, b)
		}
	}
}

// What somebody changed behind the source's back is found where it is.
func TestAdvicesDamage(t *testing.T) {
	for name, change := range map[string]string{
		"changed":  "UPDATE %s.advice_pack SET body = 'x' WHERE revision = 2",
		"removed":  "DELETE FROM %s.advice_pack WHERE revision = 2",
		"cut tail": "DELETE FROM %s.advice_pack WHERE revision = 3",
		"shorter":  "DELETE FROM %[1]s.advice_pack WHERE revision = 3; UPDATE %[1]s.advice_shard SET revision = 2 WHERE shard = 0",
	} {
		t.Run(name, func(t *testing.T) {
			source := newSource(t)
			_, schema, _ := strings.Cut(source, "search_path=")
			a := openAdvices(t, source)
			for i := range uint64(3) {
				if results, err := a.Append(t.Context(), []advice.Pack{{Expect: i, ID: fmt.Sprint(i), Body: []byte{byte(i)}}}); err != nil || results[0] != nil {
					t.Fatal(results, err)
				}
			}
			if err := server.Exec(t.Context(), fmt.Sprintf(change, schema)); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Read(t.Context(), 0, 0, 10); holdfast.CodeOf(err) != holdfast.Damaged {
				t.Fatalf("reading: %v", err)
			}
		})
	}
}
