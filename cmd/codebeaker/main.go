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
	err := newCommand().ExecuteContext(context.Background())
	for _, complaint := range complaints(err) {
		fmt.Fprintln(os.Stderr, "codebeaker:", complaint)
	}
	os.Exit(codeOf(err))
}
