package rpc

import (
	"math"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// event sends an event of a session.
func (cn *connection) event(e actors.Event) {
	if cn.ws == nil {
		return
	}
	method, params := eventParams(&e)
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
