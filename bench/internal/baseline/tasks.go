// Package baseline does the same work without the product, so that its figures
// have something to stand beside: the tool itself as a process, the system
// calls themselves, a bare socket, and the docker command as a user types it.
//
// A peer is another engine, which runs the programs of a scenario, so that users
// can compare on their own machine. It needs a small adapter ([Peer]).
package baseline

import (
	"bytes"
	"context"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/bench/internal/workload"
)

// Options of Tasks.
type Options struct {
	Effort workload.Effort
	// Wanted says whether a scenario is measured. Nil is all of them.
	Wanted func(scenario string) bool
	// Quick leaves out the languages that compile for seconds.
	Quick bool
	// Languages are those that are compared.
	Languages []string
	// Dir is for files; it is there and the caller removes it.
	Dir string
	// ToolsDir is searched for tools that are not on PATH; "" is not.
	ToolsDir string
	// Docker says that the docker command is to be measured, by the images of
	// the languages.
	Docker bool
}

// maker makes the tasks.
type maker struct {
	Options
	tasks  []*measure.Task
	absent []*result.Series
}

// Tasks returns what stands beside, and the series that cannot be measured,
// which say why.
func Tasks(o Options) (tasks []*measure.Task, absent []*result.Series) {
	m := &maker{Options: o}
	if o.Quick { // the rows of the runtimes say so
		m.Languages = slices.DeleteFunc(slices.Clone(o.Languages), workload.Compiles)
	}
	m.bareProcesses()
	m.bareFiles()
	m.bareWire()
	m.docker()
	m.ipykernel()
	return m.tasks, m.absent
}

func (m *maker) wants(scenarios ...string) bool {
	return m.Wanted == nil || slices.ContainsFunc(scenarios, m.Wanted)
}

func (m *maker) cheap(t measure.Task) { m.tasks = append(m.tasks, m.Effort.CheapTask(t)) }

func (m *maker) dear(t measure.Task) { m.tasks = append(m.tasks, m.Effort.DearTask(t)) }

func (m *maker) lack(scenario, variant, subject, class, why string) {
	if m.wants(scenario) {
		s := series(scenario, variant, subject, class, "")
		s.NotBuilt = why
		m.absent = append(m.absent, s)
	}
}

func series(scenario, variant, subject, class, what string) *result.Series {
	return &result.Series{Scenario: scenario, Variant: variant, Subject: subject, Baseline: class, What: what}
}

// echoBytes is about the size of an answer to a small call.
const echoBytes = 512

// bareWire sends bytes over a loopback socket and gets them back.
func (m *maker) bareWire() {
	if !m.wants(workload.Wire) {
		return
	}
	for _, variant := range []string{"initialize", "session.get"} {
		timed := series(workload.Wire, variant, "bare socket", result.Bare, "512 bytes there and back")
		e := &echo{}
		m.cheap(measure.Task{Name: "a bare socket", Series: []*result.Series{timed}, Open: e.open, Close: e.close,
			Once: func(_ context.Context, c *measure.Clock) error { return c.Time(timed, e.once) }})
	}
}

// echo is a socket to a server that sends back what it gets.
type echo struct {
	listener net.Listener
	conn     net.Conn
	serving  sync.WaitGroup
	sent     [echoBytes]byte
	got      [echoBytes]byte
}

func (e *echo) open(ctx context.Context) (err error) {
	if e.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	e.serving.Go(func() {
		conn, err := e.listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.Copy(struct{ io.Writer }{conn}, struct{ io.Reader }{conn}) // no splice: a server reads
	})
	e.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", e.listener.Addr().String())
	return err
}

func (e *echo) once() error {
	if _, err := e.conn.Write(e.sent[:]); err != nil {
		return err
	}
	if _, err := io.ReadFull(e.conn, e.got[:]); err != nil {
		return err
	}
	if !bytes.Equal(e.got[:], e.sent[:]) {
		return &measure.WrongOutput{Got: string(e.got[:]), Want: string(e.sent[:])}
	}
	return nil
}

func (e *echo) close(context.Context) error {
	if e.conn != nil {
		e.conn.Close()
	}
	if e.listener != nil {
		e.listener.Close()
	}
	e.serving.Wait()
	return nil
}
