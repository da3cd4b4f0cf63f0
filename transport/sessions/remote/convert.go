package remote

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/kernel"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/rpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// domain makes an error of the wire that of the service which refused. Others,
// of the connection, stay as they are.
func domain(err error) error {
	var refused *client.RefusedError
	if !errors.As(err, &refused) {
		return err
	}
	var data struct {
		Member, Reason, Limit, RuntimeType string
		RetryAfterMs                       int64
		Languages                          []string
	}
	raw, _ := refused.Reply.Data.(jsonrpc.Raw)
	var whole struct{ Maximum int64 }
	_ = json.Unmarshal(raw, &whole)
	var large struct{ Limit int64 }
	_ = json.Unmarshal(raw, &large)
	_ = json.Unmarshal(raw, &data) // what does not fit stays zero
	switch refused.Reply.Code {
	case protocol.SessionNotFound:
		return sessions.ErrSessionNotFound
	case protocol.SessionClosed:
		return sessions.ErrSessionClosed
	case protocol.ExecutionNotFound:
		return sessions.ErrExecutionNotFound
	case protocol.ShuttingDown:
		return sessions.ErrShuttingDown
	case protocol.Busy:
		return &sessions.BusyError{Limit: data.Limit, Maximum: whole.Maximum, RetryAfter: time.Duration(data.RetryAfterMs) * time.Millisecond}
	case protocol.RateLimited:
		var rate struct{ Maximum float64 }
		_ = json.Unmarshal(raw, &rate)
		return &sessions.RateError{Limit: data.Limit, Maximum: rate.Maximum, RetryAfter: time.Duration(data.RetryAfterMs) * time.Millisecond}
	case protocol.RuntimeUnavailable:
		t, _ := runtimes.ParseType(data.RuntimeType)
		return &sessions.UnavailableError{Runtime: t, Reason: data.Reason}
	case protocol.LanguageNotSupported:
		if data.Reason == "" {
			return &sessions.UnknownLanguageError{Served: languages(data.Languages)}
		}
		return &sessions.LanguageError{Served: languages(data.Languages), Reason: data.Reason}
	case protocol.EnvironmentFailed:
		t, _ := runtimes.ParseType(data.RuntimeType)
		return &sessions.EnvironmentError{Runtime: t, Reason: data.Reason, Err: err}
	case protocol.TooLarge:
		field, _ := rpc.FieldOf(data.Member)
		return &sessions.TooLargeError{Field: field, Limit: large.Limit}
	case jsonrpc.InvalidParams:
		field, part := rpc.FieldOf(data.Member)
		return &sessions.FieldError{Field: field, Part: part, Reason: data.Reason}
	}
	return err
}

func languages(names []string) (all []runtimes.Language) {
	for _, name := range names {
		if l, ok := runtimes.ParseLanguage(name); ok {
			all = append(all, l)
		}
	}
	return all
}

// params are those of session.create.
func params(r *sessions.Create) protocol.SessionCreate {
	p := protocol.SessionCreate{
		Language: r.Language, IdleTimeoutMinutes: minutes(r.IdleTimeout), MaxLifetimeMinutes: minutes(r.MaxLifetime),
		MemoryLimitMB: r.MemoryMB, CPUs: r.CPUs, ProcessLimit: r.Processes, DiskLimitMB: r.DiskMB,
		Env: r.Env, DockerImage: r.Image, Labels: r.Labels, KillOnDisconnect: r.KillOnDisconnect, ClientToken: r.ClientToken,
	}
	if r.Preference != nil {
		p.RuntimePreference = protocol.Preference(r.Preference.String())
	}
	if r.Runtime != 0 {
		p.RuntimeType = protocol.RuntimeType(r.Runtime.String())
	}
	if r.Network == runtimes.Internet {
		p.Network = "internet"
	}
	return p
}

func minutes(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	m := d.Minutes()
	return &m
}

func milliseconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}

func isolation(wire protocol.Isolation) runtimes.Isolation {
	i := runtimes.Isolation{Score: wire.Score}
	for _, layer := range wire.Layers {
		i.Layers = append(i.Layers, runtimes.Layer(layer))
	}
	return i
}

