// Command bench measures CodeBeaker and writes a report that can be checked,
// repeated and compared; `bench load` drives load. See docs/benchmarks.md.
//
//	go run ./bench                    # every runtime that is here, in three minutes
//	go run ./bench -quick             # in half a minute
//	go run ./bench -o report.html -o report.json
//	go run ./bench -compare old.json  # exits with 3 on a regression
//	go run ./bench load               # connections, sessions, rates
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/codebeaker/codebeaker/bench/internal/local"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/runtimes/host"
)

// What the program exits with.
const (
	exitGood       = 0
	exitFailed     = 1 // something could not be measured, failed or gave a wrong output
	exitUsage      = 2
	exitRegression = 3
)

func main() {
	host.RunRelay()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := (&app{stdout: os.Stdout, stderr: os.Stderr, facts: result.GatherFacts}).run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// app is the program with what tests replace.
type app struct {
	stdout, stderr io.Writer
	// local are the options of the server in process.
	local local.Options
	// facts finds out about the machine.
	facts func(context.Context) result.Facts
}

// errUsage marks mistakes of the command line.
var errUsage = errors.New("usage")

// errRegression is the end of a comparison that found one.
var errRegression = errors.New("regression")

// run runs the program and returns what it exits with.
func (a *app) run(ctx context.Context, args []string) int {
	command := a.measure
	if len(args) > 0 && args[0] == "load" {
		command = a.load
	}
	err := command(ctx, args)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return exitGood
	case errors.Is(err, errUsage):
		fmt.Fprintln(a.stderr, "bench:", err)
		return exitUsage
	case errors.Is(err, errRegression):
		fmt.Fprintln(a.stderr, "bench:", err)
		return exitRegression
	}
	fmt.Fprintln(a.stderr, "bench:", err)
	return exitFailed
}
