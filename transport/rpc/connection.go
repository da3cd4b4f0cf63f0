package rpc

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// connection is one client: a WebSocket, or one POST /rpc.
type connection struct {
	door    *Door
	service *sessions.Conn
	owner   string          // id of its key
	ws      *websocket.Conn // nil over HTTP
	ctx     context.Context // ends with the connection
	cancel  context.CancelCauseFunc
	outlet  outlet                                  // nil has no bound
	parse   func(*jsonrpc.Request, jsonrpc.Replier) // serve, bound once

	account *budget.Client // what its bytes are taken from; nil has no bound
	charged bool           // for the connection itself
	body    *budget.Hold   // of a POST

	inFlight atomic.Int32
	making   sync.Mutex // held by who makes a large reply: connections take turns

	mu      sync.Mutex
	streams map[string]*stream // by execution
	held    map[string]*heldEvents
}

func (d *Door) newConnection(ctx context.Context, owner string) *connection {
	cn := &connection{door: d, owner: owner}
	cn.service = d.sessions.Connect(owner, cn.event)
	cn.ctx, cn.cancel = context.WithCancelCause(ctx)
	cn.parse = cn.serve
	return cn
}

// OnMessage is websocket.Handler's. A binary message holds JSON too; one that
// is no UTF-8 is a parse error.
func (cn *connection) OnMessage(c *websocket.Conn, msg []byte, _ bool) {
	if !cn.door.gate.Has(cn.owner) {
		c.CloseWith(websocket.CodePolicy, "the key has been removed")
		return
	}
	cn.parseAll(msg, socket{c})
}

// largeMessage is from which size on a message is heavy.
const largeMessage = 128 << 10

// parseAll serves a message.
func (cn *connection) parseAll(msg []byte, out jsonrpc.Replier) {
	if len(msg) < largeMessage {
		cn.door.parser.Parse(msg, out, cn.parse)
		return
	}
	cn.door.heavily(func() { cn.door.parser.Parse(msg, out, cn.parse) })
}

// socket is a WebSocket as a jsonrpc.Replier.
type socket struct{ *websocket.Conn }

// ReplyLarge is jsonrpc.LargeReplier's.
func (s socket) ReplyLarge(m *jsonrpc.Large) {
	m.Bound(s.Room())
	s.Send(m)
}

// OnClose is websocket.Handler's.
func (cn *connection) OnClose(_ *websocket.Conn, err *websocket.CloseError) { cn.end(err) }

// serve takes up one request.
func (cn *connection) serve(r *jsonrpc.Request, to jsonrpc.Replier) {
	m := cn.door.methods[string(r.Method)]
	if m == nil {
		cn.door.metrics.unknownMethod()
		if !r.Notification() {
			e := jsonrpc.Errorf(jsonrpc.MethodNotFound, "%s", jsonrpc.MethodNotFound)
			to.Reply(func(dst []byte) []byte { return jsonrpc.AppendError(dst, r.ID, e) })
		}
		return
	}
	c := cn.newCall(m, r, to)
	defer c.recovered()
	if n := int64(len(r.Params)); n > smallParams {
		if !c.keep(n) {
			c.finish(nil, cn.noRoom(budget.Incoming))
			return
		}
	}
	if limit := cn.door.options.InFlight; int(cn.inFlight.Add(1)) > limit {
		c.finish(nil, errInFlight(limit))
		return
	}
	if m.NeedsConnection && cn.ws == nil {
		c.finish(nil, errNeedsConnection)
		return
	}
	if err := m.serve(c, r.Params); err != nil {
		c.finish(nil, err)
	}
}

// end tells the sessions that the connection is gone. Executions run on, except
// those that were to end with it.
func (cn *connection) end(cause error) {
	cn.cancel(cause)
	_ = cn.service.Close() // it never fails
	cn.mu.Lock()
	streams := cn.streams
	cn.streams, cn.held = nil, nil
	cn.mu.Unlock()
	for _, s := range streams {
		s.stop()
	}
	cn.discharge()
}
