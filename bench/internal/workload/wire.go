package workload

import (
	"context"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// wire makes calls that do no work.
func (m *maker) wire() {
	if !m.wants(Wire) {
		return
	}
	greet := series(Wire, "initialize", "server", "initialize")
	m.cheap(measure.Task{Name: "the wire", Series: []*result.Series{greet},
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(greet, func() error {
				who, err := m.Client.Initialize(ctx)
				if err != nil {
					return err
				}
				return want(who.ServerInfo.Name, m.Server.Name)
			})
		}})
	for _, r := range m.Runtimes {
		if r.Available {
			m.get(r)
			return
		}
	}
}

// get asks for a session, which only its actor can answer.
func (m *maker) get(r protocol.Runtime) {
	s := m.sessions.of(r.RuntimeType, m.shared(r))
	asked := series(Wire, "session.get", "server", "session.get, answered by the session's actor")
	m.cheap(measure.Task{Name: "the wire to a session", Series: []*result.Series{asked}, Open: s.open, Close: s.close,
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(asked, func() error {
				detail, err := m.Client.Get(ctx, s.id)
				if err != nil {
					return err
				}
				return want(detail.SessionID, s.id)
			})
		}})
}
