// Command holdfast makes a payment operator's emergency plan executable. "holdfast help"
// lists the commands; package cli says how they behave.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"holdfast/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	os.Exit(cli.Run(ctx, cli.Options{
		Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Env: os.LookupEnv, Program: program, Now: time.Now,
	}))
}
