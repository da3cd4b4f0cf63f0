// Package remote is the service of package sessions over the wire: it speaks
// JSON-RPC to a server, which may be another one.
package remote

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Service is a server seen through a connection to it. Errors of the connection
// are those of package client.
type Service struct{ client *client.Client }

var _ sessions.Service = (*Service)(nil)

// Dial connects to a server: see client.Dial. events gets those of the sessions
// that the service has created or attached; it must not call the service. Nil
// ignores them. The caller closes the service.
func Dial(ctx context.Context, address string, o client.Options, events func(sessions.Event)) (*Service, error) {
	o.OnNotification = func(method string, params jsonrpc.Raw) {
		if e, ok := event(method, params); ok && events != nil {
			events(e)
		}
	}
	c, err := client.Dial(ctx, address, o)
	if err != nil {
		return nil, err
	}
	return &Service{c}, nil
}

// event reads a notification about a session.
func event(method string, params jsonrpc.Raw) (e sessions.Event, ok bool) {
	var p struct {
		SessionID string `json:"sessionId"`
		State     string `json:"state"`
		Reason    string `json:"reason"`
		InSeconds int64  `json:"inSeconds"`
	}
	if jsonrpc.DecodeParams(params, &p) != nil {
		return e, false
	}
	e = sessions.Event{SessionID: p.SessionID, Reason: p.Reason}
	switch method {
	case protocol.NotifyExpiring:
		e.Kind, e.In = actors.Expiring, time.Duration(p.InSeconds)*time.Second
	case protocol.NotifyClosed:
		e.Kind = actors.SessionEnded
	case protocol.NotifyStateChanged:
		e.Kind = actors.StateChanged
		e.State, ok = actors.ParseState(p.State)
		return e, ok
	default:
		return e, false
	}
	return e, true
}

// Usage is sessions.Service's.
func (s *Service) Usage(ctx context.Context) (sessions.Usage, error) {
	u, err := s.client.Usage(ctx)
	if err != nil {
		return sessions.Usage{}, domain(err)
	}
	l := &u.Limits
	return sessions.Usage{
		Sessions: u.Sessions, MemoryMB: u.MemoryMB, CPUs: u.CPUs, DiskMB: u.DiskMB, CallsPerSecond: u.CallsPerSecond,
		Limits: sessions.Limits{
			Calls: or(l.CallsPerSecond), Creates: or(l.CreatesPerSecond), Bytes: or(l.BytesPerSecond), Sessions: or(l.Sessions),
			MemoryMB: or(l.MemoryMB), CPUs: or(l.CPUs), DiskMB: or(l.DiskMB),
		},
	}, nil
}

// Languages is sessions.Service's.
func (s *Service) Languages(ctx context.Context) ([]sessions.Language, error) {
	found, err := s.client.Languages(ctx)
	if err != nil {
		return nil, domain(err)
	}
	var all []sessions.Language
	for _, l := range found {
		language, ok := runtimes.ParseLanguage(l.Name)
		if !ok {
			continue // of a newer server
		}
		one := sessions.Language{Language: language}
		for _, name := range l.Runtimes {
			if t, ok := runtimes.ParseType(name); ok {
				one.Runtimes = append(one.Runtimes, t)
			}
		}
		one.Default, _ = runtimes.ParseType(or(l.Default))
		all = append(all, one)
	}
	return all, nil
}

// Runtimes is sessions.Service's.
func (s *Service) Runtimes(ctx context.Context) ([]sessions.Runtime, error) {
	found, err := s.client.Runtimes(ctx)
	if err != nil {
		return nil, domain(err)
	}
	var all []sessions.Runtime
	for i := range found {
		r := &found[i]
		t, ok := runtimes.ParseType(r.RuntimeType)
		if !ok {
			continue // of a newer server
		}
		one := sessions.Runtime{Type: t, Measured: r.Measured, Warm: r.Pool.Warm, Target: r.Pool.Target}
		one.Figures.Startup = time.Duration(r.StartupMs * float64(time.Millisecond))
		one.Figures.Memory = int64(r.MemoryMB * (1 << 20))
		one.Availability = runtimes.Availability{
			Available: r.Available, Reason: r.Reason, Version: r.Version, Tools: r.ToolVersions, Languages: languages(r.Languages),
			Terminal: r.Capabilities.PTY,
		}
		one.Stateful = languages(r.Capabilities.Stateful)
		for i := range r.Pools {
			one.Pools = append(one.Pools, pool(t, &r.Pools[i]))
		}
		for _, command := range r.Capabilities.Commands {
			one.Availability.Processes = one.Availability.Processes || command == protocol.TypeExecuteShell
		}
		one.Availability.Isolation = isolation(r.Isolation)
		if r.Strongest != nil {
			one.Availability.Strongest = isolation(*r.Strongest)
		}
		all = append(all, one)
	}
	return all, nil
}

