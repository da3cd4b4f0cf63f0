package boxed

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// checkTimeout bounds the program that proves a language.
const checkTimeout = 20 * time.Second

// check runs the program that proves the language in an environment made for
// it. An error says what the program did instead.
func check(ctx context.Context, e *Environment, language *Language) error {
	c := language.Check
	if _, err := e.workspace.WriteFile(ctx, runtimes.WriteFile{Path: c.Name, Content: []byte(c.Text)}); err != nil {
		return err
	}
	run, want := c.Run, "ok\n"
	if c.Cold != nil && language.Warm != nil && !language.Warm.ready() {
		run, want = c.Cold, ""
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	sink := &checkSink{exited: make(chan runtimes.Exit, 1)}
	process, err := e.Start(ctx, runtimes.Command{Name: run[0], Args: run[1:]}, sink)
	if err != nil {
		return err
	}
	var exit runtimes.Exit
	select {
	case exit = <-sink.exited:
	case <-ctx.Done():
		process.Stop(runtimes.TimeLimitExceeded)
		exit = <-sink.exited
	}
	if exit.Status != runtimes.Completed || !strings.HasPrefix(sink.stdout.String(), want) {
		return fmt.Errorf("%s: %v %s: %.300q %.300q", strings.Join(run, " "), exit.Status, exit.Message,
			sink.stdout.String(), sink.stderr.String())
	}
	return nil
}

// checkSink keeps the outputs of a program that writes little. A program that
// fills its window waits until the time is up.
type checkSink struct {
	stdout, stderr strings.Builder
	exited         chan runtimes.Exit
}

func (s *checkSink) Output(stream runtimes.Stream, p []byte) {
	if stream == runtimes.Stdout {
		s.stdout.Write(p)
	} else {
		s.stderr.Write(p)
	}
}

func (s *checkSink) InputReady() {}

func (s *checkSink) Exited(exit runtimes.Exit) { s.exited <- exit }
