package client

import (
	"net/http"
	"time"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Options of a Client. The zero value is ready.
type Options struct {
	// Key is sent as Authorization: Bearer. "" sends none.
	Key string
	// Header is added to each handshake.
	Header http.Header
	// OnNotification gets notifications that belong to no execution the client
	// follows, in order. It must not wait for a call of the same client.
	OnNotification func(method string, params jsonrpc.Raw)
	// OnReconnect is told after the client has connected again, with why each
	// session that it had attached could not be attached again; nil when all
	// could. Notifications sent meanwhile are lost. It must not wait for a call
	// of the same client.
	OnReconnect func(gone map[string]error)
	// OutputBytes is about how much output of one execution waits for its reader
	// here before the program is held back. Zero means 4 MiB.
	OutputBytes int
	// MaxMessageBytes is the largest message that the server is to send; results
	// and files are cut to it. Zero means what the client takes, which is
	// WebSocket.MessageBytes; the least is protocol.MinMaxMessage.
	MaxMessageBytes int
	// Redial says how a lost connection is made again.
	Redial Redial
	// WebSocket are the limits of each connection. Here QueueBytes zero means
	// 64 MiB and StallTimeout zero 30 s: a server may take its time.
	WebSocket websocket.Options
}

// Redial says how a lost connection is made again. The wait doubles from First
// to Max, each time between a half and the whole of it by chance, so that many
// clients do not come back together.
type Redial struct {
	// Off ends the client with its connection.
	Off bool
	// First is the wait before the second attempt; the first is made at once.
	// Zero means 100 ms.
	First time.Duration
	// Max is the longest wait. Zero means 5 s.
	Max time.Duration
	// GiveUp ends the client, or an execution, that has had no connection for
	// so long. Zero means 1 min; negative, never.
	GiveUp time.Duration
}

const (
	defaultOutputBytes = 4 << 20
	defaultQueueBytes  = 64 << 20
	defaultStall       = 30 * time.Second
	// handshakeTimeout bounds one attempt to connect again.
	handshakeTimeout = 10 * time.Second
)

// withDefaults returns o with its zeros replaced.
func (o Options) withDefaults() Options {
	o.Header = o.Header.Clone()
	if o.Key != "" {
		if o.Header == nil {
			o.Header = http.Header{}
		}
		o.Header.Set("Authorization", "Bearer "+o.Key)
	}
	if o.OnNotification == nil {
		o.OnNotification = func(string, jsonrpc.Raw) {}
	}
	if o.OnReconnect == nil {
		o.OnReconnect = func(map[string]error) {}
	}
	number(&o.OutputBytes, defaultOutputBytes)
	number(&o.WebSocket.MessageBytes, websocket.DefaultMessageBytes)
	number(&o.MaxMessageBytes, o.WebSocket.MessageBytes)
	o.MaxMessageBytes = max(o.MaxMessageBytes, protocol.MinMaxMessage)
	number(&o.Redial.First, 100*time.Millisecond)
	number(&o.Redial.Max, 5*time.Second)
	number(&o.Redial.GiveUp, time.Minute)
	number(&o.WebSocket.QueueBytes, defaultQueueBytes)
	number(&o.WebSocket.StallTimeout, defaultStall)
	return o
}

func number[T int | time.Duration](v *T, zero T) {
	if *v == 0 {
		*v = zero
	}
}
