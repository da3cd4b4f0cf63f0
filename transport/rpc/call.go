package rpc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// call is one request from its arrival to its reply: the actors.Call that goes
// to the session, and its Caller in one. Calls are pooled; who answers one must
// not touch it afterwards.
type call struct {
	actors.Call
	conn    *connection
	method  *method
	to      jsonrpc.Replier
	id      jsonrpc.ID // a copy; empty for a notification
	session *sessions.LocalSession

	// convert makes the wire result of what the session answered; nil takes it
	// as it is. after runs once the reply is queued.
	convert func(c *call, result any) (any, error)
	after   func(c *call)

	running  bool        // counted as a command
	kept     budget.Hold // of its params, see account.go
	result   any
	failure  *jsonrpc.Error
	appendTo func(dst []byte) []byte // appendReply, bound once

	// Memory of requests and results, so that a call costs none of its own.
	execute protocol.Execute
	asked   sessions.Execute
	program sessions.Program
	request actors.Execute
	outcome wireOutcome
	detail  protocol.SessionDetail
	stream  *stream // of an execute with stream
}

var calls = sync.Pool{New: func() any {
	c := new(call)
	c.appendTo = c.appendReply
	return c
}}

// keepBytes is the largest buffer that goes back to a pool.
const keepBytes = 64 << 10

func (cn *connection) newCall(m *method, r *jsonrpc.Request, to jsonrpc.Replier) *call {
	c := calls.Get().(*call)
	c.conn, c.method, c.to = cn, m, to
	c.id = append(c.id[:0], r.ID...)
	return c
}

// release gives the call back. What it referred to is forgotten.
func (c *call) release() {
	c.conn.inFlight.Add(-1)
	if c.running {
		c.conn.door.running.Add(-1)
	}
	if c.request.Release != nil { // no session took it up
		c.request.Release()
	}
	c.kept.Release()
	command := c.execute.Command
	if cap(command) > keepBytes {
		command = nil
	}
	id, appendTo := c.id, c.appendTo
	*c = call{id: id[:0], appendTo: appendTo}
	c.execute.Command = command[:0]
	calls.Put(c)
}

// send hands the call to a session of the connection's key.
func (c *call) send(sessionID string, request any) error {
	s, err := c.conn.service.Find(sessionID)
	if err != nil {
		return err
	}
	c.session, c.Request, c.Caller = s, request, c
	s.Send(&c.Call)
	return nil
}

// Reply is actors.Caller's: it may come on the goroutine of an actor, which it
// must not hold up.
func (c *call) Reply(result any, err error) {
	if s := c.stream; s != nil && !c.request.Background && s.hold(c, result, err) {
		return // the reply follows the last output
	}
	c.finish(result, err)
}

// largeReply is from which size on a reply is encoded on a goroutine of its
// own: megabytes of content would hold up an actor for milliseconds.
const largeReply = 16 << 10

// finish answers the call, exactly once.
func (c *call) finish(result any, err error) {
	if errors.Is(err, actors.ErrSessionClosed) && c.session != nil {
		c.conn.service.Forget(c.session.ID())
	}
	if size := sizeOf(result); size > 0 && (size > largeReply || c.tight(size)) {
		go c.finishLarge(result, err, size)
		return
	}
	c.complete(result, err)
	if len(c.id) > 0 {
		c.to.Reply(c.appendTo)
	}
	c.done()
}

// tight reports whether a result of that size may have to be cut, as of one reply
// in a batch.
func (c *call) tight(size int) bool {
	room := c.room()
	return room > 0 && room < 2*size+envelopeRoom
}

// finishLarge makes a large reply in its turn, when there is room for it, outside
// the connection's lock, so that other replies pass. Its texts are encoded as they
// are written.
func (c *call) finishLarge(result any, err error, size int) {
	if len(c.id) == 0 {
		c.complete(result, err)
		c.done()
		return
	}
	held, ok := c.awaitRoom(result, size)
	if !ok {
		result, err = nil, c.conn.noRoom(budget.Outgoing)
	}
	m := c.makeLarge(result, err)
	m.OnRelease(held.Release)
	jsonrpc.ReplyLarge(c.to, m)
	c.done()
}

// makeLarge makes a large reply, one at a time for a connection.
func (c *call) makeLarge(result any, err error) (m *jsonrpc.Large) {
	c.conn.making.Lock()
	defer c.conn.making.Unlock()
	c.conn.door.heavily(func() {
		c.outcome.split = true
		c.complete(result, err)
		m = jsonrpc.Split(c.appendReply(nil), c.outcome.texts)
	})
	return m
}

// replyCost is how much memory a reply of room bytes at most, with a result of that
// size, takes while it is made and written. Texts are as large as they are, and never twice what goes
// out, for what is cut is copied (part.cut); of all else there is a second, a
// third and a fourth form on the way to JSON.
func (c *call) replyCost(result any, size, room int) int64 {
	if room == 0 {
		room = size
	}
	if textual(result) {
		return int64(min(size, 2*room))
	}
	return 4 * int64(min(size, room))
}

