package actors

import (
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
	// Result depends on the command: *ProcessResult, *FileWritten,
	// *runtimes.FileContent, *FileCopied, *runtimes.Listing; nil for the
	// others and for a file command that failed.
	Result any
	// Note is Execute.Note.
	Note any
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

// FileCopied is the result of a CopyFile.
type FileCopied struct{ Bytes int64 }

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