// Create is sessions.Service's.
func (s *Service) Create(ctx context.Context, r sessions.Create) (sessions.Session, *sessions.Info, error) {
	made, err := s.client.Create(ctx, params(&r))
	if err != nil {
		return nil, nil, domain(err)
	}
	i, err := info(made)
	if err != nil {
		return nil, nil, err
	}
	i.Labels = r.Labels
	return &session{s.client, made.SessionID}, i, nil
}

// Open is sessions.Service's.
func (s *Service) Open(ctx context.Context, id string) (sessions.Session, error) {
	if _, err := s.client.Get(ctx, id); err != nil {
		return nil, domain(err)
	}
	return &session{s.client, id}, nil
}

// List is sessions.Service's.
func (s *Service) List(ctx context.Context, r sessions.List) (sessions.Page, error) {
	found, err := s.client.List(ctx, protocol.SessionList{Limit: r.Limit, Cursor: r.After, Labels: r.Labels})
	if err != nil {
		return sessions.Page{}, domain(err)
	}
	page := sessions.Page{Next: found.NextCursor}
	for i := range found.Sessions {
		one, err := detail(&found.Sessions[i])
		if err != nil {
			return sessions.Page{}, err
		}
		page.Sessions = append(page.Sessions, one)
	}
	return page, nil
}

// Close is sessions.Service's: it ends the connection.
func (s *Service) Close() error { return s.client.Close() }

// session is a session of the server.
type session struct {
	client *client.Client
	id     string
}

// ID is sessions.Session's.
func (s *session) ID() string { return s.id }

// Info is sessions.Session's.
func (s *session) Info(ctx context.Context) (*sessions.Info, error) {
	d, err := s.client.Get(ctx, s.id)
	if err != nil {
		return nil, domain(err)
	}
	return detail(d)
}

// Extend is sessions.Session's.
func (s *session) Extend(ctx context.Context, r sessions.Extend) (*sessions.Info, error) {
	o, err := s.client.Extend(ctx, protocol.SessionExtend{
		SessionID: s.id, IdleTimeoutMinutes: minutes(r.IdleTimeout), MaxLifetimeMinutes: minutes(r.MaxLifetime),
	})
	if err != nil {
		return nil, domain(err)
	}
	return info(o)
}

// Attach is sessions.Session's.
func (s *session) Attach(ctx context.Context) (*sessions.Info, error) {
	o, err := s.client.Attach(ctx, s.id)
	if err != nil {
		return nil, domain(err)
	}
	return info(o)
}

// Detach is sessions.Session's.
func (s *session) Detach(ctx context.Context) error { return domain(s.client.Detach(ctx, s.id)) }

// Close is sessions.Session's.
func (s *session) Close(ctx context.Context) error { return domain(s.client.CloseSession(ctx, s.id)) }

// Execute is sessions.Session's.
func (s *session) Execute(ctx context.Context, r sessions.Execute) (*sessions.Outcome, error) {
	c, err := command(&r)
	if err != nil {
		return nil, err
	}
	p := client.Execute{SessionID: s.id, Command: c, Background: r.Background, KillOnDisconnect: r.KillOnDisconnect}
	if err := timeout(&p, r.Timeout); err != nil {
		return nil, err
	}
	result, err := s.client.Execute(ctx, p)
	if err != nil {
		return nil, domain(err)
	}
	return outcome(result)
}

// timeout sets that of a command. What the client takes for none is refused, as
// the server would.
func timeout(p *client.Execute, d *time.Duration) error {
	if d == nil {
		return nil
	}
	if *d < time.Millisecond {
		return &sessions.FieldError{Field: sessions.FieldTimeout, Reason: "must be at least a millisecond"}
	}
	p.Timeout = *d
	return nil
}

// Start is sessions.Session's. The wire tells an execution's id when it runs: a
// program that waits its turn is waited for.
func (s *session) Start(ctx context.Context, r sessions.Execute) (sessions.Execution, error) {
	c, err := command(&r)
	if err != nil {
		return nil, err
	}
	p := client.Execute{SessionID: s.id, Command: c, Background: r.Background, KillOnDisconnect: r.KillOnDisconnect}
	if err := timeout(&p, r.Timeout); err != nil {
		return nil, err
	}
	e, err := s.client.Start(ctx, p)
	if err != nil {
		return nil, domain(err)
	}
	defer e.Detach() // Output attaches again
	return s.Execution(e.ID()), nil
}

