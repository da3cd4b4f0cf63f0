package transport

import (
	"encoding/json"
	"fmt"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// handler serves one request on the goroutine that reads the connection. It
// decodes params, which are valid during the call only. An error answers the
// call; nil says that the call has been answered or handed on, and must not be
// touched any more.
type handler func(c *call, params jsonrpc.Raw) error

// method is a row of the protocol's table with what serves it.
type method struct {
	protocol.Method
	serve    handler
	counters counters
}

// handlers serve the methods of the protocol's table, each exactly one.
var handlers = map[string]handler{
	protocol.MethodInitialize:      initialize,
	protocol.MethodDiscover:        discover,
	protocol.MethodLanguageList:    languageList,
	protocol.MethodRuntimeList:     runtimeList,
	protocol.MethodSessionCreate:   sessionCreate,
	protocol.MethodSessionGet:      sessionGet,
	protocol.MethodSessionList:     sessionList,
	protocol.MethodSessionExecute:  sessionExecute,
	protocol.MethodSessionAttach:   sessionAttach,
	protocol.MethodSessionDetach:   sessionDetach,
	protocol.MethodSessionExtend:   sessionExtend,
	protocol.MethodSessionClose:    sessionClose,
	protocol.MethodExecutionList:   executionList,
	protocol.MethodExecutionAttach: executionAttach,
	protocol.MethodExecutionDetach: executionDetach,
	protocol.MethodExecutionWait:   executionWait,
	protocol.MethodExecutionInput:  executionInput,
	protocol.MethodExecutionSignal: executionSignal,
	protocol.MethodExecutionResize: executionResize,
}

// encodeDocument encodes the document of rpc.discover once for all.
func encodeDocument(document any) (jsonrpc.Raw, error) {
	b, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encode the OpenRPC document: %w", err)
	}
	return b, nil
}

// methodTable joins the protocol's table and the handlers.
func methodTable() (map[string]*method, error) {
	table := make(map[string]*method, len(handlers))
	for _, m := range protocol.Methods() {
		serve := handlers[m.Name]
		if serve == nil {
			return nil, fmt.Errorf("method %s has no handler", m.Name)
		}
		table[m.Name] = &method{Method: m, serve: serve}
	}
	if len(table) != len(handlers) {
		return nil, fmt.Errorf("%d handlers for %d methods", len(handlers), len(table))
	}
	return table, nil
}
