package guestlink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// SetEnv is Hello.Env for programs that start from now on. It does not wait.
func (l *Link) SetEnv(env []string) error {
	if env == nil {
		env = []string{}
	}
	return l.assign(frame.Assign{Env: env})
}

func (l *Link) assign(ask frame.Assign) error {
	payload, err := json.Marshal(ask)
	if err == nil && len(payload) > frame.MaxControl {
		err = errors.New("the variables are too long")
	}
	if err != nil {
		return err
	}
	l.writer.send(frame.Header{Kind: frame.KindAssign}, payload)
	return nil
}

// SetResourceLimits is Hello.Limits for programs that start from now on, and
// returns those that are in force, read back. Limits can only be lowered. It is
// called by one goroutine at a time.
// Errors: runtimes.ErrEnvironmentLost; ctx's cause.
func (l *Link) SetResourceLimits(ctx context.Context, limits []ResourceLimit) ([]ResourceLimit, error) {
	if len(limits) == 0 {
		return nil, nil
	}
	answer := make(chan frame.Assigned, 1)
	l.mu.Lock()
	l.assigned = answer
	l.mu.Unlock()
	if err := l.assign(frame.Assign{Limits: limits}); err != nil {
		return nil, err
	}
	late := time.NewTimer(replyTimeout)
	defer late.Stop()
	select {
	case done := <-answer:
		if done.Error != "" {
			return nil, fmt.Errorf("the agent: %s", sentence([]byte(done.Error)))
		}
		return done.Limits, nil
	case <-l.done:
		return nil, runtimes.ErrEnvironmentLost
	case <-late.C:
		l.fail(protocolError("no answer to an Assign for %v", replyTimeout))
		return nil, runtimes.ErrEnvironmentLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (l *Link) answerAssign(payload []byte) error {
	var done frame.Assigned
	if err := json.Unmarshal(payload, &done); err != nil {
		return protocolError("Assigned: %v", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.assigned == nil {
		return protocolError("Assigned without a question")
	}
	l.assigned <- done
	l.assigned = nil
	return nil
}

// Settable says how a limit can be changed in an environment that is there.
type Settable struct{ Lower, Raise bool }

// SettableLimits says it of each limit.
type SettableLimits struct {
	Memory, Processes, OpenFiles, Disk, Inodes, Output Settable
	// OfEachProcess: the limit of memory is that of each process.
	OfEachProcess bool
	// CPUs reports whether processor time can become that of so many processors.
	CPUs func(float64) bool
	// Processors is how many the programs see.
	Processors int
}

// Assigned are the limits of an environment once it has those that a session asks
// for; zero asks for none. Errors: runtimes.ErrCannotAssign.
func (s *SettableLimits) Assigned(was, ask runtimes.Limits) (runtimes.Limits, error) {
	now := was
	memory := &now.MemoryBytes
	if s.OfEachProcess {
		memory = &now.ProcessMemoryBytes
	}
	for _, limit := range []struct {
		name string
		ask  int64
		now  *int64
		can  Settable
	}{
		{"memory", ask.MemoryBytes, memory, s.Memory},
		{"processes", ask.Processes, &now.Processes, s.Processes},
		{"open files", ask.OpenFiles, &now.OpenFiles, s.OpenFiles},
		{"disk", ask.DiskBytes, &now.DiskBytes, s.Disk},
		{"files", ask.Inodes, &now.Inodes, s.Inodes},
		{"output", ask.OutputBytes, &now.OutputBytes, s.Output},
	} {
		if limit.ask == 0 || limit.ask == *limit.now {
			continue
		}
		can := limit.can.Lower
		if *limit.now == 0 || limit.ask > *limit.now {
			can = limit.can.Raise
		}
		if !can {
			return was, fmt.Errorf("%w: its limit of %s is %d and cannot become %d",
				runtimes.ErrCannotAssign, limit.name, *limit.now, limit.ask)
		}
		*limit.now = limit.ask
	}
	if ask.CPUs != 0 && math.Abs(ask.CPUs-was.CPUs) > 0.001 {
		if !s.CPUs(ask.CPUs) {
			return was, fmt.Errorf("%w: its programs see %d processors", runtimes.ErrCannotAssign, s.Processors)
		}
		now.CPUs = ask.CPUs
	}
	return now, nil
}
