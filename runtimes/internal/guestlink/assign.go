package guestlink

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// SetEnv is Hello.Env for programs that start from now on. It does not wait.
func (l *Link) SetEnv(env []string) error {
	if env == nil {
		env = []string{}
	}
	payload, err := json.Marshal(frame.Assign{Env: env})
	if err == nil && len(payload) > frame.MaxControl {
		err = errors.New("the variables are too long")
	}
	if err != nil {
		return err
	}
	l.writer.send(frame.Header{Kind: frame.KindAssign}, payload)
	return nil
}

// Settable says how a limit can be changed in an environment that is there.
type Settable struct {
	Lower, Raise bool
	// Moot: nothing holds it here, whatever is asked for.
	Moot bool
}

// SettableLimits says it of each limit.
type SettableLimits struct {
	Memory, Processes, OpenFiles, Disk, Inodes, Output Settable
	// CPUs reports whether processor time can become that of so many processors.
	CPUs func(float64) bool
}

// Assigned are the limits that an environment is for once a session has it that
// asks for some; a zero member asks for nothing. It was made for others.
// Errors: runtimes.ErrCannotAssign.
func (s *SettableLimits) Assigned(made, ask runtimes.Limits) (runtimes.Limits, error) {
	now := made
	for _, limit := range []struct {
		name string
		ask  int64
		now  *int64
		can  *Settable
	}{
		{"memory", ask.MemoryBytes, &now.MemoryBytes, &s.Memory},
		{"processes", ask.Processes, &now.Processes, &s.Processes},
		{"open files", ask.OpenFiles, &now.OpenFiles, &s.OpenFiles},
		{"disk", ask.DiskBytes, &now.DiskBytes, &s.Disk},
		{"files", ask.Inodes, &now.Inodes, &s.Inodes},
		{"output", ask.OutputBytes, &now.OutputBytes, &s.Output},
	} {
		if limit.ask == 0 || limit.ask == *limit.now {
			continue
		}
		can := limit.can.Raise
		if *limit.now == 0 || limit.ask < *limit.now {
			can = limit.can.Lower
		}
		if !can && !limit.can.Moot {
			return made, fmt.Errorf("%w: its limit of %s is %d and cannot become %d",
				runtimes.ErrCannotAssign, limit.name, *limit.now, limit.ask)
		}
		*limit.now = limit.ask
	}
	if ask.CPUs != 0 && math.Abs(ask.CPUs-made.CPUs) > 0.001 {
		if !s.CPUs(ask.CPUs) {
			return made, fmt.Errorf("%w: its programs see the processors that %v are, and cannot see those that %v are",
				runtimes.ErrCannotAssign, made.CPUs, ask.CPUs)
		}
		now.CPUs = ask.CPUs
	}
	return now, nil
}
