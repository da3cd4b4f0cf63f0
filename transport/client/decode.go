package client

import (
	"encoding/json"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

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
