package jsonrpc

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"unicode/utf8"
)

// ParamError says which member of params is wrong and why. It becomes a -32602.
type ParamError struct {
	// Member is the path of the member, as command.args[1]; empty for params
	// as a whole.
	Member string
	// Reason completes "member ...", as "must be a string".
	Reason string
	Cause  error // for the log, may be nil
}

// Error is a sentence for the client.
func (e *ParamError) Error() string {
	if e.Member == "" {
		return "params " + e.Reason
	}
	return e.Member + " " + e.Reason
}

// Unwrap returns the cause.
func (e *ParamError) Unwrap() error { return e.Cause }

// paramData is data of a -32602.
type paramData struct {
	Member string `json:"member"`
	Reason string `json:"reason"`
}

// Reply is the error of the reply: -32602 with the member in data.
func (e *ParamError) Reply() *Error {
	member := e.Member
	if member == "" {
		member = "params"
	}
	return &Error{
		Code:    InvalidParams,
		Message: InvalidParams.String() + ": " + e.Error(),
		Data:    paramData{Member: member, Reason: e.Reason},
		Cause:   e.Cause,
	}
}

// DecodeParams decodes the params of a method that takes an object. Absent
// params are an empty object, unknown members are ignored, null is the zero
// value. An error is a *ParamError: for an array, and for a member whose type,
// range or own UnmarshalJSON refuses the value; dst may then be half filled.
func DecodeParams[T any](params Raw, dst *T) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &ParamError{Reason: "could not be decoded", Cause: fmt.Errorf("%w: %v", errPanicked, p)}
		}
	}()
	switch kind(params) {
	case 0, 'n':
		return nil
	case '{':
		return decodeValue(params, dst)
	}
	return &ParamError{Reason: "must be an object with named members"}
}

// DecodeResult is DecodeParams for the result of a reply, for clients.
func DecodeResult[T any](result Raw, dst *T) error {
	err := DecodeParams(result, dst)
	if param := AsParamError(err); param != nil && param.Member == "" {
		param.Member = "result"
	}
	return err
}

// AsParamError returns the *ParamError in err, or nil.
func AsParamError(err error) *ParamError {
	var e *ParamError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// mustBe says what a value of type t must be. For a number that was one and did
// not fit, it says the range.
func mustBe(t reflect.Type, number bool) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		most := int64(math.MaxInt64) >> (64 - t.Bits())
		return "must be an integer" + within(number, strconv.FormatInt(-most-1, 10), strconv.FormatInt(most, 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "must be an integer" + within(number, "0", strconv.FormatUint(math.MaxUint64>>(64-t.Bits()), 10))
	case reflect.Float32:
		return "must be a number" + within(number, "-3.4e38", "3.4e38")
	case reflect.Float64:
		return "must be a number" + within(number, "-1.8e308", "1.8e308")
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "must be a base64 string"
		}
		return "must be an array"
	}
	return "must be an object"
}

func within(number bool, least, most string) string {
	if !number {
		return ""
	}
	return " from " + least + " to " + most
}

// cut bounds a path that holds a client's own names.
func cut(path string) string {
	const limit = 200
	if len(path) <= limit {
		return path
	}
	end := limit
	for !utf8.RuneStart(path[end]) {
		end--
	}
	return path[:end] + "…"
}