// info is a session's. What the wire does not tell is zero.
func info(s *protocol.Session) (*sessions.Info, error) {
	i := &sessions.Info{
		SessionID: s.SessionID, EnvironmentID: s.EnvironmentID, ContainerID: s.ContainerID,
		IdleTimeout: duration(s.Config.IdleTimeoutMinutes), MaxLifetime: duration(s.Config.MaxLifetimeMinutes),
		Limits: runtimes.Limits{
			MemoryBytes: megabytes(s.Limits.MemoryMB), ProcessMemoryBytes: megabytes(s.Limits.ProcessMemoryMB), CPUs: or(s.Limits.CPUs), Processes: or(s.Limits.Processes),
			DiskBytes: megabytes(s.Limits.DiskMB), Inodes: or(s.Limits.Inodes), HomeBytes: megabytes(s.Limits.HomeMB),
			TemporaryBytes: megabytes(s.Limits.TmpMB), SharedMemoryBytes: megabytes(s.Limits.ShmMB),
			OpenFiles: or(s.Limits.OpenFiles), OutputBytes: or(s.Limits.OutputBytes),
		},
		Isolation: isolation(s.Isolation),
		Pooled:    s.Pooled,
	}
	var known [3]bool
	i.Runtime, known[0] = runtimes.ParseType(s.RuntimeType)
	i.Language, known[1] = runtimes.ParseLanguage(s.Language)
	i.State, known[2] = actors.ParseState(s.State)
	var err error
	i.CreatedAt, err = time.Parse(time.RFC3339, s.CreatedAt)
	if err != nil || known != [3]bool{true, true, true} {
		return nil, fmt.Errorf("the server tells of a session in words that this program does not know: %+v", s)
	}
	return i, nil
}

// detail is info of a session with what changes all the time.
func detail(d *protocol.SessionDetail) (*sessions.Info, error) {
	i, err := info(&d.Session)
	if err != nil {
		return nil, err
	}
	i.ExecutionCount, i.Labels = d.ExecutionCount, d.Labels
	i.LastActivity, err = time.Parse(time.RFC3339, d.LastActivity)
	return i, err
}

func duration(minutes float64) time.Duration { return time.Duration(minutes * float64(time.Minute)) }

func or[T any](v *T) (value T) {
	if v != nil {
		value = *v
	}
	return value
}

func megabytes(v *float64) int64 { return int64(or(v) * (1 << 20)) }

// command is the wire's form of a command. openInput leaves the input of a
// program open that has none.
func command(r *sessions.Execute) (any, error) {
	switch {
	case r.Program != nil && r.File == nil && r.Cell == nil:
		return shell(r.Program), nil
	case r.Cell != nil && r.File == nil && r.Program == nil:
		return code(r.Cell), nil
	case r.File == nil || r.Program != nil || r.Cell != nil:
		return nil, &sessions.FieldError{Field: sessions.FieldCommand, Reason: "must be a program, a cell or a file command"}
	}
	encoding, path := pathEncoding(r.File)
	switch c := r.File.(type) {
	case *runtimes.WriteFile:
		content := base64.StdEncoding.EncodeToString(c.Content)
		w := &protocol.WriteFile{Path: path(&c.Path), PathEncoding: encoding, Content: &content, Encoding: protocol.Base64, Executable: c.Executable, Atomic: c.Atomic}
		if c.Mode == runtimes.Append {
			w.Mode = protocol.Append
		}
		return w, nil
	case *runtimes.ReadFile:
		p := &protocol.ReadFile{Path: path(&c.Path), PathEncoding: encoding, Offset: &c.Offset}
		if c.Length != 0 {
			p.Length = &c.Length
		}
		return p, nil
	case *runtimes.CreateDirectory:
		return &protocol.CreateDirectory{Path: path(&c.Path), PathEncoding: encoding, Recursive: &c.Recursive}, nil
	case *runtimes.CopyFile:
		return &protocol.CopyFile{SourcePath: path(&c.Source), DestinationPath: path(&c.Destination), PathEncoding: encoding, Overwrite: &c.Overwrite, Recursive: c.Recursive}, nil
	case *runtimes.MoveFile:
		return &protocol.MoveFile{SourcePath: path(&c.Source), DestinationPath: path(&c.Destination), PathEncoding: encoding, Overwrite: &c.Overwrite}, nil
	case *runtimes.DeleteFile:
		return &protocol.DeleteFile{Path: path(&c.Path), PathEncoding: encoding, Recursive: c.Recursive}, nil
	case *runtimes.ListDirectory:
		l := listing(c)
		l.Path, l.PathEncoding = path(&c.Path), encoding
		return l, nil
	}
	return nil, fmt.Errorf("%T is not a command of the wire", r.File)
}

