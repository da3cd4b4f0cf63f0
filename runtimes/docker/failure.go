package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
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
func refused(step, why string) error {
	return failedFor(step, why, errors.New(why))
}

// failedFor is a failure with a cause and a reason of its own.
func failedFor(step, why string, err error) error {
	return &runtimes.EnvironmentError{Runtime: runtimes.Docker, Step: step, Reason: why, Err: err}
}

// agentEnded is an agent that ended before it was ready.
type agentEnded struct {
	code int
	said string // by the engine
}

func (e *agentEnded) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the agent ended with code %d: %s", e.code, e.said), ": ")
}

// reasonFor is the sentence for the client. Of what the engine itself said it
// gives a line without paths, which are the server's affair.
func reasonFor(step string, err error) string {
	var ended *agentEnded
	var hello *guestlink.HelloError
	switch {
	case errors.As(err, &ended):
		return fmt.Sprintf("The guest agent in the container ended with exit code %d before it was ready%s: run `make build` "+
			"and start the server again; where that does not help, look at the engine's own log.", ended.code, inBrackets(ended.said))
	case errors.As(err, &hello):
		return fmt.Sprintf("The guest agent could not set itself up in the container%s: run the engine with its default security "+
			"settings (seccomp, AppArmor), or use another runtime.", inBrackets(hello.Message))
	case errors.Is(err, errNoUser):
		return "Every user id for sessions is taken: close sessions, then try again."
	case step == stepMeetAgent && errors.Is(err, context.DeadlineExceeded):
		return "The guest agent in the container did not connect in time: see whether the host is overloaded, then try again."
	case localStep(step) && isLocal(err):
		return capital(reason.Workspace(err))
	}
	return engineReason(step, err)
}

// engineReason is reasonFor for what went wrong with the engine.
func engineReason(step string, err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded), os.IsTimeout(err):
		return fmt.Sprintf("The Docker engine did not answer in time (%s): see whether it is overloaded, then try again.", step)
	case isPermission(err):
		return fmt.Sprintf("The server may not use the Docker engine (%s): add its user to the group docker "+
			"(`usermod -aG docker USER`), then start it again.", step)
	case isTLS(err):
		return "The Docker engine wants TLS, or another certificate: set DOCKER_TLS_VERIFY and DOCKER_CERT_PATH " +
			"as for the docker command, then start the server again."
	case client.IsErrConnectionFailed(err):
		return "The Docker engine does not answer: start it or run `make engine`."
	case cerrdefs.IsResourceExhausted(err):
		return fmt.Sprintf("The Docker engine has no room for another container (%s): close sessions, then try again.", step)
	case hasErrno(err, syscall.ENOSPC):
		return fmt.Sprintf("The disk of the Docker engine is full (%s): free some of it, as with `docker system prune`.", step)
	case hasErrno(err, syscall.ENOMEM):
		return fmt.Sprintf("The Docker engine's host has no memory left (%s): close sessions, then try again.", step)
	}
	return fmt.Sprintf("The Docker engine could not do what it was asked (%s)%s: try again; where that does not help, "+
		"look at the engine's own log (`journalctl -u docker`).", step, inBrackets(strings.TrimPrefix(err.Error(), "Error response from daemon: ")))
}

// saidMax bounds what a sentence tells of the engine's or the agent's words, in
// bytes.
const saidMax = 100

// inBrackets adds somebody's words to a sentence.
func inBrackets(said string) string {
	if said = reason.Line(reason.WithoutPaths(said), saidMax); said == "" {
		return ""
	}
	return " [" + said + "]"
}

func capital(sentence string) string {
	return strings.ToUpper(sentence[:1]) + sentence[1:] + "."
}

// localStep reports whether the step works on files of the server.
func localStep(step string) bool {
	return step == stepAccess || step == stepWorkspace || step == stepPrepare
}

// isLocal reports whether the server's own kernel refused something, and not to
// reach the engine.
func isLocal(err error) bool {
	var onPath *fs.PathError
	var onNet *net.OpError
	var errno syscall.Errno
	return errors.As(err, &onPath) || errors.As(err, &errno) && !errors.As(err, &onNet)
}

// isPermission reports whether the server's user may not use the engine.
func isPermission(err error) bool {
	return errors.Is(err, os.ErrPermission) || cerrdefs.IsPermissionDenied(err)
}

// isTLS reports whether the engine is there and wants to be sure of us, or we
// of it. The client gives no more than a text (docker/client v28.5.2, request.go).
func isTLS(err error) bool {
	return client.IsErrConnectionFailed(err) && (strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "tls") ||
		strings.Contains(err.Error(), "TLS-enabled"))
}

// hasErrno looks for what a kernel said in the engine's words: the engine's
// errors come as text.
func hasErrno(err error, errno syscall.Errno) bool {
	return errors.Is(err, errno) || strings.Contains(err.Error(), errno.Error())
}
