package workload

import (
	"context"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

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
