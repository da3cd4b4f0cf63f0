package workload

import (
	"context"
	"errors"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// code runs two lines by execute_code in a fresh session, in the first language
// that keeps its variables, if the runtime can.
func (m *maker) code(r protocol.Runtime) {
	name := r.RuntimeType
	if !slices.Contains(r.Capabilities.Commands, "execute_code") {
		for _, scenario := range []string{Code, CodeNext} {
			m.lack(scenario, "", name, "the server's capabilities do not list execute_code")
		}
		return
	}
	if !m.wants(Code, CodeNext) {
		return
	}
	for _, language := range r.Capabilities.Stateful {
		if line, prints, ok := codeOf(language); ok {
			m.codeIn(name, language, line, prints)
		}
	}
}

func (m *maker) codeIn(name, language, line, prints string) {
	first, next := series(Code, language, name, "execute_code"), series(CodeNext, language, name, "execute_code")
	m.dear(measure.Task{Name: "code of " + language + " in " + name, Series: []*result.Series{first, next},
		Once: func(ctx context.Context, c *measure.Clock) error {
			s, err := create(ctx, m.Client, name, language, nil)
			if err != nil {
				return err
			}
			for _, timed := range []*result.Series{first, next} {
				if err == nil {
					err = c.Time(timed, func() error { return m.runCode(ctx, s.SessionID, line, prints) })
				}
			}
			return errors.Join(err, m.Client.CloseSession(ctx, s.SessionID))
		}})
}

func (m *maker) runCode(ctx context.Context, session, line, prints string) error {
	r, err := command[*protocol.CodeResult](ctx, m.Client, session, &protocol.ExecuteCode{Code: &line})
	if err != nil {
		return err
	}
	return want(r.Stdout, prints)
}
