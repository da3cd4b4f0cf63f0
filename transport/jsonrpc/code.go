package jsonrpc

import "strconv"

// Code is the code of an error reply. It is no error, so that none is returned
// by accident. The zero Code means no error.
type Code int32

// The codes of the specification, section 5.1. Those of the application are
// not here.
const (
	ParseError     Code = -32700 // the message is not JSON
	InvalidRequest Code = -32600 // it is JSON and no request
	MethodNotFound Code = -32601
	InvalidParams  Code = -32602 // data names the member
	InternalError  Code = -32603 // a defect of ours
)

// tooLarge is the one code of the application that the envelope itself needs,
// for a batch over its limit: docs/protocol.md.
const tooLarge Code = -32010

// String is the specification's text for the code, "code -32001" for others.
func (c Code) String() string {
	switch c {
	case ParseError:
		return "Parse error"
	case InvalidRequest:
		return "Invalid Request"
	case MethodNotFound:
		return "Method not found"
	case InvalidParams:
		return "Invalid params"
	case InternalError:
		return "Internal error"
	case tooLarge:
		return "Too large"
	}
	return "code " + strconv.Itoa(int(c))
}
