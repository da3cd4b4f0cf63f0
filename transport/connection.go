package transport

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// connection is one client: a WebSocket, or one POST /rpc. It is the
// actors.EventSink of the sessions it created or attached.
type connection struct {
	server *Server
	owner  string          // id of its key
	ws     *websocket.Conn // nil over HTTP
	ctx    context.Context // ends with the connection
	cancel context.CancelCauseFunc
	outlet outlet                                  // nil has no bound
	parse  func(*jsonrpc.Request, jsonrpc.Replier) // serve, bound once

	inFlight atomic.Int32
	last     atomic.Pointer[known] // the session used last

	mu      sync.Mutex
	known   map[string]*known  // made at the second session
	streams map[string]*stream // by execution
	held    map[string]*heldEvents

	// attachMu is held over a Send that attaches, so that none comes behind
	// the Disconnected. No reply is encoded under it.
	attachMu sync.Mutex
	told     []*actors.Session // to be told of the end
	ended    bool
}

// known is a session that the connection has used.
type known struct {
	*actors.Session
	runtime runtimes.Type
}

// maxKnown bounds the sessions of which a connection remembers the way.
const maxKnown = 64

func (s *Server) newConnection(ctx context.Context, owner string) *connection {
	cn := &connection{server: s, owner: owner}
	cn.ctx, cn.cancel = context.WithCancelCause(ctx)
	cn.parse = cn.serve
	return cn
}

// OnMessage is websocket.Handler's. A binary message holds JSON too; one that
// is no UTF-8 is a parse error.
func (cn *connection) OnMessage(c *websocket.Conn, msg []byte, _ bool) {
	if cn.owner != "" && !cn.server.options.Keys.Has(cn.owner) {
		c.CloseWith(websocket.CodePolicy, "the key has been removed")
		return
	}
	cn.server.parser.Parse(msg, c, cn.parse)
}

// OnClose is websocket.Handler's.
func (cn *connection) OnClose(_ *websocket.Conn, err *websocket.CloseError) { cn.end(err) }

// serve takes up one request.
func (cn *connection) serve(r *jsonrpc.Request, to jsonrpc.Replier) {
	m := cn.server.methods[string(r.Method)]
	if m == nil {
		cn.server.metrics.unknownMethod()
		if !r.Notification() {
			e := jsonrpc.Errorf(jsonrpc.MethodNotFound, "%s", jsonrpc.MethodNotFound)
			to.Reply(func(dst []byte) []byte { return jsonrpc.AppendError(dst, r.ID, e) })
		}
		return
	}
	c := cn.newCall(m, r, to)
	defer c.recovered()
	if limit := cn.server.options.InFlight; int(cn.inFlight.Add(1)) > limit {
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

// lookup finds a session of the connection's key.
func (cn *connection) lookup(id string) (*known, error) {
	if k := cn.last.Load(); k != nil && k.ID() == id {
		return k, nil
	}
	if err := identifier("sessionId", id); err != nil {
		return nil, err
	}
	cn.mu.Lock()
	k := cn.known[id]
	cn.mu.Unlock()
	if k == nil {
		s, err := cn.server.system.Lookup(cn.owner, id)
		if err != nil {
			return nil, err
		}
		k = &known{s, s.Info().Runtime}
	}
	cn.remember(k)
	return k, nil
}

// remember makes k the last one used and keeps the one before it.
func (cn *connection) remember(k *known) {
	before := cn.last.Swap(k)
	if before == nil || before == k {
		return
	}
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.known == nil {
		cn.known = make(map[string]*known)
	}
	if len(cn.known) >= maxKnown {
		clear(cn.known) // a look-up is cheap
	}
	cn.known[before.ID()] = before
}

// forget drops a session that has ended.
func (cn *connection) forget(id string) {
	if k := cn.last.Load(); k != nil && k.ID() == id {
		cn.last.CompareAndSwap(k, nil)
	}
	cn.mu.Lock()
	delete(cn.known, id)
	cn.mu.Unlock()
}

// end tells the sessions that the connection is gone. Executions run on, except
// those that were to end with it.
func (cn *connection) end(cause error) {
	cn.cancel(cause)
	cn.attachMu.Lock()
	cn.ended = true
	told := cn.told
	cn.told = nil
	cn.attachMu.Unlock()
	for _, s := range told {
		s.Send(&actors.Call{Request: &actors.Disconnected{Sink: cn}, Caller: nobody{}})
	}
	cn.mu.Lock()
	streams := cn.streams
	cn.streams, cn.held = nil, nil
	cn.mu.Unlock()
	for _, s := range streams {
		s.stop()
	}
}

// tell makes the session one that is told of the connection's end, and sends
// it a call under the same lock. False: the connection has ended.
func (cn *connection) tell(s *actors.Session, send func()) bool {
	cn.attachMu.Lock()
	defer cn.attachMu.Unlock()
	if cn.ended {
		return false
	}
	if !slices.Contains(cn.told, s) {
		cn.told = append(cn.told, s)
	}
	send()
	return true
}

// untell forgets a session that has ended.
func (cn *connection) untell(id string) {
	cn.attachMu.Lock()
	defer cn.attachMu.Unlock()
	cn.told = slices.DeleteFunc(cn.told, func(s *actors.Session) bool { return s.ID() == id })
}

// nobody is a Caller that does not care.
type nobody struct{}

// Reply is actors.Caller's.
func (nobody) Reply(any, error) {}
