package jsonrpc_test

import (
	"encoding/json"
	"math"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// dispatcher serves the methods of the specification's examples.
type dispatcher struct {
	jsonrpc.Parser
	calls []string // methods served, in order
}

// messages is a Replier that keeps each message.
type messages struct {
	mu   sync.Mutex
	sent []string
}

func (m *messages) Reply(encode func([]byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = append(m.sent, string(encode(nil)))
}

// answer returns the messages that answer msg.
func (d *dispatcher) answer(msg string) []string {
	var out messages
	d.Parse([]byte(msg), &out, jsonrpc.HandlerFunc(d.serve))
	return out.sent
}

func (d *dispatcher) serve(r *jsonrpc.Request, to jsonrpc.Replier) {
	d.calls = append(d.calls, string(r.Method))
	result, err := call(r)
	if r.Notification() {
		return
	}
	to.Reply(func(dst []byte) []byte {
		if err != nil {
			return jsonrpc.AppendError(dst, r.ID, err)
		}
		dst, _ = jsonrpc.AppendResult(dst, r.ID, result)
		return dst
	})
}

// call runs a method. A panic in it is an internal error, as it is in the
// server (J13).
func call(r *jsonrpc.Request) (result any, failure *jsonrpc.Error) {
	defer func() {
		if recover() != nil {
			failure = jsonrpc.Errorf(jsonrpc.InternalError, "Internal error")
		}
	}()
	switch string(r.Method) {
	case "subtract":
		return subtract(r.Params)
	case "sum":
		var terms []float64
		decodeList(r.Params, &terms)
		total := 0.0
		for _, t := range terms {
			total += t
		}
		return total, nil
	case "get_data":
		return []any{"hello", 5}, nil
	case "update", "notify_hello", "notify_sum":
		return nil, nil
	case "panic":
		panic("on purpose")
	case "nan":
		return math.NaN(), nil
	case "echo":
		return append(jsonrpc.Raw(nil), r.Params...), nil
	}
	return nil, jsonrpc.Errorf(jsonrpc.MethodNotFound, "Method not found")
}

func subtract(params jsonrpc.Raw) (any, *jsonrpc.Error) {
	if len(params) > 0 && params[0] == '[' {
		var terms []float64
		decodeList(params, &terms)
		return terms[0] - terms[1], nil
	}
	var named struct {
		Minuend    float64 `json:"minuend"`
		Subtrahend float64 `json:"subtrahend"`
	}
	if err := jsonrpc.DecodeParams(params, &named); err != nil {
		return nil, jsonrpc.AsParamError(err).Reply()
	}
	return named.Minuend - named.Subtrahend, nil
}

// decodeList decodes positional params, which only the examples have.
func decodeList(params []byte, dst *[]float64) {
	if err := json.Unmarshal(params, dst); err != nil {
		panic(err)
	}
}
