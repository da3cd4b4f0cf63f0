package runtimes

import (
	"errors"
	"fmt"
	"slices"
)

// Sentinels that callers branch on.
var (
	// ErrEnvironmentLost: the environment is gone; the session may replace it.
	ErrEnvironmentLost = errors.New("the environment is gone")
	// ErrInputClosed: the program takes no more input.
	ErrInputClosed = errors.New("the input is closed")
	// ErrCannotAssign: something that a session asks for cannot be set any more in
	// an environment that is there.
	ErrCannotAssign = errors.New("the environment cannot be given to this session")
	// ErrNoTerminal: the program has no terminal.
	ErrNoTerminal = errors.New("the execution has no terminal")
)

// EnvironmentError says which step of making an environment failed.
type EnvironmentError struct {
	Runtime Type
	// Step names what was being done: "create container", "wait for guest".
	Step string
	// Reason is a sentence for the client: what to do. It holds no path or
	// secret of the server.
	Reason string
	// Err is the cause, for the log.
	Err error
}

// Error gives the step and the cause, for the log.
func (e *EnvironmentError) Error() string {
	return fmt.Sprintf("%v environment: %s: %v", e.Runtime, e.Step, e.Err)
}

// Unwrap returns the cause.
func (e *EnvironmentError) Unwrap() error { return e.Err }

// FileCode says why a file command did not do its work. The values are the
// wire words: docs/protocol.md.
type FileCode string

// The codes of file commands.
const (
	CodeNotFound             FileCode = "NotFound"
	CodeAlreadyExists        FileCode = "AlreadyExists"
	CodeNotADirectory        FileCode = "NotADirectory"
	CodeIsADirectory         FileCode = "IsADirectory"
	CodeDirectoryNotEmpty    FileCode = "DirectoryNotEmpty"
	CodePathOutsideWorkspace FileCode = "PathOutsideWorkspace"
	CodeNotRegularFile       FileCode = "NotRegularFile"
	CodePermissionDenied     FileCode = "PermissionDenied"
	CodeNoSpace              FileCode = "NoSpace"
	CodeTooLarge             FileCode = "TooLarge"
	CodeInvalidEncoding      FileCode = "InvalidEncoding"
)

// FileError is a file command that could not do its work. Its text goes to the
// client: it names the path as the client gave it, never one of the server's.
type FileError struct {
	Code FileCode
	Path string
	// Message is a sentence: "no such file or directory".
	Message string
}

// Error gives the message and the path.
func (e *FileError) Error() string { return e.Message + ": " + e.Path }

// FileCodeOf returns the code of a *FileError in err's chain, or "".
func FileCodeOf(err error) FileCode {
	if err == nil {
		return "" // which costs nothing
	}
	var fileErr *FileError
	if errors.As(err, &fileErr) {
		return fileErr.Code
	}
	return ""
}

// Problem is something that a probe found not to work. As an error it says to
// the log what was being done and why that failed.
type Problem struct {
	// Languages are those that are not served for it; none is every language
	// of the runtime.
	Languages []Language
	// Absent: nothing is broken, something is not installed.
	Absent bool
	// Step names what was being done: "find tools", "wait for guest".
	Step string
	// Reason is a sentence for clients and the operator: what is wrong and what
	// to do. It holds no secret of the server.
	Reason string
	// Err is the whole cause, for the log.
	Err error
}

// Error gives the step and the cause, for the log.
func (p *Problem) Error() string { return fmt.Sprintf("%s: %v", p.Step, p.Err) }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// ProblemOf makes a problem of a failure. One that is in err already, or an
// *EnvironmentError, gives its step and reason; any other is told as that step
// and by explain.
func ProblemOf(err error, step string, explain func(error) string, languages ...Language) Problem {
	var known *Problem
	var failed *EnvironmentError
	switch {
	case errors.As(err, &known):
		p := *known
		if p.Languages == nil {
			p.Languages = languages
		}
		return p
	case errors.As(err, &failed):
		cause := failed.Err
		if err != error(failed) { // it came with more
			cause = err
		}
		return Problem{Languages: languages, Step: failed.Step, Reason: failed.Reason, Err: cause}
	}
	return Problem{Languages: languages, Step: step, Reason: explain(err), Err: err}
}

// AddProblem adds one to a list. What several languages suffer from is told
// once for all of them.
func AddProblem(list []Problem, p Problem) []Problem {
	for i := range list {
		if same := &list[i]; same.Step == p.Step && same.Reason == p.Reason {
			if len(same.Languages) > 0 {
				same.Languages = append(slices.Clone(same.Languages), p.Languages...)
			}
			return list
		}
	}
	return append(list, p)
}
