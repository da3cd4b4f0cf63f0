package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// An engine may have gVisor as one more runtime: its programs have a kernel of
// their own, a process of the host that makes few system calls itself. An
// environment whose Spec says Strongest is made in it where a trial has shown
// that it works.
//
// Nothing of it is in control groups or namespaces of the host but gVisor's own
// processes, so the agent does there what it does on an engine elsewhere, and
// speaks over the container's standard streams.

// gvisorRuntime is the name by which engines know it.
const gvisorRuntime = "runsc"

// gvisorTasks is the engine's limit of tasks for gVisor itself, which takes
// some for each program and thread of its container. The limit of programs is
// the agent's, RLIMIT_NPROC, which gVisor counts for the container alone.
func gvisorTasks(programs int64) int64 {
	const (
		own     = 256
		perTask = 4
	)
	if programs <= 0 {
		return programs
	}
	return own + perTask*programs
}

// gvisorTrial is what is known of the engine's gVisor. Its zero value is nothing.
type gvisorTrial struct {
	done      bool
	isolation runtimes.Isolation // where it works
	advice    string             // where it does not
}

// gvisorChoice remembers a trial. It is safe for use by several goroutines.
type gvisorChoice struct {
	trying sync.Mutex // one trial at a time

	mu    sync.Mutex
	trial gvisorTrial
}

func (g *gvisorChoice) known() gvisorTrial {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trial
}

func (g *gvisorChoice) learn(t gvisorTrial) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trial = t
}

// gvisorFor tells what a trial of gVisor has found, which is made the first time.
func (r *Runtime) gvisorFor(ctx context.Context, language runtimes.Language) gvisorTrial {
	r.gvisor.trying.Lock()
	defer r.gvisor.trying.Unlock()
	if known := r.gvisor.known(); known.done {
		return known
	}
	found, err := r.tryGVisor(ctx, language)
	if ctx.Err() != nil {
		return gvisorTrial{} // it says nothing
	}
	if err != nil {
		r.log.Warn("gVisor does not work here", "error", err)
		found.advice = fmt.Sprintf("The Docker engine has gVisor (%s), which does not work here (%s): docs/runtimes.md says what it needs.",
			gvisorRuntime, reason.Cause(err))
	}
	found.done = true
	r.gvisor.learn(found)
	return found
}

var errHostKernel = errors.New("programs in it see the host's kernel")

// tryGVisor makes an environment and looks at the kernel that a program sees.
func (r *Runtime) tryGVisor(ctx context.Context, language runtimes.Language) (gvisorTrial, error) {
	info, err := r.engine.info(ctx)
	if err != nil {
		return gvisorTrial{}, err
	}
	if _, listed := info.Runtimes[gvisorRuntime]; !listed {
		return gvisorTrial{advice: "`make gvisor` adds gVisor to the Docker engine, for sessions that prefer Security."}, nil
	}
	env, err := r.createIn(ctx, runtimes.Spec{Name: trialSession(), Language: language, Limits: trialLimits}, true)
	if err != nil {
		return gvisorTrial{}, err
	}
	defer closeTrial(ctx, env)
	exit, output, err := run(ctx, env, runtimes.Command{Name: "uname", Args: []string{"-r"}})
	if err != nil {
		return gvisorTrial{}, err
	}
	switch kernel := strings.TrimSpace(output); {
	case exit.Status != runtimes.Completed || kernel == "":
		return gvisorTrial{}, fmt.Errorf("uname ended with status %v", exit.Status)
	case kernel == info.KernelVersion || info.KernelVersion == "":
		return gvisorTrial{}, errHostKernel
	}
	return gvisorTrial{isolation: runtimes.NewIsolation(append(env.isolation.Layers, runtimes.GVisor)...)}, nil
}
