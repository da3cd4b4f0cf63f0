// Command codebeaker is the code-execution engine: the server, and the command
// line around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/codebeaker/codebeaker/runtimes/host"
)

func main() {
	host.RunRelay()
	err := newCommand().ExecuteContext(context.Background())
	if err == nil {
		return
	}
	exit := &exitError{code: 1, err: err}
	errors.As(err, &exit)
	if exit.err != nil {
		fmt.Fprintln(os.Stderr, "codebeaker:", err)
	}
	os.Exit(exit.code)
}
