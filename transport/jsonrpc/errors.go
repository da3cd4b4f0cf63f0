package jsonrpc

import "errors"

// Causes of a refused request, for logs: see Error.Cause. The wire says no more
// than the specification's own examples do.
var (
	errEmpty      = errors.New("empty message")
	errTrailing   = errors.New("text after a value on the same line")
	errNotValid   = errors.New("not valid JSON")
	errNotObject  = errors.New("a request is an object")
	errEmptyBatch = errors.New("a batch has at least one member")
	errVersion    = errors.New(`member jsonrpc is not "2.0"`)
	errMethod     = errors.New("member method is not a string")
	errParams     = errors.New("member params is neither object nor array")
	errID         = errors.New("member id is neither string, number nor null")
	errPanicked   = errors.New("the JSON coder panicked")
)
