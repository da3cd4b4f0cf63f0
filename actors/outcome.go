package actors

import (
	"fmt"
	"strconv"
	"time"

	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
)

// Outcome is what a command came to. A command that could not do its work is
// an outcome without Success, not an error.
type Outcome struct {
	Success     bool
	ExecutionID string
	Duration    time.Duration
	// Error is a sentence, "" on success.
	Error string
	// ErrorCode is a runtimes.FileCode or a runtimes.Status as a word, ""
	// on success.
	ErrorCode string
	// Result depends on the command; it is nil for those that have none and for
	// a file command that failed.
	Result Result
	// Note is Execute.Note.
	Note *FileNote
}

// Result is what a command gives beside its success: *ProcessResult,
// *CellResult, *FileWritten, *FileRead, *FileCopied, *FileMoved or *DirectoryListing.
type Result interface {
	// size is about how many bytes it holds, besides captured output.
	size() int
}

// Started answers a background Execute once the program runs.
type Started struct {
	ExecutionID string
	Duration    time.Duration // from the arrival to the start
}

// ProcessResult is what a program did.
type ProcessResult struct {
	Exit runtimes.Exit
	// Stdout and Stderr are what was kept of each stream; a program with a
	// terminal has its output in Stdout.
	Stdout, Stderr output.Captured
}

// FileWritten is the result of a WriteFile.
type FileWritten struct{ Bytes int64 }

// FileRead is the result of a ReadFile.
type FileRead struct{ runtimes.FileContent }

// FileCopied is the result of a CopyFile.
type FileCopied struct{ Bytes int64 }

// FileMoved is the result of a MoveFile.
type FileMoved struct{}

// DirectoryListing is the result of a ListDirectory.
type DirectoryListing struct{ runtimes.Listing }

// entryCost is about what an entry of a listing takes, in bytes.
const entryCost = 256

func (*ProcessResult) size() int      { return 0 }
func (*FileWritten) size() int        { return 0 }
func (r *FileRead) size() int         { return cap(r.Content) }
func (*FileCopied) size() int         { return 0 }
func (*FileMoved) size() int          { return 0 }
func (r *DirectoryListing) size() int { return len(r.Entries) * entryCost }

// FileNote is what an answer repeats of a file command, as the client asked for it.
type FileNote struct {
	Path, Destination string

	// Of a ReadFile.
	Encoding       string // the word of the protocol; "" lets the content decide
	Offset, Length int64  // length zero is all
}

// ExecutionList is the result of ListExecutions.
type ExecutionList struct{ Executions []ExecutionInfo }

// ExecutionInfo describes an execution without its content.
type ExecutionInfo struct {
	ID          string
	State       output.State
	Type        string
	CommandName string    // of programs
	StartedAt   time.Time // zero while queued
	Background  bool
	FirstSeq    int64
	NextSeq     int64
}

// Waited is the result of WaitExecution. Outcome is nil while it runs.
type Waited struct {
	State   output.State
	Outcome *Outcome
}

// Accepted is the result of Input.
type Accepted struct{ Bytes int }

// Delivered is the result of SendSignal: false when the execution had ended.
type Delivered struct{ Delivered bool }

// clockSlack is by how much the time of a process may seem shorter than that of
// its command.
const clockSlack = 100 * time.Millisecond

// describe says in a sentence why a program did not complete.
func describe(exit *runtimes.Exit, timeout time.Duration) string {
	switch exit.Status {
	case runtimes.NonZeroExit:
		if exit.Code != nil {
			return "the program exited with code " + strconv.Itoa(*exit.Code)
		}
	case runtimes.Signalled:
		return "the program was ended by " + exit.Signal
	case runtimes.TimeLimitExceeded:
		if exit.Message == "" && timeout > 0 && exit.Usage.Wall+clockSlack < timeout {
			return "the program was stopped at its limit of processor time"
		}
		if exit.Message == "" && timeout > 0 {
			return fmt.Sprintf("the program was stopped at its time limit of %v", timeout)
		}
	case runtimes.Cancelled:
		return "the execution was cancelled"
	}
	if exit.Message != "" {
		return exit.Message
	}
	return defaultSentences[exit.Status]
}

var defaultSentences = map[runtimes.Status]string{
	runtimes.NonZeroExit:         "the program failed; its exit code is not known",
	runtimes.TimeLimitExceeded:   "the program was stopped at its time limit",
	runtimes.MemoryLimitExceeded: "the program was stopped at its memory limit",
	runtimes.OutputLimitExceeded: "the program was stopped at its output limit",
	runtimes.EnvironmentLost:     "the environment was lost while the program ran",
	runtimes.CouldNotStart:       "the program could not be started",
	runtimes.Exception:           "the code raised an exception that it did not catch",
}
