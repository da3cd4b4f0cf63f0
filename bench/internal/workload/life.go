package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// coldMemoryMB is a limit that no pool keeps environments for, so that a create
// with it is cold.
var coldMemoryMB int64 = 509

// life makes a session, runs one program and closes it: each part is timed, and
// the whole.
func (m *maker) life(r protocol.Runtime) {
	if !m.wants(Create, OneShot, Close) {
		return
	}
	name, language := r.RuntimeType, m.shared(r)
	program, ok := HelloOf(name, language)
	if !ok || !slices.Contains(r.Capabilities.Commands, "execute_shell") {
		m.lack(OneShot, language, name, missing(language))
		return
	}
	made := series(Create, "", name, "session.create, "+language)
	closed := series(Close, "", name, "session.close, "+language)
	whole := series(OneShot, language, name, "create, write, run, close")
	m.dear(measure.Task{Name: "life of a " + name + " session", Series: []*result.Series{made, closed, whole},
		Once: func(ctx context.Context, c *measure.Clock) error {
			start := time.Now()
			var s *protocol.Session
			err := c.Time(made, func() (err error) {
				s, err = create(ctx, m.Client, name, language, &coldMemoryMB)
				return err
			})
			if err != nil {
				return err
			}
			_, err = command[*protocol.FileWritten](ctx, m.Client, s.SessionID, upload(program))
			if err == nil {
				err = run(ctx, m.Client, s.SessionID, program.Args, program.Output)
			}
			err = errors.Join(err, c.Time(closed, func() error { return m.Client.CloseSession(ctx, s.SessionID) }))
			if err != nil {
				return fmt.Errorf("the life of a session: %w", err)
			}
			c.Give(whole, time.Since(start), 1)
			return nil
		}})
}

// session is one that several tasks share; it is made by the first that opens
// it.
type session struct {
	client            *client.Client
	runtime, language string

	id  string
	err error
}

func (s *session) open(ctx context.Context) error {
	if s.id == "" && s.err == nil {
		var made *protocol.Session
		if made, s.err = create(ctx, s.client, s.runtime, s.language, nil); s.err == nil {
			s.id = made.SessionID
		}
	}
	return s.err
}

func (s *session) close(ctx context.Context) error {
	if s.id == "" {
		return nil
	}
	id := s.id
	s.id = ""
	return s.client.CloseSession(ctx, id)
}

// sessions are the shared ones of a target, by runtime and language.
type sessions struct {
	client *client.Client
	made   map[[2]string]*session
}

func (s *sessions) of(runtime, language string) *session {
	key := [2]string{runtime, language}
	if s.made[key] == nil {
		s.made[key] = &session{client: s.client, runtime: runtime, language: language}
	}
	return s.made[key]
}

// label marks the sessions of the benchmark among those of a running server.
const label = "codebeaker-bench"

func create(ctx context.Context, c *client.Client, runtime, language string, memoryMB *int64) (*protocol.Session, error) {
	return c.Create(ctx, protocol.SessionCreate{
		Language: language, RuntimeType: protocol.RuntimeType(runtime), MemoryLimitMB: memoryMB,
		Labels: map[string]string{"app": label},
	})
}
