package jsonrpc

import (
	"strconv"
	"unicode/utf8"
)

// AppendResult appends the reply with a result to dst. When the result cannot
// be encoded (NaN, a channel) the reply is -32603 instead, and err says why, for
// the log. No allocation is its own; a pointer as result spares the caller's.
func AppendResult(dst []byte, id ID, result any) (reply []byte, err error) {
	start := len(dst)
	dst = appendHead(dst, id)
	dst = append(dst, `,"result":`...)
	dst, err = AppendValue(dst, result)
	if err != nil {
		return AppendError(dst[:start], id, refuse(InternalError, err)), err
	}
	return append(dst, '}'), nil
}

// AppendError appends the reply with an error to dst. Data that cannot be
// encoded is left out. A nil e is an internal error.
func AppendError(dst []byte, id ID, e *Error) []byte {
	if e == nil {
		e = refuse(InternalError, nil)
	}
	dst = appendHead(dst, id)
	dst = append(dst, errorHead...)
	dst = strconv.AppendInt(dst, int64(e.Code), 10)
	dst = append(dst, `,"message":`...)
	dst = appendString(dst, e.Message)
	if e.Data != nil {
		plain := len(dst)
		data, err := AppendValue(append(dst, `,"data":`...), e.Data)
		if err != nil {
			data = data[:plain]
		}
		dst = data
	}
	return append(dst, '}', '}')
}

// AppendNotification appends a notification to dst, or leaves dst as it was
// when params cannot be encoded. Nil params are left out.
func AppendNotification(dst []byte, method string, params any) ([]byte, error) {
	return appendCall(dst, nil, method, params)
}

// AppendRequest appends a request to dst, for clients, or leaves dst as it was
// when params cannot be encoded. Nil params are left out.
func AppendRequest(dst []byte, id ID, method string, params any) ([]byte, error) {
	return appendCall(dst, id.orNull(), method, params)
}

func appendCall(dst []byte, id ID, method string, params any) ([]byte, error) {
	start := len(dst)
	dst = append(dst, `{"jsonrpc":"2.0"`...)
	if !id.Absent() {
		dst = append(dst, `,"id":`...)
		dst = append(dst, id...)
	}
	dst = append(dst, `,"method":`...)
	dst = appendString(dst, method)
	if params != nil {
		var err error
		if dst, err = AppendValue(append(dst, `,"params":`...), params); err != nil {
			return dst[:start], err
		}
	}
	return append(dst, '}'), nil
}

// How a reply begins, and what follows its id when it is an error.
const (
	replyHead = `{"jsonrpc":"2.0","id":`
	errorHead = `,"error":{"code":`
)

func appendHead(dst []byte, id ID) []byte {
	dst = append(dst, replyHead...)
	return append(dst, id.orNull()...)
}

// AppendValue appends the JSON of v to dst. On an error what it returns may hold
// a part of it.
func AppendValue(dst []byte, v any) ([]byte, error) {
	if raw, ok := v.(Raw); ok {
		if len(raw) == 0 {
			return append(dst, "null"...), nil
		}
		return append(dst, raw...), nil
	}
	return encodeValue(dst, v)
}

// appendString appends s as a JSON string. Only what needs an escape goes
// through the encoder.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			start := len(dst)
			if dst, err := encodeValue(dst, s); err == nil {
				return dst
			}
			return append(dst[:start], `""`...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
