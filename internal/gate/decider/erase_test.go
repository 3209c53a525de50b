package decider_test

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/gate/seal"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// vault makes the vault of a gate.
func vault(t *testing.T, gate string, source advice.Source) *seal.Vault {
	t.Helper()
	keys, err := seal.NewKeys(bytes.Repeat([]byte{7}, seal.MinSecret))
	if err != nil {
		t.Fatal(err)
	}
	return seal.NewVault(keys, gate, source, time.Now)
}

// S21: what forwarding needed of a payment can be read by nobody a few minutes after it is
// settled, and until then by whoever has to send it. A gate that is lost leaves nothing.
func TestSealedDataGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		sealing := map[string]*seal.Vault{"east": vault(t, "east", source), "west": vault(t, "west", source)}
		with := func(o *decider.Options) { o.Vault = sealing[o.Gate] }
		east, west := start(t, "east", source, true, with), start(t, "west", source, true, with)
		ctx, stop := context.WithCancel(t.Context())
		go east.tell(ctx)
		go west.tell(ctx)
		for _, g := range []*rig{east, west} {
			g.Install(set(5, directive("d1", source)))
		}
		request := seal.Request{Method: "POST", Target: "/v1/payments", Body: []byte("card")}
		stand := func(g *rig, gate, identity, payer string) standin.Sealed {
			var sealed standin.Sealed
			a, err := g.Decide(ctx, decider.Ask{
				Payment: pay(identity, payer, 1000), Kind: standin.Payment, Cause: standin.Directed, Directive: "d1",
				Seal: func() standin.Sealed { sealed = sealing[gate].Seal(identity, request); return sealed },
			})
			if err != nil || a.Verdict != standin.Approved {
				t.Fatalf("%v, %v", a, err)
			}
			return sealed
		}
		opens := func(identity string, s standin.Sealed, want holdfast.Code) {
			t.Helper()
			if _, err := vault(t, "north", source).Open(ctx, identity, s); holdfast.CodeOf(err) != want {
				t.Errorf("%s: %v, want the code %q", identity, err, want)
			}
		}
		early := stand(east, "east", "k1", "anna")
		time.Sleep(30 * time.Second)
		sealing["east"].Seal("asks for the next", request)
		synctest.Wait()
		late, lost := stand(east, "east", "k2", "bea"), stand(west, "west", "k3", "carl")
		late2 := stand(east, "east", "k4", "bea")
		east.Install(set(6))
		west.Install(set(6))
		west.end()
		deliver := func(only string) {
			t.Helper()
			time.Sleep(15 * time.Second)
			for range 3 {
				work, err := east.Next(ctx, 40, func(i *standin.Item) bool { return only == "" || i.Identity == only })
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range work {
					if err := east.Settle(ctx, standin.Came{Identity: w.Item.Identity, Of: standin.Did}); err != nil {
						t.Error(err)
					}
				}
			}
		}
		deliver("k1")
		time.Sleep(5 * time.Minute)
		opens("k1", early, holdfast.NotFound)
		opens("k2", late, "")
		opens("k4", late2, "")
		deliver("")
		time.Sleep(3 * time.Minute)
		opens("k2", late, holdfast.NotFound)
		opens("k4", late2, holdfast.NotFound)
		opens("k3", lost, "") // its gate may come back
		time.Sleep(15 * time.Minute)
		opens("k3", lost, holdfast.NotFound)
		stop()
		east.end()
	})
}

// Without a data key nothing is approved.
func TestNothingSealedNothingApproved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 1)
		g := start(t, "east", source, false)
		g.Install(set(5, directive("d1", source)))
		_, err := g.Decide(t.Context(), decider.Ask{
			Payment: pay("k1", "anna", 1000), Kind: standin.Payment, Cause: standin.Directed, Directive: "d1", Seal: func() standin.Sealed { return standin.Sealed{} },
		})
		if holdfast.CodeOf(err) != holdfast.Unavailable {
			t.Errorf("it was decided on: %v", err)
		}
		g.end()
	})
}