// Executions is sessions.Session's.
func (s *session) Executions(ctx context.Context) ([]sessions.ExecutionInfo, error) {
	found, err := s.client.Executions(ctx, s.id)
	if err != nil {
		return nil, domain(err)
	}
	all := make([]sessions.ExecutionInfo, 0, len(found))
	for i := range found {
		e := &found[i]
		one := sessions.ExecutionInfo{
			ID: e.ExecutionID, Type: e.Type, CommandName: e.CommandName, Background: e.Background, FirstSeq: e.FirstSeq, NextSeq: e.NextSeq,
		}
		one.State, _ = output.ParseState(e.State)
		if e.StartedAt != "" {
			if one.StartedAt, err = time.Parse(time.RFC3339, e.StartedAt); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// Contexts is sessions.Session's.
func (s *session) Contexts(ctx context.Context) ([]sessions.Context, error) {
	found, err := s.client.Contexts(ctx, s.id)
	if err != nil {
		return nil, domain(err)
	}
	all := make([]sessions.Context, 0, len(found))
	for i := range found {
		l, _ := runtimes.ParseLanguage(found[i].Language)
		one := sessions.Context{Name: found[i].Context, Language: l}
		if one.State, err = actors.ParseContextState(found[i].State); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// RestartContext is sessions.Session's.
func (s *session) RestartContext(ctx context.Context, name string) error {
	return domain(s.client.RestartContext(ctx, s.id, name))
}

// RemoveContext is sessions.Session's.
func (s *session) RemoveContext(ctx context.Context, name string) error {
	return domain(s.client.RemoveContext(ctx, s.id, name))
}

// Execution is sessions.Session's.
func (s *session) Execution(id string) sessions.Execution { return &execution{s, id} }

// execution is one of the server's.
type execution struct {
	session *session
	id      string
}

// ID is sessions.Execution's.
func (e *execution) ID() string { return e.id }

// Output is sessions.Execution's.
func (e *execution) Output(ctx context.Context, from int64) iter.Seq2[sessions.Chunk, error] {
	return func(yield func(sessions.Chunk, error) bool) {
		x, err := e.session.client.AttachExecution(ctx, e.session.id, e.id, from)
		if err != nil {
			yield(sessions.Chunk{}, domain(err))
			return
		}
		defer x.Detach()
		defer context.AfterFunc(ctx, x.Detach)()
		for o, err := range x.Output() {
			var gap *client.GapError
			switch {
			case errors.As(err, &gap):
				continue // Offset shows it
			case err != nil:
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				yield(sessions.Chunk{}, domain(err))
				return
			}
			c := sessions.Chunk{Seq: o.Seq, Offset: o.Offset, Data: o.Data}
			if o.Display != nil {
				if c.Display, err = display(o.Display); err != nil {
					yield(sessions.Chunk{}, err)
					return
				}
			}
			switch o.Stream {
			case client.Stdout:
				c.Stream = runtimes.Stdout
			case client.Stderr:
				c.Stream = runtimes.Stderr
			case client.Terminal:
				c.Stream = runtimes.Terminal
			}
			if !yield(c, nil) {
				return
			}
		}
	}
}

// Wait is sessions.Execution's.
func (e *execution) Wait(ctx context.Context, timeout time.Duration) (*sessions.Outcome, error) {
	r, err := e.session.client.WaitExecution(ctx, e.session.id, e.id, timeout)
	if err != nil || r == nil {
		return nil, domain(err)
	}
	return outcome(r)
}

// Input is sessions.Execution's.
func (e *execution) Input(ctx context.Context, data []byte, eof bool) (int, error) {
	n, err := e.session.client.Input(ctx, protocol.ExecutionInput{
		SessionID: e.session.id, ExecutionID: e.id, EOF: eof,
		Data: base64.StdEncoding.EncodeToString(data), Encoding: protocol.Base64,
	})
	return n, domain(err)
}

// Signal is sessions.Execution's.
func (e *execution) Signal(ctx context.Context, signal runtimes.Signal) (bool, error) {
	delivered, err := e.session.client.Signal(ctx, e.session.id, e.id, signal.String())
	return delivered, domain(err)
}

// Resize is sessions.Execution's.
func (e *execution) Resize(ctx context.Context, size runtimes.TerminalSize) error {
	return domain(e.session.client.Resize(ctx, e.session.id, e.id, int(size.Columns), int(size.Rows)))
}
