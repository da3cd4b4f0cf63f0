package workload

import (
	"context"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// shell runs a program that does nothing.
func (m *maker) shell(name, language string) {
	if !m.wants(Execute) {
		return
	}
	s, timed := m.sessions.of(name, language), series(Execute, "", name, "execute_shell: true")
	m.cheap(measure.Task{Name: "true in " + name, Series: []*result.Series{timed}, Open: s.open, Close: s.close,
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error { return run(ctx, m.Client, s.id, []string{"true"}, "") })
		}})
}

// hello runs the hello of a language in a session of it.
func (m *maker) hello(name, language string) {
	if !m.wants(Hello) {
		return
	}
	program, ok := HelloOf(name, language)
	if !ok {
		m.lack(Hello, language, name, missing(language))
		return
	}
	if m.LeaveOut != nil {
		if why := m.LeaveOut(name, language); why != "" {
			m.lack(Hello, language, name, LeftOut+why)
			return
		}
	}
	s, timed := m.sessions.of(name, language), series(Hello, language, name, "execute_shell: "+shellLine(program.Args))
	m.dear(measure.Task{Name: language + " in " + name, Series: []*result.Series{timed}, Close: s.close,
		Count: m.Effort.For(language),
		Open: func(ctx context.Context) error {
			if err := s.open(ctx); err != nil {
				return err
			}
			_, err := command[*protocol.FileWritten](ctx, m.Client, s.id, upload(program))
			return err
		},
		Once: func(ctx context.Context, c *measure.Clock) error {
			return c.Time(timed, func() error { return run(ctx, m.Client, s.id, program.Args, program.Output) })
		}})
}

// shellLine shows an argument vector shortly.
func shellLine(args []string) string {
	line := ""
	for i, a := range args {
		if len(a) > 24 {
			a = "…"
		}
		if i > 0 {
			line += " "
		}
		line += a
	}
	return line
}