// pathEncoding is how the paths of a command are written, and a function that
// does so: in base64 where one of them is not UTF-8.
func pathEncoding(c runtimes.FileCommand) (protocol.Encoding, func(*string) *string) {
	if !slices.ContainsFunc(runtimes.PathsOf(c), func(p *string) bool { return !utf8.ValidString(*p) }) {
		return "", func(p *string) *string { return p }
	}
	return protocol.Base64, func(p *string) *string {
		encoded := base64.StdEncoding.EncodeToString([]byte(*p))
		return &encoded
	}
}

func listing(c *runtimes.ListDirectory) *protocol.ListDirectory {
	hidden := !c.SkipHidden
	p := &protocol.ListDirectory{Path: &c.Path, Recursive: c.Recursive, Pattern: c.Pattern, IncludeHidden: &hidden}
	if depth := int64(c.MaxDepth); depth != 0 {
		p.MaxDepth = &depth
	}
	if limit := int64(c.Limit); limit != 0 {
		p.Limit = &limit
	}
	return p
}

func code(r *sessions.Cell) *protocol.ExecuteCode {
	p := &protocol.ExecuteCode{Code: r.Code, Language: r.Language, Context: r.Context, Reset: r.Reset}
	if r.Timeout != nil {
		seconds := r.Timeout.Seconds()
		p.Timeout = &seconds
	}
	if r.Stdin != nil || !r.OpenInput {
		in := string(r.Stdin)
		p.Stdin = &in
	}
	return p
}

func shell(r *sessions.Program) *protocol.ExecuteShell {
	p := &protocol.ExecuteShell{CommandName: r.Name, Args: r.Args, WorkingDirectory: r.Dir, Env: r.Env}
	if r.Limits != (sessions.ProgramLimits{}) {
		p.Limits = &protocol.CommandLimits{
			MemoryMB: r.Limits.MemoryMB, CPUMs: milliseconds(r.Limits.CPU), Processes: r.Limits.Processes,
			OutputBytes: r.Limits.OutputBytes, StackMB: r.Limits.StackMB,
		}
	}
	if r.Terminal != nil {
		p.PTY = &protocol.PTY{Cols: r.Terminal.Columns, Rows: r.Terminal.Rows}
	}
	if r.Stdin != nil || !r.OpenInput {
		in := base64.StdEncoding.EncodeToString(r.Stdin)
		p.Stdin, p.StdinEncoding = &in, protocol.Base64
	}
	return p
}

// outcome is what a command came to.
func outcome(r *protocol.ExecuteResult) (*sessions.Outcome, error) {
	o := &sessions.Outcome{
		ExecutionID: r.ExecutionID, Success: r.Success, Running: r.State == output.Running.String(),
		Error: or(r.Error), ErrorCode: r.ErrorCode, Duration: time.Duration(r.DurationMs) * time.Millisecond,
	}
	var err error
	switch of := r.Result.(type) {
	case *protocol.ProcessResult:
		o.Program, err = program(of)
	case *protocol.CodeResult:
		o.Cell, err = cell(of)
	case *protocol.FileContent:
		o.Content = &runtimes.FileContent{Size: of.Size, Truncated: of.Truncated}
		o.Content.Content, err = text(of.Content, of.Encoding)
	case *protocol.Listing:
		o.Listing, err = entries(of)
	case *protocol.FileWritten:
		o.Bytes = of.Bytes
	case *protocol.FileCopied:
		o.Bytes = of.Bytes
	}
	return o, err
}

// cell is what code came to.
func cell(r *protocol.CodeResult) (*sessions.CellResult, error) {
	p, err := program(&r.ProcessResult)
	if err != nil {
		return nil, err
	}
	c := &sessions.CellResult{ProcessResult: *p, Ran: r.Kernel != "", Restarted: r.Kernel == "restarted"}
	c.Result = &kernel.Result{Value: r.Value, HasValue: r.Value != "", ValueCut: r.ValueTruncated, Omitted: r.Omitted, Kept: !c.Restarted}
	if x := r.Exception; x != nil {
		c.Result.Exception = &kernel.Exception{Name: x.Name, Message: x.Message, Traceback: x.Traceback}
	}
	for i := range r.Displays {
		d, err := display(&r.Displays[i])
		if err != nil {
			return nil, err
		}
		c.Displays = append(c.Displays, d)
	}
	return c, nil
}

