package kernel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The bounds of a message, in bytes.
const (
	MaxHeader = 64 << 10
	MaxBody   = 16 << 20
)

// ErrTooLong is what Run says of a cell whose code, input and variables do not fit
// into a message.
var ErrTooLong = errors.New("the code and the input of a cell are too long: 16 MiB together")

// header is that of every message; what a message does not have is zero.
type header struct {
	Op    string `json:"op"`
	Parts []part `json:"parts,omitempty"`

	// Of run.
	ID        int64             `json:"id,omitempty"`
	Cell      *int              `json:"cell,omitempty"`
	Language  string            `json:"language,omitempty"`
	TimeoutMs int64             `json:"timeoutMs,omitempty"`
	Env       map[string]string `json:"env,omitempty"`
	Stdin     string            `json:"stdin,omitempty"`
	// Settle: the cell before was signalled, and an engine that hears of signals in
	// its own time lets them pass before it runs this one.
	Settle bool `json:"settle,omitempty"`

	// Of display and ack, and of taken.
	N     int64 `json:"n,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`

	// Of load, where there may be a zygote. Mark is that of the message anew.
	Imports []string `json:"imports,omitempty"`
	Mark    string   `json:"mark,omitempty"`

	// Of ready. Failed are the imports that did.
	Versions map[string]string `json:"versions,omitempty"`
	Zygote   bool              `json:"zygote,omitempty"`
	Failed   []string          `json:"failed,omitempty"`

	// Of ended; the exit code is exit.
	Signal int `json:"signal,omitempty"`

	// Of result; cut is true in a display and a list in a result.
	Status        string          `json:"status,omitempty"`
	Exit          *int            `json:"exit,omitempty"`
	Interrupted   bool            `json:"interrupted,omitempty"`
	CPUMs         *float64        `json:"cpuMs,omitempty"`
	ExceptionName string          `json:"exceptionName,omitempty"`
	Last          bool            `json:"last,omitempty"`
	Cut           json.RawMessage `json:"cut,omitempty"`
}

// part describes a piece of the body.
type part struct {
	Name  string `json:"name"`
	Type  string `json:"type,omitempty"`
	Bytes int    `json:"bytes"`
}

// prefix is the two lengths before the header.
const prefix = 8

// message encodes a message of which the parts are in the body one after another.
func message(h *header, body ...[]byte) ([]byte, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, b := range body {
		size += len(b)
	}
	if len(head) > MaxHeader || size > MaxBody {
		return nil, ErrTooLong
	}
	m := make([]byte, prefix, prefix+len(head)+size)
	binary.LittleEndian.PutUint32(m, uint32(len(head)))
	binary.LittleEndian.PutUint32(m[4:], uint32(size))
	m = append(m, head...)
	for _, b := range body {
		m = append(m, b...)
	}
	return m, nil
}

// decoder puts messages together again. What it holds is never more than has
// arrived, nor than a message may have.
type decoder struct {
	held []byte
	mark []byte // a whole message before which another may break off, or nil
	tail []byte // the last bytes of the stream, fewer than mark has
}

// feed takes bytes and calls take with each whole message; h and body are valid
// during the call. After an error the stream cannot be read on.
func (d *decoder) feed(p []byte, take func(h *header, body []byte) error) error {
	for n := len(d.mark); n > 0; {
		seam := append(d.tail[:len(d.tail):len(d.tail)], p[:min(len(p), n-1)]...)
		if at := bytes.Index(seam, d.mark); at >= 0 {
			p = p[at+n-len(d.tail):]
		} else if at := bytes.Index(p, d.mark); at >= 0 {
			if err := d.messages(p[:at], take); err != nil {
				return err
			}
			p = p[at+n:]
		} else {
			if len(p) < n-1 {
				p = seam[len(d.tail):]
			} else {
				seam = p
			}
			d.tail = append(d.tail[:0], seam[max(0, len(seam)-n+1):]...)
			break
		}
		d.held, d.tail = nil, nil
	}
	return d.messages(p, take)
}

func (d *decoder) messages(p []byte, take func(h *header, body []byte) error) error {
	holding := len(d.held) > 0
	if holding {
		d.held = append(d.held, p...)
		p = d.held
	}
	before := len(p)
	for {
		size, err := sizeOf(p)
		if err != nil {
			return err
		}
		if size == 0 || size > len(p) {
			break
		}
		if err := decode(p[:size], take); err != nil {
			return err
		}
		p = p[size:]
	}
	switch {
	case holding && len(p) == before:
		// all of it is held as it is
	case len(p) == 0 && cap(d.held) > MaxHeader:
		d.held = nil // a long message is not kept for good
	default:
		d.held = append(d.held[:0], p...)
	}
	return nil
}

// sizeOf is the length of the message that p begins with, 0 when that is not known yet.
func sizeOf(p []byte) (int, error) {
	if len(p) < prefix {
		return 0, nil
	}
	head, body := binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:])
	if head < 2 || head > MaxHeader || body > MaxBody {
		return 0, fmt.Errorf("a message with a header of %d bytes and a body of %d", head, body)
	}
	return prefix + int(head) + int(body), nil
}

func decode(m []byte, take func(h *header, body []byte) error) error {
	head := binary.LittleEndian.Uint32(m)
	var h header
	if err := json.Unmarshal(m[prefix:prefix+head], &h); err != nil {
		return fmt.Errorf("a header that is no JSON object of ours: %w", err)
	}
	body := m[prefix+head:]
	left := len(body)
	for _, p := range h.Parts {
		if p.Bytes < 0 || p.Bytes > left {
			return errors.New("the parts of a message are longer than its body")
		}
		left -= p.Bytes
	}
	if left != 0 {
		return errors.New("a message has a body that no part describes")
	}
	return take(&h, body)
}

// pieces calls each with every part of a body.
func (h *header) pieces(body []byte, each func(p part, data []byte)) {
	for _, p := range h.Parts {
		each(p, body[:p.Bytes])
		body = body[p.Bytes:]
	}
}

// cut reports whether a result tells that something was cut.
func (h *header) cut(what string) bool {
	var list []string
	return len(h.Cut) > 0 && json.Unmarshal(h.Cut, &list) == nil && slices.Contains(list, what)
}

// displayCut reports whether a display tells that it was cut.
func (h *header) displayCut() bool { return string(h.Cut) == "true" }
