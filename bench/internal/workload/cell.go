package workload

import (
	"context"
	"slices"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// cells are a cell that sets a variable and one that uses it, by language.
var cells = map[string][2]string{
	"python":     {"x = 41", "x + 1"},
	"javascript": {"let x = 41", "x + 1"},
}

// cells runs code in a kernel that runs, and in one that has to be started.
func (m *maker) cells(r protocol.Runtime) {
	if !m.wants(Cell, FirstCell) {
		return
	}
	for _, language := range r.Languages {
		code, ok := cells[language]
		if !ok || m.Language != "" && language != m.Language || !slices.Contains(r.Capabilities.Stateful, language) {
			continue
		}
		s := m.sessions.of(r.RuntimeType, language)
		next := series(Cell, language, r.RuntimeType, "execute_code: "+code[1])
		if m.wants(Cell) {
			m.cheap(measure.Task{Name: language + " cell in " + r.RuntimeType, Series: []*result.Series{next}, Close: s.close,
				Open: func(ctx context.Context) error {
					if err := s.open(ctx); err != nil {
						return err
					}
					_, err := command[*protocol.CodeResult](ctx, m.Client, s.id, &protocol.ExecuteCode{Code: &code[0]})
					return err
				},
				Once: func(ctx context.Context, c *measure.Clock) error {
					return c.Time(next, func() error { return m.cell(ctx, s.id, &protocol.ExecuteCode{Code: &code[1]}) })
				}})
		}
		first := series(FirstCell, language, r.RuntimeType, "execute_code with reset: 6 * 7")
		if m.wants(FirstCell) {
			text, own := "6 * 7", "fresh"
			m.dear(measure.Task{Name: "first " + language + " cell in " + r.RuntimeType, Series: []*result.Series{first}, Open: s.open, Close: s.close,
				Once: func(ctx context.Context, c *measure.Clock) error {
					return c.Time(first, func() error {
						return m.cell(ctx, s.id, &protocol.ExecuteCode{Code: &text, Context: &own, Reset: true})
					})
				}})
		}
	}
}

// cell runs a cell whose value is 42.
func (m *maker) cell(ctx context.Context, session string, cell *protocol.ExecuteCode) error {
	r, err := command[*protocol.CodeResult](ctx, m.Client, session, cell)
	if err != nil {
		return err
	}
	return want(r.Value, "42")
}
