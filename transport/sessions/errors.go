package sessions

import (
	"errors"
	"fmt"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
)

// Errors that callers branch on. They are those of the actors.
var (
	// ErrSessionNotFound: no such session, or another key's.
	ErrSessionNotFound = actors.ErrSessionNotFound
	// ErrSessionClosed: the session is closing or closed a moment ago.
	ErrSessionClosed = actors.ErrSessionClosed
	// ErrExecutionNotFound: unknown, or no longer kept.
	ErrExecutionNotFound = actors.ErrExecutionNotFound
	// ErrShuttingDown: the server takes no new sessions.
	ErrShuttingDown = actors.ErrShuttingDown
)

// Errors with members.
type (
	// BusyError names the limit that is reached.
	BusyError = actors.BusyError
	// ArgumentError names what cannot be, given the state of the session.
	ArgumentError = actors.ArgumentError
	// UnavailableError says why the runtime that was named cannot be used.
	UnavailableError = actors.UnavailableError
	// LanguageError says that no runtime here serves the language.
	LanguageError = actors.LanguageError
	// EnvironmentError says why no environment could be made.
	EnvironmentError = runtimes.EnvironmentError
)

// A Field names a member of a request as [Create], [Extend], [List] and [Execute]
// have it, in a form that doors turn into names of their own.
type Field string

// The fields that an error may name. Those of an element or a variable have its
// index or name behind them: Args[3], Env.HOME.
const (
	FieldSession     Field = "session"
	FieldExecution   Field = "execution"
	FieldLanguage    Field = "language"
	FieldIdleTimeout Field = "idleTimeout"
	FieldMaxLifetime Field = "maxLifetime"
	FieldMemory      Field = "memory"
	FieldCPUs        Field = "cpus"
	FieldProcesses   Field = "processes"
	FieldDisk        Field = "disk"
	FieldNetwork     Field = "network"
	FieldEnv         Field = "env"
	FieldImage       Field = "image"
	FieldLabels      Field = "labels"
	FieldClientToken Field = "clientToken"
	FieldLimit       Field = "limit"
	FieldAfter       Field = "after"
	FieldTimeout     Field = "timeout"
	FieldFrom        Field = "from"
	FieldColumns     Field = "columns"
	FieldRows        Field = "rows"
	FieldInput       Field = "input"

	FieldCommand         Field = "command"
	FieldName            Field = "command.name"
	FieldArgs            Field = "command.args"
	FieldDir             Field = "command.dir"
	FieldCommandEnv      Field = "command.env"
	FieldStdin           Field = "command.stdin"
	FieldTerminal        Field = "command.terminal"
	FieldTerminalColumns Field = "command.terminal.columns"
	FieldTerminalRows    Field = "command.terminal.rows"
	FieldCommandMemory   Field = "command.limits.memory"
	FieldCommandCPU      Field = "command.limits.cpu"
	FieldCommandProcs    Field = "command.limits.processes"
	FieldCommandOutput   Field = "command.limits.output"
	FieldCommandStack    Field = "command.limits.stack"
	FieldContent         Field = "command.content"
	FieldAtomic          Field = "command.atomic"
	FieldOffset          Field = "command.offset"
	FieldLength          Field = "command.length"
	FieldPattern         Field = "command.pattern"
	FieldMaxDepth        Field = "command.maxDepth"
	FieldEntries         Field = "command.limit"
	FieldContextName     Field = "context"
	FieldCode            Field = "command.code"
	FieldCellLanguage    Field = "command.language"
	FieldContext         Field = "command.context"
	FieldCellTimeout     Field = "command.timeout"
)

// Fields are all of them.
func Fields() []Field {
	return []Field{
		FieldSession, FieldExecution, FieldLanguage, FieldIdleTimeout, FieldMaxLifetime, FieldMemory,
		FieldCPUs, FieldProcesses, FieldDisk, FieldNetwork, FieldEnv, FieldImage,
		FieldLabels, FieldClientToken, FieldLimit, FieldAfter, FieldTimeout, FieldFrom,
		FieldColumns, FieldRows, FieldInput, FieldCommand, FieldName, FieldArgs,
		FieldDir, FieldCommandEnv, FieldStdin, FieldTerminal, FieldTerminalColumns, FieldTerminalRows,
		FieldCommandMemory, FieldCommandCPU, FieldCommandProcs, FieldCommandOutput, FieldCommandStack, FieldContent,
		FieldAtomic, FieldOffset, FieldLength, FieldPattern, FieldMaxDepth, FieldEntries,
		FieldContextName, FieldCode, FieldCellLanguage, FieldContext, FieldCellTimeout,
	}
}

// FieldError says what is wrong with a member of a request.
type FieldError struct {
	Field Field
	// Part is what within the field: "[3]" or ".HOME"; "" is all of it.
	Part   string
	Reason string // goes on from the name: "must not be empty"
}

// Error gives field and reason.
func (e *FieldError) Error() string { return string(e.Field) + e.Part + ": " + e.Reason }

func fieldError(f Field, format string, args ...any) *FieldError {
	return &FieldError{Field: f, Reason: fmt.Sprintf(format, args...)}
}

// in makes the error one of a part of its field.
func (e *FieldError) in(part string) *FieldError {
	e.Part = part
	return e
}

// FieldOf is the field that an error is about: a *FieldError, a *TooLargeError or
// an *ArgumentError; "" for others.
func FieldOf(err error) Field {
	var (
		field    *FieldError
		large    *TooLargeError
		argument *ArgumentError
	)
	switch {
	case errors.As(err, &field):
		return field.Field
	case errors.As(err, &large):
		return large.Field
	case errors.As(err, &argument) && argument.Member == "executionId":
		return FieldExecution
	case errors.As(err, &argument):
		return Field(argument.Member)
	}
	return ""
}

// TooLargeError is a member over a size limit.
type TooLargeError struct {
	Field Field
	Limit int64 // bytes
}

// Error names the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Field, e.Limit)
}

// UnknownLanguageError is a name that no language has.
type UnknownLanguageError struct{ Served []runtimes.Language }

// Error says so.
func (e *UnknownLanguageError) Error() string { return "no such language" }
