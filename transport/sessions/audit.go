package sessions

import (
	"context"
	"errors"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/policy"
)

// AuditError refuses what changes state while its record would not be kept.
type AuditError struct{ Err error }

// Error says what is wrong. The cause holds paths of the server.
func (*AuditError) Error() string {
	return "the audit log of this server cannot be written, and it does nothing that is not in there: its operator has to look"
}

// Unwrap is the cause.
func (e *AuditError) Unwrap() error { return e.Err }

// record begins one about the client.
func (c *Conn) record(event string) audit.Record {
	r := audit.Record{Event: event, Key: c.owner}
	if c.from != nil {
		r.Address = *c.from
	}
	return r
}

// mayChange refuses what changes state while it cannot be recorded.
func (c *Conn) mayChange() error {
	if log := c.local.audit; log.Syncs() {
		if err := log.Err(); err != nil {
			return &AuditError{err}
		}
	}
	return nil
}

// Refused records that a call was refused.
func (c *Conn) Refused(err error, session string) {
	log := c.local.audit
	if log == nil {
		return
	}
	r := c.record(audit.Refused)
	r.Session, r.Outcome = session, outcomeOfError(err)
	var (
		rate *RateError
		busy *BusyError
		rule *PolicyError
	)
	switch {
	case errors.As(err, &rule):
		r.Limit, r.Rule, r.Reason, r.Marks = "policy", rule.Rule, rule.Reason, rule.Marks
	case errors.As(err, &rate):
		r.Limit = rate.Limit
	case errors.As(err, &busy):
		r.Limit = busy.Limit
	}
	log.AddOften(r.Key+" "+r.Address, r)
}

// outcomeOfError is the word for an error in the audit log.
func outcomeOfError(err error) string {
	var (
		field       *FieldError
		large       *TooLargeError
		argument    *ArgumentError
		busy        *BusyError
		rate        *RateError
		unavailable *UnavailableError
		language    *LanguageError
		environment *EnvironmentError
		unrecorded  *AuditError
		forbidden   *PolicyError
	)
	switch {
	case errors.As(err, &forbidden):
		return "Refused"
	case errors.As(err, &field), errors.As(err, &argument):
		return "InvalidParams"
	case errors.As(err, &large):
		return "TooLarge"
	case errors.As(err, &busy):
		return "Busy"
	case errors.As(err, &rate):
		return "RateLimited"
	case errors.As(err, &unavailable):
		return "RuntimeUnavailable"
	case errors.As(err, &language):
		return "LanguageNotSupported"
	case errors.As(err, &environment), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "EnvironmentFailed"
	case errors.As(err, &unrecorded):
		return "NotRecorded"
	case errors.Is(err, ErrSessionClosed):
		return "SessionClosed"
	case errors.Is(err, ErrSessionNotFound):
		return "SessionNotFound"
	case errors.Is(err, ErrShuttingDown):
		return "ShuttingDown"
	}
	return "InternalError"
}

// auditCreate records a create, and waits for the disk where replies do. A session
// of which there is no record is closed.
func (c *Conn) auditCreate(r *actors.CreateRequest, d policy.Decision, made *actors.Session, info *Info, err error, took time.Duration) error {
	log := c.local.audit
	if log == nil {
		return err
	}
	line := c.record(audit.Created)
	line.Language, line.Image, line.Network = r.Language.String(), r.Image, networkName(r.Network)
	line.MemoryMB, line.CPUs, line.DiskMB = r.Limits.MemoryBytes>>20, r.Limits.CPUs, r.Limits.DiskBytes>>20
	line.DurationMs, line.Rule, line.Marks = took.Milliseconds(), d.Rule, d.Marks
	if err != nil {
		line.Outcome, line.Reason = outcomeOfError(err), err.Error()
		log.Add(line, nil)
		return err
	}
	line.Session, line.Runtime, line.Outcome = info.SessionID, info.Runtime.String(), "Completed"
	if err := c.keep(line); err != nil {
		made.Send(&actors.Call{Request: &actors.Close{}, Caller: nobody{}})
		return err
	}
	return nil
}

// keep adds a record and waits for the disk where replies do.
func (c *Conn) keep(r audit.Record) error {
	kept := make(chan error, 1)
	c.local.audit.Add(r, func(err error) { kept <- err })
	if err := <-kept; err != nil {
		return &AuditError{err}
	}
	return nil
}

// AuditClose is the Caller of a session's Close that records it.
func (c *Conn) AuditClose(session string, caller actors.Caller) actors.Caller {
	if c.local.audit == nil {
		return caller
	}
	r := c.record(audit.Closed)
	r.Session = session
	return &audited{log: c.local.audit, record: r, caller: caller, changes: true}
}

// AuditFlow records a flow of a session's network. It does not wait.
func AuditFlow(log *audit.Log, session, owner string, f runtimes.NetworkFlow) {
	r := audit.Record{
		Event: audit.Flow, Key: owner, Session: session, Protocol: f.Protocol, Outcome: string(f.Outcome),
		SentBytes: f.Sent, ReceivedBytes: f.Received, DurationMs: f.Duration.Milliseconds(), Count: f.Count,
	}
	if f.To.IsValid() {
		r.Destination = f.To.String()
	}
	if f.Count > 0 {
		r.Reason = "flows that were too many to tell each"
	}
	log.Add(r, nil)
}

