package access

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"holdfast"
)

// Limits on attempts to sign in, by account and by client. One client is refilled
// more slowly than an account, so a single one that keeps guessing cannot keep
// the account's owner out.
const (
	accountEvery = 5 * time.Second
	accountBurst = 10
	clientEvery  = 10 * time.Second
	clientBurst  = 20
	// limiterSize bounds each table: about 3 MB.
	limiterSize = 10_000
)

const (
	// computations is how many Argon2id computations run at once, which bounds
	// their memory: 128 MiB at the default cost.
	computations = 2
	// computeWait is how long an attempt waits for its turn.
	computeWait = 3 * time.Second
)

// Attempt is an attempt to sign in.
type Attempt struct {
	Account  string
	Password string
	Client   netip.Addr
	// Replaces is the secret of the session the browser had, if it had one; it is
	// ended. A session never takes a secret that a browser brought.
	Replaces string
}

// SignIn checks a password and starts a session. It returns the secret that the
// browser keeps. A wrong password, an unknown account, a disabled one and one
// without a password get the same answer after the same work: code
// Unauthenticated. Too many attempts have code TooMany, too many at once
// Unavailable.
func (s *Service) SignIn(ctx context.Context, at Attempt) (secret string, _ Session, err error) {
	a, err := s.authenticate(ctx, at)
	if err != nil {
		return "", Session{}, err
	}
	if at.Replaces != "" {
		if err := s.SignOut(ctx, at.Replaces); err != nil {
			return "", Session{}, fmt.Errorf("end the session before: %w", err)
		}
	}
	return s.open(ctx, a, at.Client)
}

func (s *Service) authenticate(ctx context.Context, at Attempt) (Account, error) {
	wrong := holdfast.Errorf(holdfast.Unauthenticated, "the account or the password is not right")
	// Before the tables are asked, so that only names that can be accounts' enter.
	if !holdfast.ValidName(at.Account) || len(at.Password) > maxPassword {
		return Account{}, wrong
	}
	now := s.desk.Now()
	if err := s.clients.Take(ClientKey(at.Client), now); err != nil {
		return Account{}, err
	}
	if err := s.attempts.Take(at.Account, now); err != nil {
		return Account{}, err
	}
	a := s.account(at.Account)
	v, err := s.verifier(ctx, at.Account, a.credential)
	if err != nil {
		return Account{}, err
	}
	var right bool
	if err := s.compute(ctx, func() { right = v.matches(at.Password) }); err != nil {
		return Account{}, err
	}
	if !right || a.Disabled {
		return Account{}, wrong
	}
	return a, nil
}

// verifier returns the verifier in force for an account; where there is none,
// one that no password matches and that costs as much.
func (s *Service) verifier(ctx context.Context, account, credential string) (verifier, error) {
	d, err := s.documents.Document(ctx, credentialKey(account, credential))
	if holdfast.CodeOf(err) == holdfast.NotFound {
		return verifier{cost: s.cost}, nil
	}
	if err != nil {
		return verifier{}, fmt.Errorf("look up a password: %w", err)
	}
	return parseVerifier(string(d.Body))
}

// compute runs f, which costs what one Argon2id computation does, when its turn
// comes.
func (s *Service) compute(ctx context.Context, f func()) error {
	ctx, cancel := context.WithTimeout(ctx, computeWait)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
		f()
		return nil
	case <-ctx.Done():
		return holdfast.Errorf(holdfast.Unavailable, "too many sign in at once; try again in a moment").Because(ctx.Err())
	}
}
