package jsonrpc

import (
	"fmt"
	"sync"
)

// encoder is a pooled encoder that writes behind the caller's bytes.
type encoder struct {
	dst []byte
	enc interface{ Encode(v any) error }
}

// Write makes the encoder its own writer.
func (e *encoder) Write(p []byte) (int, error) {
	e.dst = append(e.dst, p...)
	return len(p), nil
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = newEncoder(e)
	return e
}}

// encodeValue appends the JSON of v. A panic in it, or in a method of v, is an
// error; that encoder is not used again.
func encodeValue(dst []byte, v any) (out []byte, err error) {
	e := encoders.Get().(*encoder)
	e.dst = dst
	defer func() {
		if p := recover(); p != nil {
			out, err = dst, fmt.Errorf("%w: encode %T: %v", errPanicked, v, p)
		}
	}()
	err = e.enc.Encode(v)
	out, e.dst = e.dst, nil
	encoders.Put(e)
	if err != nil {
		return dst, fmt.Errorf("encode %T: %w", v, err)
	}
	return out[:len(out)-1], nil // Encode ends with a newline
}
