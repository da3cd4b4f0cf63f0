package guest

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// gcPercent is lower than Go's own: the agent shares the memory of its session,
// and has little garbage to collect.
const gcPercent = 50

// processors is one: what the agent does for a program is a chain of short
// steps, and each that another thread took would be a thread to wake. While the
// kernel loads a program the others' traffic waits, a third of a millisecond.
const processors = 1

// Main runs the agent with the arguments of its program and returns the exit
// code.
func Main(args []string) int {
	debug.SetGCPercent(gcPercent)
	if len(args) == 2 && args[0] == "-tunnel" {
		return exitCode(tunnelFor(args[1]))
	}
	return exitCode(run(args))
}

// exitCode is that of a run that ended so.
func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return 1
	}
	return 0
}

func run(args []string) error {
	runtime.GOMAXPROCS(processors)
	catchSignals()
	if err := keepDescriptors(); err != nil {
		return err
	}
	conn, err := connect(args)
	if err != nil {
		return err
	}
	return newAgent(conn).serve()
}

// connect finds the stream that the arguments name.
func connect(args []string) (*conn, error) {
	switch {
	case len(args) == 0:
		return inherited(3)
	case len(args) == 1 && args[0] == "-stdio":
		return standardStreams()
	case len(args) == 2 && args[0] == "-dial":
		return dial(args[1])
	}
	return nil, errors.New("usage: guest [-dial PATH | -stdio | -tunnel PATH]")
}
