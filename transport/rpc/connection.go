package rpc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// connection is one client: a WebSocket, or one POST /rpc.
type connection struct {
	door    *Door
	service *sessions.Conn
	ws      *websocket.Conn // nil over HTTP
	ctx     context.Context // ends with the connection
	cancel  context.CancelCauseFunc
	outlet  outlet // nil has no bound
	pace    pace
	now     time.Duration       // when the message in hand came, since began; of the reader, like over
	over    *sessions.RateError // which rate its bytes are over

	account *budget.Client // what its bytes are taken from; nil has no bound
	charged bool           // for the connection itself
	working bool           // on a heavy message; of the reader
	body    *budget.Hold   // of a POST

	inFlight atomic.Int32
	making   sync.Mutex // held by who makes a large reply: connections take turns

	mu      sync.Mutex
	streams map[string]*stream // by execution
}

func (d *Door) newConnection(ctx context.Context, client sessions.Client) *connection {
	cn := &connection{door: d}
	cn.service = d.sessions.ConnectClient(client, cn.event)
	cn.ctx, cn.cancel = context.WithCancelCause(ctx)
	return cn
}

// OnMessage is websocket.Handler's. A binary message holds JSON too; one that
// is not UTF-8 is a parse error.
func (cn *connection) OnMessage(c *websocket.Conn, msg []byte, _ bool) {
	if !cn.door.gate.Has(cn.service.Owner()) {
		c.CloseWith(websocket.CodePolicy, "the key has been removed or has expired, or one is needed now")
		return
	}
	cn.receive(msg, socket{c})
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

// Serve is jsonrpc.Handler's: it takes up one request.
func (cn *connection) Serve(r *jsonrpc.Request, to jsonrpc.Replier) {
	over := cn.charge(r.Notification())
	if over != nil && r.Notification() {
		return // it has waited
	}
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
	if limit := cn.door.options.InFlight; int(cn.inFlight.Add(1)) > limit {
		c.finish(nil, errInFlight(limit))
		return
	}
	if n := int64(len(r.Params)); n > smallParams && !c.keep(n) {
		c.finish(nil, cn.noRoom(budget.Incoming))
		return
	}
	if over != nil {
		c.finish(nil, over)
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
	cn.streams = nil
	cn.mu.Unlock()
	for _, s := range streams {
		s.stop()
	}
	cn.discharge()
}
