package workload

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// Target is a server that answers.
type Target struct {
	Client   *client.Client
	Server   protocol.Info
	Runtimes []protocol.Runtime
}

// Ask finds out who answers and what it offers.
func Ask(ctx context.Context, c *client.Client) (*Target, error) {
	who, err := c.Initialize(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server does not say who it is: %w", err)
	}
	if who.ProtocolVersion != protocol.Version {
		return nil, fmt.Errorf("the server speaks version %q of the protocol, this program %q", who.ProtocolVersion, protocol.Version)
	}
	runtimes, err := c.Runtimes(ctx)
	if err != nil {
		return nil, fmt.Errorf("the server does not list its runtimes: %w", err)
	}
	return &Target{Client: c, Server: who.ServerInfo, Runtimes: runtimes}, nil
}

// Only keeps the runtimes of those names, without regard to case; no names
// keep all.
// Errors: a name that the server does not have.
func (t *Target) Only(names []string) error {
	var kept []protocol.Runtime
	for _, name := range names {
		i := slices.IndexFunc(t.Runtimes, func(r protocol.Runtime) bool { return strings.EqualFold(r.RuntimeType, name) })
		if i < 0 {
			return fmt.Errorf("the server has no runtime %q; it has %s", name, strings.Join(t.names(), ", "))
		}
		kept = append(kept, t.Runtimes[i])
	}
	if len(names) > 0 {
		t.Runtimes = kept
	}
	return nil
}

func (t *Target) names() (names []string) {
	for _, r := range t.Runtimes {
		names = append(names, r.RuntimeType)
	}
	return names
}

// Shared is the language in which a runtime is compared with others: JavaScript
// where it is served.
func Shared(r protocol.Runtime) string {
	if slices.Contains(r.Languages, "javascript") || len(r.Languages) == 0 {
		return "javascript"
	}
	return r.Languages[0]
}

// The scenarios, as -scenario names them.
const (
	Create       = "create"
	CreatePooled = "create-pooled"
	PooledCell   = "pooled-cell"
	OneShot      = "oneshot"
	Close        = "close"
	Execute      = "execute"
	Hello        = "hello"
	Cell         = "cell"
	FirstCell    = "first-cell"
	Write        = "write"
	Read         = "read"
	List         = "list"
	Copy         = "copy"
	Delete       = "delete"
	Wire         = "wire"
	Selector     = "selector"
)

// Scenario describes one for readers of the report.
type Scenario struct {
	Name string
	// Title heads its rows.
	Title string
	// Means says what is timed, and from where to where.
	Means string
}

var scenarios = []Scenario{
	{Create, "Create an environment, cold", "`session.create` until its reply: the environment is ready, its limits have been read back. Beside it `docker run -d IMAGE sleep infinity`, which returns when the container runs."},
	{CreatePooled, "Create an environment, from a pool", "`session.create` until its reply, where the environment and its kernel were ready before; the pool is full again before anything else is timed. `other limits` has another memory limit and a variable. Compare `create`."},
	{PooledCell, "From a pool to the first cell's value", "`session.create` from a pool and then `execute_code` of 6 * 7, until its value is here. Compare `create` and `first-cell` together."},
	{OneShot, "One program, from nothing to nothing", "create a session, write a file, run it, read its output, close the session. Beside it `docker run --rm`, and the tool itself as a process."},
	{Close, "Close a session", "`session.close` until its reply: nothing of the session is left. Beside it `docker rm -f`."},
	{Execute, "Run a program that does nothing", "`execute_shell` of `true` in a session that lives. Beside it `docker exec`, and `true` as a process."},
	{Hello, "Run the language's hello", "`execute_shell` of a file that prints one line, start of the language's tool included. Beside it `docker exec` of the same, and the tool itself as a process."},
	{Cell, "Run a cell in a kernel that runs", "`execute_code` of an expression with a variable of an earlier cell, until its value is here. Beside it Jupyter's `ipykernel` by its own client, until the kernel is idle. Compare `hello`, where the tool starts each time."},
	{FirstCell, "Start a kernel and run its first cell", "`execute_code` with `reset`: the kernel before is ended, another started, and it computes 6 * 7. Beside it the same with `ipykernel`."},
	{Write, "Write a file", "`write_file` until its reply. Beside it `docker cp` into a container, and the system calls themselves."},
	{Read, "Read a file", "`read_file`, content included. Beside it `docker cp` out of a container, and the system calls themselves."},
	{List, "List a directory", "`list_directory` of a workspace that holds one file. Beside it `docker exec ls`."},
	{Copy, "Copy a file", "`copy_file`. Beside it `docker exec cp`."},
	{Delete, "Delete a file", "`delete_file`. Beside it `docker exec rm`."},
	{Wire, "The wire itself", "a call that does no work, from the call to its result: encoding, socket, dispatch, socket, decoding. Beside it an echo of as many bytes over a bare TCP socket."},
	{Selector, "Select a runtime", "one choice, in process; each sample is the mean of many in a loop. `lookup` is what a `session.create` pays, `weigh` is done when something changes."},
}

// Scenarios returns them in the order of the report. The caller must not
// change the slice.
func Scenarios() []Scenario { return scenarios }

// ScenarioOf returns the description of one, an empty one for an unknown name.
func ScenarioOf(name string) Scenario {
	for _, s := range scenarios {
		if s.Name == name {
			return s
		}
	}
	return Scenario{Name: name, Title: name}
}

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
