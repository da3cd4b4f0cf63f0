package jsonrpc

import (
	"errors"
	"fmt"
)

// ErrNotMessage is what DecodeMessages returns for bytes that are no reply and
// no notification.
var ErrNotMessage = errors.New("not a JSON-RPC message")

// Message is what a client receives: a reply (ID present) or a notification
// (Method present). It owns its memory.
type Message struct {
	ID     ID
	Result Raw
	Err    *Error // its Data is a Raw, or nil

	Method string
	Params Raw
}

// wireMessage is a Message as it is written.
type wireMessage struct {
	ID     Raw        `json:"id"`
	Result Raw        `json:"result"`
	Error  *wireError `json:"error"`
	Method string     `json:"method"`
	Params Raw        `json:"params"`
}

type wireError struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Data    Raw    `json:"data"`
}

// DecodeMessages calls each with the message in b, or with each message of the
// array in b, in order. An error is ErrNotMessage, after the messages before it.
func DecodeMessages(b []byte, each func(*Message)) error {
	if !valid(b) {
		return fmt.Errorf("%w: %w", ErrNotMessage, errNotValid)
	}
	at := skipSpace(b, 0)
	if b[at] != '[' {
		return decodeMessage(b, each)
	}
	for i := at + 1; ; {
		start, end, ok := element(b, i)
		if !ok {
			return nil
		}
		if err := decodeMessage(b[start:end], each); err != nil {
			return err
		}
		i = end
	}
}

func decodeMessage(b []byte, each func(*Message)) error {
	var w wireMessage
	if err := DecodeParams(Raw(b[skipSpace(b, 0):]), &w); err != nil {
		return fmt.Errorf("%w: %w", ErrNotMessage, err)
	}
	if w.Method == "" && len(w.ID) == 0 {
		return fmt.Errorf("%w: neither id nor method", ErrNotMessage)
	}
	m := Message{ID: ID(w.ID), Result: w.Result, Method: w.Method, Params: w.Params}
	if w.Error != nil {
		m.Err = &Error{Code: w.Error.Code, Message: w.Error.Message}
		if len(w.Error.Data) > 0 {
			m.Err.Data = w.Error.Data
		}
	}
	each(&m)
	return nil
}
