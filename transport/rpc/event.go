package rpc

import (
	"math"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// heldEvents are events of a session whose create has not been answered on this
// connection.
type heldEvents struct {
	creates int
	events  []actors.Event
}

// maxHeld bounds the events that wait for the reply to a create.
const maxHeld = 256

// event takes an event of a session.
func (cn *connection) event(e actors.Event) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if h := cn.held[e.SessionID]; h != nil {
		if len(h.events) < maxHeld {
			h.events = append(h.events, e)
		}
		return
	}
	cn.notifyLocked(&e)
}

// holdEvents keeps the session's events back until releaseEvents.
func (cn *connection) holdEvents(id string) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.held == nil {
		cn.held = make(map[string]*heldEvents)
	}
	if cn.held[id] == nil {
		cn.held[id] = &heldEvents{}
	}
	cn.held[id].creates++
}

// releaseEvents sends what was held, once the reply to the create is queued.
func (cn *connection) releaseEvents(id string) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	h := cn.held[id]
	if h == nil {
		return // the connection has ended
	}
	if h.creates--; h.creates > 0 {
		return
	}
	if delete(cn.held, id); len(cn.held) == 0 {
		cn.held = nil // an idle connection keeps no empty map
	}
	for i := range h.events {
		cn.notifyLocked(&h.events[i])
	}
}

// notifyLocked sends an event. mu keeps the events of a session in their order.
func (cn *connection) notifyLocked(e *actors.Event) {
	if cn.ws == nil {
		return
	}
	method, params := eventParams(e)
	cn.ws.Reply(func(dst []byte) []byte {
		dst, err := jsonrpc.AppendNotification(dst, method, params)
		if err != nil {
			cn.door.log.Error("notification lost", "method", method, "error", err)
		}
		return dst
	})
}

func eventParams(e *actors.Event) (method string, params any) {
	switch e.Kind {
	case actors.Expiring:
		seconds := int64(math.Ceil(e.In.Seconds()))
		return protocol.NotifyExpiring, &protocol.SessionExpiring{SessionID: e.SessionID, InSeconds: max(seconds, 0), Reason: e.Reason}
	case actors.SessionEnded:
		return protocol.NotifyClosed, &protocol.SessionEnded{SessionID: e.SessionID, Reason: e.Reason}
	}
	return protocol.NotifyStateChanged, &protocol.SessionStateChanged{SessionID: e.SessionID, State: e.State.String(), Reason: e.Reason}
}
