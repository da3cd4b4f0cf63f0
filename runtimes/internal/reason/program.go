package reason

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"syscall"

	"github.com/codebeaker/codebeaker/runtimes"
)

// saidMax bounds what is told of a program's own words, in bytes.
const saidMax = 120

// Said adds a program's last words to what it did.
func Said(did, stderr string) string {
	if line := LastLine(stderr, saidMax); line != "" {
		return fmt.Sprintf("%s and said %q", did, line)
	}
	return did
}

// Exit tells how a program in an environment ended that should not have ended
// so.
func Exit(e runtimes.Exit, stderr string) string {
	switch e.Status {
	case runtimes.Completed:
		return Said("it ended well without saying what it was to say", stderr)
	case runtimes.NonZeroExit:
		if e.Code != nil {
			return Said(fmt.Sprintf("it ended with exit code %d", *e.Code), stderr)
		}
	case runtimes.Signalled:
		return Said("it was killed by "+cmp.Or(e.Signal, "a signal")+hint(e.Signal), stderr)
	case runtimes.TimeLimitExceeded:
		return Said("it did not end in time", stderr)
	case runtimes.CouldNotStart:
		return "it could not be started: " + Line(WithoutPaths(e.Message), saidMax)
	}
	return Said("it ended as "+e.Status.String(), stderr)
}

// Run tells how a program of the host failed, by the error of exec.Cmd.
func Run(err error, stderr string) string {
	var exit *exec.ExitError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Said("it did not answer in time", stderr)
	case errors.As(err, &exit) && !exit.Exited():
		name := ""
		if status, ok := exit.Sys().(syscall.WaitStatus); ok {
			name = runtimes.Signal(status.Signal()).String()
		}
		return Said("it was killed by "+cmp.Or(name, "a signal")+hint(name), stderr)
	case errors.As(err, &exit):
		return Said(fmt.Sprintf("it ended with exit code %d", exit.ExitCode()), stderr)
	}
	return "it could not be started: " + unstartable(err)
}

// hint says what a signal usually means.
func hint(signal string) string {
	if signal == "SIGILL" {
		return " (this processor lacks an instruction that it was built for)"
	}
	return ""
}

// unstartable says why a program that is there could not be started.
func unstartable(err error) string {
	switch {
	case errors.Is(err, syscall.ENOEXEC):
		return "it was built for another kind of processor"
	case errors.Is(err, fs.ErrNotExist): // execve(2): also a missing interpreter
		return "the loader or interpreter that it needs is not there"
	case errors.Is(err, fs.ErrPermission):
		return "the server may not execute it"
	}
	return Cause(err)
}