// display is what code has shown; its parts are in the order of their types.
func display(w *protocol.Display) (*output.Display, error) {
	d := &output.Display{Display: kernel.Display{Main: w.Main, Cut: w.Truncated}, Stdout: w.At.Stdout, Stderr: w.At.Stderr}
	for _, kind := range slices.Sorted(maps.Keys(w.Data)) {
		data, err := text(w.Data[kind], w.Encoding[kind])
		if err != nil {
			return nil, fmt.Errorf("display of %s: %w", kind, err)
		}
		d.Parts = append(d.Parts, kernel.Part{Type: kind, Data: data})
	}
	return d, nil
}

func text(v, encoding string) ([]byte, error) {
	if encoding == string(protocol.Base64) {
		return base64.StdEncoding.DecodeString(v)
	}
	return []byte(v), nil
}

func program(r *protocol.ProcessResult) (*sessions.ProgramResult, error) {
	p := &sessions.ProgramResult{}
	p.Exit.Code, p.Exit.Signal = r.ExitCode, r.Signal
	var ok bool
	if p.Exit.Status, ok = runtimes.ParseStatus(r.Status); !ok {
		return nil, fmt.Errorf("the server tells of a status %q that this program does not know", r.Status)
	}
	for _, e := range r.EndedProcesses {
		p.Exit.Ended = append(p.Exit.Ended, runtimes.EndedProcess{PID: e.PID, Name: e.Name})
	}
	for _, l := range r.LimitsHit {
		p.Exit.LimitsHit = append(p.Exit.LimitsHit, runtimes.Limit(l))
	}
	p.Exit.Usage.Wall = time.Duration(or(r.Usage.WallMs)) * time.Millisecond
	if r.Usage.CPUMs != nil {
		cpu := time.Duration(*r.Usage.CPUMs) * time.Millisecond
		p.Exit.Usage.CPU = &cpu
	}
	p.Exit.Usage.PeakMemory = r.Usage.PeakMemoryBytes
	for _, s := range []struct {
		to             *output.Captured
		text, encoding string
		omitted        int64
		truncated      bool
	}{
		{&p.Stdout, r.Stdout, r.StdoutEncoding, r.StdoutOmittedBytes, r.StdoutTruncated},
		{&p.Stderr, r.Stderr, r.StderrEncoding, r.StderrOmittedBytes, r.StderrTruncated},
	} {
		data, err := text(s.text, s.encoding)
		if err != nil {
			return nil, err
		}
		*s.to = output.Captured{Data: data, Head: len(data), Omitted: s.omitted, Truncated: s.truncated}
	}
	return p, nil
}

func entries(l *protocol.Listing) (*runtimes.Listing, error) {
	all := &runtimes.Listing{Truncated: l.Truncated}
	for i := range l.Entries {
		e := &l.Entries[i]
		mode, err := strconv.ParseUint(e.Mode, 8, 32)
		if err != nil {
			return nil, fmt.Errorf("mode of %s: %w", e.Path, err)
		}
		changed, err := time.Parse(time.RFC3339, e.ModifiedAt)
		if err != nil {
			return nil, fmt.Errorf("time of %s: %w", e.Path, err)
		}
		name, err := text(e.Name, e.NameEncoding)
		if err != nil {
			return nil, fmt.Errorf("name %q: %w", e.Name, err)
		}
		path, err := text(e.Path, e.NameEncoding)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", e.Path, err)
		}
		all.Entries = append(all.Entries, runtimes.Entry{
			Name: string(name), Path: string(path), Type: runtimes.EntryType(e.Type), Size: e.Size, Mode: uint32(mode), ModifiedAt: changed.UnixMilli(),
		})
	}
	return all, nil
}

// pool describes a pool; the server sums up why there were misses.
func pool(t runtimes.Type, p *protocol.LanguagePool) sessions.Pool {
	l, _ := runtimes.ParseLanguage(p.Language)
	return sessions.Pool{
		Runtime: t, Language: l, Image: p.Image, Warm: p.Warm, Target: p.Target, Hits: p.Hits,
		Misses: map[string]int64{"": p.Misses}, MemoryBytes: int64(p.MemoryMB * (1 << 20)), Reason: p.Reason,
	}
}
