package peer

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Engine is another engine.
type Engine interface {
	// Name is how the report names it.
	Name() string
	// Open prepares it for one program; dir is an empty directory.
	Open(ctx context.Context, p workload.Program, dir string) error
	// Run runs the program once, in an environment of its own, and returns what
	// it printed. A program that did not end well is an error.
	Run(ctx context.Context) (stdout string, err error)
	// Close frees what Open made.
	Close() error
}

// Parse finds the engine that a user named: docker:IMAGE, or the address of an
// HTTP interface as go-judge has it, with or without its path /run.
func Parse(text string) (Engine, error) {
	if image, ok := strings.CutPrefix(text, "docker:"); ok && image != "" {
		return &Docker{Image: image}, nil
	}
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, fmt.Errorf("%q is not a peer: it must be docker:IMAGE or http://HOST:PORT of a go-judge", text)
	}
	if strings.Trim(address.Path, "/") == "" {
		address.Path = "/run"
	}
	return &HTTP{URL: address.String()}, nil
}

// Task measures an engine by the same scenario that sessions are measured by:
// one program, from nothing to nothing.
func Task(e Engine, language string, p workload.Program, dir string, effort workload.Effort) *measure.Task {
	timed := &result.Series{
		Scenario: workload.OneShot, Variant: language, Subject: e.Name(), Baseline: result.Beside, What: "one program",
	}
	return effort.DearTask(measure.Task{
		Name: "peer " + e.Name(), Series: []*result.Series{timed},
		Open: func(ctx context.Context) error { return e.Open(ctx, p, dir) },
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error {
				out, err := e.Run(ctx)
				if err == nil && out != p.Output {
					err = &measure.WrongOutput{Got: out, Want: p.Output}
				}
				return err
			})
		},
		Close: func(context.Context) error { return e.Close() },
	})
}
