package client

import (
	"encoding/json"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// OnMessage is websocket.Handler's.
func (l *link) OnMessage(conn *websocket.Conn, msg []byte, _ bool) {
	if err := jsonrpc.DecodeMessages(msg, l.receive); err != nil {
		conn.CloseWith(websocket.CodePolicy, "not a JSON-RPC message")
	}
}

// OnClose is websocket.Handler's.
func (l *link) OnClose(_ *websocket.Conn, cause *websocket.CloseError) {
	l.mu.Lock()
	l.cause = cause
	waiting, streams := l.pending, l.streams
	l.pending, l.streams = nil, nil
	l.mu.Unlock()
	for _, p := range waiting {
		if p.stream != nil {
			p.stream.end()
		}
		p.reply <- nil
	}
	for _, s := range streams {
		s.end()
	}
	close(l.finished)
}

func (l *link) receive(m *jsonrpc.Message) {
	l.mu.Lock()
	l.heard = true
	notify := l.notify
	p := l.pending[string(m.ID)]
	if m.Method == "" {
		delete(l.pending, string(m.ID))
	}
	l.mu.Unlock()
	switch {
	case m.Method != "":
		notify(m)
	case p != nil: // otherwise its caller has left
		l.answer(p, m)
	}
}

func (l *link) answer(p *pending, m *jsonrpc.Message) {
	if p.then != nil {
		p.then(m)
	}
	if p.stream != nil {
		p.stream.end() // it was refused; otherwise it has ended already
	}
	p.reply <- m
}

// decode decodes an object.
func decode[T any](raw jsonrpc.Raw, dst *T) error { return jsonrpc.DecodeParams(raw, dst) }

// decoder takes the result of a reply; nil has no use for it.
type decoder func(jsonrpc.Raw) error

// into decodes into a type of the protocol.
func into[T any](dst *T) decoder {
	return func(result jsonrpc.Raw) error { return jsonrpc.DecodeResult(result, dst) }
}

// anything decodes into whatever a caller has, as callers know it from
// encoding/json.
func anything(dst any) decoder {
	if dst == nil {
		return nil
	}
	return func(result jsonrpc.Raw) error { return json.Unmarshal(result, dst) }
}

func decodeReply(method string, m *jsonrpc.Message, decode decoder) error {
	if m.Err != nil {
		return &RefusedError{Method: method, Reply: m.Err}
	}
	if decode == nil {
		return nil
	}
	if err := decode(m.Result); err != nil {
		return &resultError{method, err}
	}
	return nil
}

// resultError is a result that is not of the type it should be.
type resultError struct {
	method string
	err    error
}

func (e *resultError) Error() string { return e.method + ": result: " + e.err.Error() }
func (e *resultError) Unwrap() error { return e.err }