// auditExecute makes the caller of a command one that records it.
// Errors: *AuditError.
func (s *LocalSession) auditExecute(call *actors.Call, r *actors.Execute, d policy.Decision) error {
	c := s.conn
	log := c.local.audit
	if log == nil {
		return nil
	}
	a := &audited{log: log, session: s, changes: true}
	switch command := r.Command.(type) {
	case *runtimes.Command:
		a.record = c.record(audit.Executed)
		a.record.Program, a.record.Args, a.record.InputBytes = command.Name, len(command.Args), int64(len(command.Stdin))
	case *actors.Cell:
		a.record = c.record(audit.Executed)
		a.record.InputBytes = int64(len(command.Code) + len(command.Stdin))
	case *runtimes.ReadFile, *runtimes.ListDirectory:
		a.record, a.changes = c.record(audit.File), false
	default:
		a.record = c.record(audit.File)
	}
	a.record.Path, a.record.Destination, _ = pathsOf(r.Command)
	a.record.Rule, a.record.Marks = d.Rule, d.Marks
	a.record.Session, a.record.Type, a.record.Background = s.ID(), r.Type, r.Background
	if a.changes {
		if err := c.mayChange(); err != nil {
			return err
		}
	}
	a.caller, call.Caller = call.Caller, a
	return nil
}

// pathsOf are the paths of a file command, and the content that it writes.
func pathsOf(command any) (path, destination string, content []byte) {
	switch c := command.(type) {
	case *runtimes.WriteFile:
		return c.Path, "", c.Content
	case *runtimes.ReadFile:
		return c.Path, "", nil
	case *runtimes.CreateDirectory:
		return c.Path, "", nil
	case *runtimes.DeleteFile:
		return c.Path, "", nil
	case *runtimes.CopyFile:
		return c.Source, c.Destination, nil
	case *runtimes.MoveFile:
		return c.Source, c.Destination, nil
	case *runtimes.ListDirectory:
		return c.Path, "", nil
	}
	return "", "", nil
}

// audited is a Caller whose answer is recorded before it goes on to the caller.
type audited struct {
	log     *audit.Log
	record  audit.Record
	caller  actors.Caller
	session *LocalSession // of a command
	changes bool          // the answer waits for the disk
}

// Follow is actors.Follower's.
func (a *audited) Follow(log *output.Log) {
	if f, ok := a.caller.(actors.Follower); ok {
		f.Follow(log)
	}
}

// Reply is actors.Caller's.
func (a *audited) Reply(result any, err error) {
	tell(&a.record, result, err)
	if started, ok := result.(*actors.Started); ok && a.session != nil {
		a.awaitEnd(started.ExecutionID)
	}
	if !a.changes || err != nil {
		a.log.Add(a.record, nil)
		a.caller.Reply(result, err)
		return
	}
	a.log.Add(a.record, func(unkept error) {
		if unkept != nil {
			result, err = nil, &AuditError{unkept}
		}
		a.caller.Reply(result, err)
	})
}

// awaitEnd has the end of a program in the background recorded.
func (a *audited) awaitEnd(execution string) {
	end := &audited{log: a.log, record: a.record, caller: nobody{}}
	end.record.Event = audit.Ended
	a.session.Send(&actors.Call{Request: &actors.WaitExecution{Execution: execution}, Caller: end})
}

// tell says in a record what came of a call.
func tell(r *audit.Record, result any, err error) {
	if err != nil {
		r.Outcome = outcomeOfError(err)
		return
	}
	switch came := result.(type) {
	case *actors.Started:
		r.Outcome, r.Execution, r.DurationMs = "Running", came.ExecutionID, came.Duration.Milliseconds()
	case *actors.Waited:
		if came.Outcome != nil {
			tellOutcome(r, came.Outcome)
		}
	case *actors.Outcome:
		tellOutcome(r, came)
	default:
		r.Outcome = "Completed"
	}
}

func tellOutcome(r *audit.Record, o *actors.Outcome) {
	r.Execution, r.DurationMs, r.Outcome = o.ExecutionID, o.Duration.Milliseconds(), o.ErrorCode
	if o.Success {
		r.Outcome = "Completed"
	}
	switch came := o.Result.(type) {
	case *actors.ProcessResult:
		tellProgram(r, came)
	case *actors.CellResult:
		tellProgram(r, &came.ProcessResult)
	case *actors.FileRead:
		r.Bytes = int64(len(came.Content))
	case *actors.FileWritten:
		r.Bytes = came.Bytes
	case *actors.FileCopied:
		r.Bytes = came.Bytes
	}
}

func tellProgram(r *audit.Record, came *actors.ProcessResult) {
	r.ExitCode = came.Exit.Code
	r.StdoutBytes = int64(len(came.Stdout.Data)) + came.Stdout.Omitted
	r.StderrBytes = int64(len(came.Stderr.Data)) + came.Stderr.Omitted
}

func networkName(n runtimes.Network) string {
	if n == runtimes.Internet {
		return "internet"
	}
	return "none"
}
