package guestlink

import (
	"log/slog"
	"os"
	"time"

	"github.com/codebeaker/codebeaker/runtimes/internal/cgroup"
	"github.com/codebeaker/codebeaker/runtimes/internal/cpus"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// What the agent is told and tells; see package frame.
type (
	Hello         = frame.Hello
	User          = frame.User
	Harden        = frame.Harden
	ResourceLimit = frame.ResourceLimit
	Report        = frame.Report
)

// Options say how to use an agent.
type Options struct {
	// Hello tells the agent how to live.
	Hello Hello
	// Group is the environment's control group, in which the agent is; it stays
	// the caller's. Each execution gets a group below it. Nil: there are no
	// control groups, and the agent keeps track of trees and limits.
	Group *cgroup.Group
	// Processes limits the tasks of all programs together, without those of
	// the agent, where Group can. Elsewhere the agent limits so each program,
	// beside the tasks that it finds. Zero is no limit.
	Processes int64
	// OutputLimit ends an execution that writes more than so many bytes. Zero
	// is no limit.
	OutputLimit int64
	// CPUs is how many processors all programs together may use; programs run
	// on, and see, that many of those of Machine. Zero is all, and so is no
	// Machine.
	CPUs    float64
	Machine *cpus.Machine
	// StackBytes is how far the stack of a program may grow of which the
	// command says nothing else. Zero leaves it as the agent finds it.
	StackBytes int64
	// Tunnel is a unix socket, whose other end is the caller's, on which the
	// agent passes the network interface that it makes. Nil: it makes none.
	Tunnel *os.File
	// Logger is told when the link is lost; nil is silent.
	Logger *slog.Logger
}

// Deadlines of what an honest agent does at once.
const (
	helloTimeout = 30 * time.Second // a box copies its seeds before it is ready
	replyTimeout = 10 * time.Second
	writeTimeout = 10 * time.Second
	// endTimeout is from SIGKILL to the agent's word that the program is gone.
	endTimeout = 5 * time.Second
)
