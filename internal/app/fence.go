package app

import (
	"context"
	"fmt"

	"holdfast/internal/gate/fence"
)

// openFence opens what keeps each identity from one of two primaries; nil if there is one
// primary.
func (a *Gate) openFence() (*fence.Fence, error) {
	conf := a.opt.Config.Fence
	if conf == nil {
		return nil, nil
	}
	source, err := a.openSource(place{"fence", conf.Data, conf.Database, conf.Password, conf.Fenced, fence.Shards})
	if err != nil {
		return nil, fmt.Errorf("open the fence: %w", err)
	}
	a.down.add("fence", source.Close)
	return fence.New(context.Background(), fence.Options{
		Source: source, Gate: a.opt.Config.Name, Keep: conf.Keep.D(), Clock: systemClock{a.opt.Now}, Log: a.opt.Log,
	})
}

// fenced serves payments while the fence makes claims, and a little longer: what is served
// to its end may need one.
func (a *Gate) fenced(ctx context.Context, serve func(context.Context) error) error {
	if a.fence == nil {
		return serve(ctx)
	}
	claiming, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.fence.Run(claiming) }()
	err := serve(ctx)
	stop()
	<-ended
	return err
}