func (c *call) done() {
	c.method.counters.count(c.failure)
	if c.after != nil {
		c.after(c)
	}
	c.release()
}

// complete makes the wire result or the failure.
func (c *call) complete(result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.result, c.failure = nil, c.conn.door.panicked(c.method.Name, p)
		}
	}()
	if err == nil && c.convert != nil {
		result, err = c.convert(c, result)
	}
	if err != nil {
		result, c.failure = nil, c.conn.door.failure(c.method.Name, err)
	}
	c.result = result
}

// appendReply encodes the reply. It runs under the connection's lock.
func (c *call) appendReply(dst []byte) []byte {
	if c.failure != nil {
		return jsonrpc.AppendError(dst, c.id, c.failure)
	}
	start := len(dst)
	out, err := jsonrpc.AppendResult(dst, c.id, c.result)
	if err != nil {
		c.failure = c.conn.door.failure(c.method.Name, err)
		return jsonrpc.AppendError(out[:start], c.id, c.failure)
	}
	return out
}

// recovered answers a call whose handler panicked.
func (c *call) recovered() {
	if p := recover(); p != nil {
		c.convert, c.after = nil, nil
		c.failure = c.conn.door.panicked(c.method.Name, p)
		if len(c.id) > 0 {
			c.to.Reply(c.appendTo)
		}
		c.done()
	}
}

// handler serves one request, on the goroutine that reads the connection. It
// decodes params, which are valid during the call only. An error answers the
// call; nil says that the call has been answered or handed on, and must not be
// touched any more.
type handler func(c *call, params jsonrpc.Raw) error

// A method is a function of its params to its result, and serves one of these
// two ways. It may bound its result by call.room and set call.after.
type function[P, R any] func(ctx context.Context, c *call, p *P) (*R, error)

// prompt serves a method that nothing holds up: it runs on the goroutine that
// reads the connection, so that requests of one connection reach a session in
// their order.
func prompt[P, R any](do function[P, R]) handler {
	return func(c *call, params jsonrpc.Raw) error {
		p := new(P)
		if err := decodeParams(params, p); err != nil {
			return err
		}
		r, err := do(c.conn.ctx, c, p)
		if err != nil {
			return err
		}
		c.finish(r, nil)
		return nil
	}
}

// slow serves a method that takes its time, on a goroutine of its own.
func slow[P, R any](do function[P, R]) handler {
	return func(c *call, params jsonrpc.Raw) error {
		p := new(P)
		if err := decodeParams(params, p); err != nil {
			return err
		}
		go func() {
			defer c.recovered()
			r, err := do(c.conn.ctx, c, p)
			if err != nil {
				c.finish(nil, err)
				return
			}
			c.finish(r, nil)
		}()
		return nil
	}
}

// method is a row of the protocol's table with what serves it.
type method struct {
	protocol.Method
	serve    handler
	counters counters
}

// handlers serve the methods of the protocol's table, each exactly one.
var handlers = map[string]handler{
	protocol.MethodInitialize:      prompt(initialize),
	protocol.MethodDiscover:        prompt(discover),
	protocol.MethodLanguageList:    prompt(languageList),
	protocol.MethodRuntimeList:     prompt(runtimeList),
	protocol.MethodSessionCreate:   slow(sessionCreate),
	protocol.MethodSessionGet:      sessionGet,
	protocol.MethodSessionList:     slow(sessionList),
	protocol.MethodSessionExecute:  sessionExecute,
	protocol.MethodSessionAttach:   prompt(sessionAttach),
	protocol.MethodSessionDetach:   prompt(sessionDetach),
	protocol.MethodSessionExtend:   prompt(sessionExtend),
	protocol.MethodSessionClose:    sessionClose,
	protocol.MethodExecutionList:   prompt(executionList),
	protocol.MethodExecutionAttach: prompt(executionAttach),
	protocol.MethodExecutionDetach: prompt(executionDetach),
	protocol.MethodExecutionWait:   executionWait,
	protocol.MethodExecutionInput:  executionInput,
	protocol.MethodExecutionSignal: prompt(executionSignal),
	protocol.MethodExecutionResize: prompt(executionResize),
	protocol.MethodCodeContexts:    prompt(codeContexts),
	protocol.MethodCodeRestart:     prompt(codeRestart),
	protocol.MethodCodeRemove:      prompt(codeRemove),
	protocol.MethodKeyUsage:        prompt(keyUsage),
}

// encodeDocument encodes the document of rpc.discover once for all.
func encodeDocument(document any) (jsonrpc.Raw, error) {
	b, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode the OpenRPC document: %w", err)
	}
	return b, nil
}

// methodTable joins the protocol's table and the handlers.
func methodTable() (map[string]*method, error) {
	table := make(map[string]*method, len(handlers))
	for _, m := range protocol.Methods() {
		serve := handlers[m.Name]
		if serve == nil {
			return nil, fmt.Errorf("method %s has no handler", m.Name)
		}
		table[m.Name] = &method{Method: m, serve: serve}
	}
	if len(table) != len(handlers) {
		return nil, fmt.Errorf("%d handlers for %d methods", len(handlers), len(table))
	}
	return table, nil
}
