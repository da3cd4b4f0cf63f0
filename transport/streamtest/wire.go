package streamtest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/codebeaker/codebeaker/transport/protocol"
)

// patience bounds each wait for the server.
const patience = 20 * time.Second

// ErrCut is the end that a Wire gives its connection by itself.
var ErrCut = errors.New("the connection was cut")

// Closed is a close frame of the server.
type Closed struct {
	Code   uint16
	Reason string
}

// Error names the code.
func (e *Closed) Error() string { return fmt.Sprintf("closed with %d %s", e.Code, e.Reason) }

// Message is what the server sends: a reply or a notification.
type Message struct {
	ID     json.RawMessage
	Method string
	Params protocol.ExecutionOutput
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
}

// Wire is a connection that can end at any byte. It is for one goroutine.
type Wire struct {
	conn *net.TCPConn
	r    *bufio.Reader
	left int         // bytes until the cut; negative never cuts
	pace func(n int) // called before n bytes are read
	buf  []byte      // of the message read last
	mask [4]byte     // zero masks nothing
}

// Dial connects to the server at addr.
func Dial(addr string) (*Wire, error) { return DialQuery(addr, "") }

// DialQuery is Dial with a query.
func DialQuery(addr, query string) (*Wire, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	w := &Wire{conn: c.(*net.TCPConn), left: -1, pace: func(int) {}}
	w.r = bufio.NewReaderSize(w, 4<<10)
	if err := w.handshake(addr, query); err != nil {
		_ = c.Close()
		return nil, err
	}
	return w, nil
}

func (w *Wire) handshake(addr, query string) error {
	_, err := fmt.Fprintf(w.conn, "GET /ws/jsonrpc%s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", query, addr)
	if err != nil {
		return err
	}
	resp, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("the handshake was answered with %s", resp.Status)
	}
	return nil
}

// CutAfter ends the connection once so many bytes more have been read, in the
// middle of a frame or not.
func (w *Wire) CutAfter(n int) { w.left = n }

// Read reads the bare connection; it is for the Wire itself.
func (w *Wire) Read(p []byte) (int, error) {
	if w.left == 0 {
		w.Abort()
		return 0, ErrCut
	}
	if w.left > 0 {
		p = p[:min(len(p), w.left)]
	}
	w.pace(len(p))
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	n, err := w.conn.Read(p)
	if w.left > 0 {
		w.left -= n
	}
	return n, err
}

// Abort resets the connection, or only closes it, as it happens.
func (w *Wire) Abort() {
	if rand.IntN(2) == 0 {
		_ = w.conn.SetLinger(0)
	}
	_ = w.conn.Close()
}

// Close closes the connection without a handshake.
func (w *Wire) Close() { _ = w.conn.Close() }

// Send sends one text message.
func (w *Wire) Send(message string) error {
	head := []byte{0x81, 0x80 | 127}
	head = binary.BigEndian.AppendUint64(head, uint64(len(message)))
	if n := len(message); n < 126 {
		head = []byte{0x81, 0x80 | byte(n)}
	} else if n <= 0xffff {
		head = binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(n))
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := w.conn.Write(append(append(head, w.mask[:]...), message...))
	return err
}

// Call sends a request and returns its result; notifications before it go to
// the function, which may be nil.
func (w *Wire) Call(method string, params, result any, early func(Message)) error {
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	if err := w.Send(fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, text)); err != nil {
		return err
	}
	for {
		m, err := w.Receive()
		switch {
		case err != nil:
			return err
		case m.Method != "":
			if early != nil {
				early(m)
			}
		case m.Error != nil:
			return fmt.Errorf("%s: %d %s", method, m.Error.Code, m.Error.Message)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(m.Result, result)
		}
	}
}

// Receive returns the next message.
// Errors: *Closed, ErrCut, those of the connection.
func (w *Wire) Receive() (m Message, err error) {
	text, err := w.Next()
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(text, &m)
}

// Next returns the text of the next message, which is valid until the one after.
// Errors: as Receive.
func (w *Wire) Next() (text []byte, err error) {
	for {
		op, payload, err := w.frame()
		switch {
		case err != nil:
			return nil, err
		case op == 8 && len(payload) >= 2:
			return nil, &Closed{binary.BigEndian.Uint16(payload), string(payload[2:])}
		case op == 8:
			return nil, &Closed{Code: 1005}
		case op == 1:
			return payload, nil
		}
	}
}

// Drain reads until the execution is completed, without a look at what comes,
// and returns how many bytes that were.
func (w *Wire) Drain() (n int, err error) {
	for {
		_, payload, err := w.frame()
		n += len(payload)
		if err != nil || bytes.Contains(payload[:min(len(payload), 64)], []byte(protocol.NotifyCompleted)) {
			return n, err
		}
	}
}

// frame reads one frame; our server sends no fragments.
func (w *Wire) frame() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(w.r, head[:2]); err != nil {
		return 0, nil, err
	}
	n, more := uint64(head[1]), 0
	switch {
	case head[0]&0xf0 != 0x80 || head[1]&0x80 != 0:
		return 0, nil, fmt.Errorf("a frame begins with % x", head[:2])
	case n == 126:
		more = 2
	case n == 127:
		more = 8
	}
	if more > 0 {
		if _, err := io.ReadFull(w.r, head[2:2+more]); err != nil {
			return 0, nil, err
		}
		n = 0
		for _, b := range head[2 : 2+more] {
			n = n<<8 | uint64(b)
		}
	}
	if uint64(cap(w.buf)) < n {
		w.buf = make([]byte, n)
	}
	_, err = io.ReadFull(w.r, w.buf[:n])
	return head[0] & 0x0f, w.buf[:n], err
}

// isReset reports whether the other side cut the connection.
func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
