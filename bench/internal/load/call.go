package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// sessionFree are the methods that are about no session.
var sessionFree = []string{"initialize", "rpc.discover", "language.list", "runtime.list", "session.list"}

func (c *Call) needsSession() bool {
	for _, method := range sessionFree {
		if c.Method == method {
			return false
		}
	}
	return true
}

// reply is what is verified of a result.
type reply struct {
	Success   *bool   `json:"success"`
	Error     *string `json:"error"`
	ErrorCode string  `json:"errorCode"`
	Result    *struct {
		Stdout  *string `json:"stdout"`
		Content *string `json:"content"`
	} `json:"result"`
}

// commandError is a command that could not do its work.
type commandError struct{ code, text string }

func (e *commandError) Error() string { return e.code + ": " + e.text }

// do makes the call and verifies its result.
func (c *Call) do(ctx context.Context, to *client.Client, session string) error {
	method, params := c.Method, map[string]any{}
	for name, value := range c.Params {
		params[name] = value
	}
	if c.Command != nil {
		method, params["command"] = protocol.MethodSessionExecute, c.Command
	}
	if c.needsSession() {
		params["sessionId"] = session
	}
	var r reply
	if err := to.Call(ctx, method, params, &r); err != nil {
		return err
	}
	return c.verify(&r)
}

func (c *Call) verify(r *reply) error {
	if r.Success != nil && !*r.Success {
		text := ""
		if r.Error != nil {
			text = *r.Error
		}
		return &commandError{r.ErrorCode, text}
	}
	var out, content *string
	if r.Result != nil {
		out, content = r.Result.Stdout, r.Result.Content
	}
	return errors.Join(same(out, c.Stdout), same(content, c.Content))
}

// same compares what came with what is wanted, if something is.
func same(got, want *string) error {
	switch {
	case want == nil:
		return nil
	case got == nil:
		return &measure.WrongOutput{Got: "nothing", Want: *want}
	case *got != *want:
		return &measure.WrongOutput{Got: *got, Want: *want}
	}
	return nil
}

// other begins the names of errors that have no better one.
const other = "other"

// kind names an error for the report: a code, or what happened.
func kind(err error) (name string, wrong bool) {
	var (
		refused *jsonrpc.Error
		output  *measure.WrongOutput
		command *commandError
	)
	switch {
	case errors.As(err, &refused):
		name := protocol.Facts(refused.Code).Name
		return strings.TrimSpace(fmt.Sprintf("%d %s", int(refused.Code), name)), false
	case errors.As(err, &output):
		return "wrong output", true
	case errors.As(err, &command):
		return "command: " + command.code, false
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time", false
	case errors.Is(err, client.ErrConnectionLost):
		return "connection lost before the answer", false
	case errors.Is(err, client.ErrClosed):
		return "connection closed", false
	}
	return other + ": " + err.Error(), false
}

// mix picks calls by their weights.
type mix struct {
	calls []Call
	total int
}

func newMix(calls []Call) mix {
	m := mix{calls: calls}
	for _, c := range calls {
		m.total += c.Weight
	}
	return m
}

// pick returns the index of a call.
func (m *mix) pick(random *rand.Rand) int {
	n := random.IntN(m.total)
	for i, c := range m.calls {
		if n -= c.Weight; n < 0 {
			return i
		}
	}
	return len(m.calls) - 1
}
