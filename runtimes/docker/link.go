package docker

import (
	"context"
	"io"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
)

// link is the server's end of the connection to an agent.
type link interface {
	Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error)
	// Lost is closed when the agent is gone and every process has been told.
	Lost() <-chan struct{}
	// Err is why it is gone.
	Err() error
	Close() error
}

// greeting is what an agent is told when its link is made.
type greeting struct {
	conn        io.ReadWriteCloser
	environment []string
	limits      runtimes.Limits
	pid         int // of the container's first process on this host, or 0
	machine     *cpus.Machine
	files       bool // the agent carries out file commands
}

// welcome is what the agent answers, and what came with it.
type welcome struct {
	link     link
	files    runtimes.Workspace // when greeting.files
	layers   []runtimes.Layer   // that the agent reports of itself
	limits   runtimes.Limits    // read back from the cgroup; zero where not known
	terminal bool               // a terminal could be made
}

// greeter makes links; tests replace it.
type greeter func(ctx context.Context, g greeting) (welcome, error)
