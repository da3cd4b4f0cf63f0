// Command codebeaker is the code-execution engine: the server, and the command
// line around it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/codebeaker/codebeaker/runtimes/host"
)

func main() {
	host.RunRelay()
	if err := newCommand().ExecuteContext(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "codebeaker:", err)
		os.Exit(1)
	}
}
