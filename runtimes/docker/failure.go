package docker

import (
	"context"
	"errors"
	"fmt"
	"os"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
)

// failed says which step of making an environment failed and gives the client a
// reason. It keeps an *EnvironmentError that is in err already.
func failed(step string, err error) error {
	var known *runtimes.EnvironmentError
	if errors.As(err, &known) {
		return err
	}
	return &runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: step, Reason: reasonFor(step, err), Err: err}
}

// refused is a failure with a reason of its own.
func refused(step, reason string) error {
	return &runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: step, Reason: reason, Err: errors.New(reason)}
}

// reasonFor is the sentence for the client. What the engine itself said stays
// in the log, for it may hold paths of the server.
func reasonFor(step string, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return fmt.Sprintf("The Docker engine did not answer in time (%s): see whether it is overloaded, then try again.", step)
	case isPermission(err):
		return fmt.Sprintf("The server may not use the Docker engine (%s): add its user to the group docker.", step)
	case client.IsErrConnectionFailed(err):
		return "The Docker engine does not answer: start it or run `make engine`."
	case cerrdefs.IsResourceExhausted(err):
		return fmt.Sprintf("The Docker engine has no room for another container (%s): close sessions, then try again.", step)
	}
	return fmt.Sprintf("The Docker engine could not do what it was asked (%s): the server's log has the cause.", step)
}

// isPermission reports whether the server's user may not use the engine.
func isPermission(err error) bool {
	return errors.Is(err, os.ErrPermission) || cerrdefs.IsPermissionDenied(err)
}

// publicReason is the sentence for clients in an error of this package.
func publicReason(err error) string {
	var known *runtimes.EnvironmentError
	if errors.As(err, &known) {
		return known.Reason
	}
	return reasonFor("try an image", err)
}
