package transport

import (
	"math"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// maxStreams bounds the executions whose output one connection receives.
const maxStreams = 256

var errStreams = &actors.BusyError{Limit: "streams", Maximum: maxStreams, RetryAfter: time.Second}

func (cn *connection) streamsFull() bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return len(cn.streams) >= maxStreams
}

func executionList(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionList
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := identifier("sessionId", p.SessionID); err != nil {
		return err
	}
	limit, err := integer("limit", p.Limit, maxPageExecutions, 1, maxPageExecutions)
	if err != nil {
		return err
	}
	after := ""
	if p.Cursor != nil {
		if after, err = required("cursor", p.Cursor, maxIDBytes); err != nil {
			return err
		}
	}
	c.convert = func(c *call, result any) (any, error) {
		list, err := resultOf[*actors.ExecutionList](result)
		if err != nil {
			return nil, err
		}
		page := executionPage(list.Executions, after, int(limit))
		if most := c.room(); most > 0 {
			fitExecutions(page, most)
		}
		return page, nil
	}
	return c.send(p.SessionID, &actors.ListExecutions{})
}

// ids checks the ids of a session and an execution.
func ids(session, execution string) error {
	if err := identifier("sessionId", session); err != nil {
		return err
	}
	return identifier("executionId", execution)
}

func executionAttach(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionAttach
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	from, err := integer("fromSeq", p.FromSeq, output.Oldest, 0, math.MaxInt64)
	if err != nil {
		return err
	}
	if c.conn.streamsFull() {
		return errStreams
	}
	c.from, c.convert = from, toAttached
	return c.send(p.SessionID, &actors.OpenExecution{Execution: p.ExecutionID})
}

// toAttached subscribes to the log; the stream opens once the reply is queued.
func toAttached(c *call, result any) (any, error) {
	log, err := resultOf[*output.Log](result)
	if err != nil {
		return nil, err
	}
	s := c.conn.newStream(c.session.ID(), log)
	snap, err := c.conn.follow(s, log, c.from)
	if err != nil {
		return nil, err
	}
	c.stream, c.after = s, (*call).openStream
	return snapshot(&snap), nil
}

func executionDetach(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionRef
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	if s := c.conn.findStream(p.SessionID, p.ExecutionID); s != nil {
		c.conn.removeStream(s)
		s.stop()
	}
	// The session says whether there is such an execution.
	c.convert = func(*call, any) (any, error) { return &protocol.Empty{}, nil }
	return c.send(p.SessionID, &actors.OpenExecution{Execution: p.ExecutionID})
}

func executionWait(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionWait
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	r := &actors.WaitExecution{Execution: p.ExecutionID}
	if p.TimeoutMs != nil {
		ms, err := integer("timeoutMs", p.TimeoutMs, 0, 0, c.conn.server.convert.policy.MaxTimeout.Milliseconds())
		if err != nil {
			return err
		}
		// Zero asks how it is now; to the session zero means for ever.
		r.Timeout = max(time.Duration(ms)*time.Millisecond, 1)
	}
	c.convert = toWaited
	return c.send(p.SessionID, r)
}

func toWaited(c *call, result any) (any, error) {
	w, err := resultOf[*actors.Waited](result)
	if err != nil {
		return nil, err
	}
	wire := &protocol.ExecutionWaited{State: w.State.String()}
	if w.Outcome != nil {
		wire.Result = c.outcome.of(w.Outcome, c.room())
	}
	return wire, nil
}

func executionInput(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionInput
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	data, err := decodeBytes("data", p.Data, p.Encoding, c.conn.server.convert.policy.MaxStdinBytes)
	if err != nil {
		return err
	}
	c.convert = toAccepted
	return c.send(p.SessionID, &actors.Input{Execution: p.ExecutionID, Data: data, EOF: p.EOF})
}

func toAccepted(_ *call, result any) (any, error) {
	a, err := resultOf[*actors.Accepted](result)
	if err != nil {
		return nil, err
	}
	return &protocol.InputAccepted{AcceptedBytes: a.Bytes}, nil
}

func executionSignal(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionSignal
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	if p.Signal == "" {
		return paramError("signal", "is required")
	}
	signal, ok := runtimes.ParseSignal(p.Signal)
	if !ok {
		return paramError("signal", "must be the name of a signal, as SIGINT")
	}
	c.convert = toDelivered
	return c.send(p.SessionID, &actors.SendSignal{Execution: p.ExecutionID, Signal: signal})
}

func toDelivered(_ *call, result any) (any, error) {
	d, err := resultOf[*actors.Delivered](result)
	if err != nil {
		return nil, err
	}
	return &protocol.SignalDelivered{Delivered: d.Delivered}, nil
}

func executionResize(c *call, params jsonrpc.Raw) error {
	var p protocol.ExecutionResize
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := ids(p.SessionID, p.ExecutionID); err != nil {
		return err
	}
	for _, m := range []struct {
		name string
		v    *int64
	}{{"cols", p.Cols}, {"rows", p.Rows}} {
		if m.v == nil {
			return paramError(m.name, "is required")
		}
	}
	size, err := terminal("", p.Cols, p.Rows)
	if err != nil {
		return err
	}
	c.convert = toEmpty
	return c.send(p.SessionID, &actors.Resize{Execution: p.ExecutionID, Size: *size})
}
