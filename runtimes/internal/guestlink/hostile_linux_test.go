package guestlink

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// hostile is an agent that answers Hello and then says what the test wants.
type hostile struct {
	conn   net.Conn
	frames chan frame.Header // what the server sends
}

func newHostile(t testing.TB) (*hostile, *Link) {
	t.Helper()
	ours, theirs := net.Pipe()
	h := &hostile{conn: theirs, frames: make(chan frame.Header, 1024)}
	go h.read()
	link, err := Open(t.Context(), ours, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		link.Close()
		theirs.Close()
	})
	return h, link
}

// read answers Hello and takes everything after it.
func (h *hostile) read() {
	reader := frame.NewReader(h.conn, frame.MaxControl)
	for {
		head, _, err := reader.Next()
		if err != nil {
			close(h.frames)
			return
		}
		if head.Kind == frame.KindHello {
			ready, _ := json.Marshal(frame.Report{PID: 1})
			go h.say(frame.Header{Kind: frame.KindReady}, ready)
			continue
		}
		select {
		case h.frames <- head:
		default:
		}
	}
}

func (h *hostile) say(head frame.Header, payload []byte) {
	h.conn.Write(frame.Append(nil, head, payload))
}

// startOn starts a program that the hostile agent says runs.
func (h *hostile) startOn(t testing.TB, l *Link, cmd runtimes.Command) (*recorder, runtimes.Process) {
	t.Helper()
	go func() {
		for head := range h.frames {
			if head.Kind == frame.KindStart {
				h.say(frame.Header{Kind: frame.KindStarted, Execution: head.Execution}, nil)
				return
			}
		}
	}()
	return start(t, l, cmd)
}

func number(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// expectLost waits until the link is lost and the program was told so, once.
func expectLost(t *testing.T, l *Link, r *recorder) {
	t.Helper()
	select {
	case <-l.Lost():
	case <-time.After(20 * time.Second):
		t.Fatal("the link lives")
	}
	select {
	case exit := <-r.exited: // told before Lost
		if exit.Status != runtimes.EnvironmentLost || exit.Code != nil || exit.Signal != "" || exit.Message == "" {
			t.Errorf("got %+v", exit)
		}
	default:
		t.Error("the program was not told")
	}
	if l.Err() == nil {
		t.Error("no reason")
	}
	if len(r.exited) != 0 {
		t.Error("the program was told twice")
	}
	if _, err := l.Start(t.Context(), runtimes.Command{Name: "true"}, newRecorder()); err != runtimes.ErrEnvironmentLost {
		t.Errorf("Start afterwards: %v", err)
	}
	if err := l.Ping(t.Context()); err != runtimes.ErrEnvironmentLost {
		t.Errorf("Ping afterwards: %v", err)
	}
}

func TestAnAgentThatBreaksTheProtocolIsLost(t *testing.T) {
	exec := func(kind frame.Kind, detail uint8) frame.Header {
		return frame.Header{Kind: kind, Detail: detail, Execution: 1}
	}
	raw := func(h frame.Header, length uint32) []byte {
		b := make([]byte, frame.HeaderSize)
		h.Length = length
		h.Put(b)
		return b
	}
	for name, bytes := range map[string][]byte{
		"a frame over its bound":       raw(exec(frame.KindOutput, 1), frame.MaxData+1),
		"a frame of four gigabytes":    raw(exec(frame.KindOutput, 1), 1<<32-1),
		"an unknown kind":              raw(exec(200, 0), 0),
		"no kind":                      make([]byte, 12),
		"noise":                        []byte("HTTP/1.1 200 OK\r\n\r\n"),
		"a frame for the agent":        frame.Append(nil, exec(frame.KindStart, 0), nil),
		"an unknown execution":         frame.Append(nil, frame.Header{Kind: frame.KindOutput, Detail: 1, Execution: 9}, []byte("x")),
		"an unknown stream":            frame.Append(nil, exec(frame.KindOutput, 9), []byte("x")),
		"a terminal that is none":      frame.Append(nil, exec(frame.KindOutput, 3), []byte("x")),
		"a channel that is none":       frame.Append(nil, exec(frame.KindOutput, frame.StreamChannel), []byte("x")),
		"credit of no channel":         frame.Append(nil, exec(frame.KindInputCredit, frame.StreamChannel), number(0)),
		"the input of no stream":       frame.Append(nil, exec(frame.KindInputClosed, 9), nil),
		"Started twice":                frame.Append(nil, exec(frame.KindStarted, 0), nil),
		"NotStarted after Started":     frame.Append(nil, exec(frame.KindNotStarted, 0), []byte("no")),
		"an exit that is no JSON":      frame.Append(nil, exec(frame.KindExited, 0), []byte("0")),
		"an impossible exit code":      frame.Append(nil, exec(frame.KindExited, 0), []byte(`{"Code":256}`)),
		"a negative exit code":         frame.Append(nil, exec(frame.KindExited, 0), []byte(`{"Code":-1}`)),
		"an impossible signal":         frame.Append(nil, exec(frame.KindExited, 0), []byte(`{"Signal":1000}`)),
		"credit that was not used":     frame.Append(nil, exec(frame.KindInputCredit, 0), number(1)),
		"a credit of three bytes":      frame.Append(nil, exec(frame.KindInputCredit, 0), []byte("abc")),
		"an answer to no signal":       frame.Append(nil, exec(frame.KindSignalled, 0), []byte{1}),
		"an answer to no file command": frame.Append(nil, exec(frame.KindFileReply, 0), []byte("{}")),
		"a body of nothing":            frame.Append(nil, exec(frame.KindBody, 0), nil),
		"output after the exit":        slices.Concat(frame.Append(nil, exec(frame.KindExited, 0), []byte(`{"Code":0}`)), frame.Append(nil, exec(frame.KindOutput, 1), []byte("x"))),
		"half a frame":                 frame.Append(nil, exec(frame.KindOutput, 1), []byte("xyz"))[:13],
	} {
		t.Run(name, func(t *testing.T) {
			h, l := newHostile(t)
			r, _ := h.startOn(t, l, shell(""))
			h.conn.Write(bytes)
			if name == "half a frame" {
				h.conn.Close()
			}
			if name == "output after the exit" {
				if exit := r.wait(t); exit.Status != runtimes.Completed {
					t.Errorf("got %+v", exit)
				}
				<-l.Lost()
				return
			}
			expectLost(t, l, r)
		})
	}
}

func TestAFloodBeyondTheWindowIsNotKept(t *testing.T) {
	h, l := newHostile(t)
	r := newRecorder()
	r.stingy = true
	go func() {
		for head := range h.frames {
			if head.Kind == frame.KindStart {
				h.say(frame.Header{Kind: frame.KindStarted, Execution: head.Execution}, nil)
				break
			}
		}
		for range 200 {
			h.say(frame.Header{Kind: frame.KindOutput, Detail: 1, Execution: 1}, make([]byte, frame.MaxData))
		}
	}()
	if _, err := l.Start(t.Context(), shell(""), r); err != nil {
		t.Fatal(err)
	}
	expectLost(t, l, r)
	if n := len(r.text(runtimes.Stdout)); n > maxUnpaid {
		t.Errorf("%d bytes were delivered", n)
	}
}

func TestAnAgentThatDoesNotEndAKilledProgramIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, l := newHostile(t)
		r, p := h.startOn(t, l, shell(""))
		begun := time.Now()
		p.Stop(runtimes.TimeLimitExceeded)
		expectLost(t, l, r)
		if took := time.Since(begun); took > endTimeout+2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAnAgentThatGoesSilentAnswersNobody(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	go io.Copy(io.Discard, theirs)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, ours, Options{}); err == nil {
		t.Error("a silent agent is ready")
	}
}

func TestAStartWaitsForNobody(t *testing.T) {
	h, l := newHostile(t)
	r := newRecorder()
	p, err := l.Start(t.Context(), shell(""), r)
	if err != nil {
		t.Fatal(err)
	}
	p.Stop(runtimes.Cancelled)
	select {
	case <-r.started:
		t.Error("the program runs, and the agent has not said so")
	default:
	}
	h.say(frame.Header{Kind: frame.KindStarted, Execution: 1}, nil)
	<-r.started
	for head := range h.frames {
		if head.Kind == frame.KindSignal && head.Detail == uint8(runtimes.SIGTERM) {
			break
		}
	}
	h.say(frame.Header{Kind: frame.KindExited, Execution: 1}, []byte(`{"Signal":15}`))
	if exit := r.wait(t); exit.Status != runtimes.Cancelled || exit.Signal != "SIGTERM" {
		t.Errorf("got %+v", exit)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if p, err := l.Start(ended, shell(""), newRecorder()); p != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v, %v", p, err)
	}
}

func TestAnAgentThatNeverAnswersAStartIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, l := newHostile(t)
		r := newRecorder()
		if _, err := l.Start(t.Context(), shell(""), r); err != nil {
			t.Fatal(err)
		}
		expectLost(t, l, r)
	})
}

// FuzzAgent feeds arbitrary bytes to the server as an agent's. Whatever they
// are, nothing panics, and the program is told its end exactly once.
func FuzzAgent(f *testing.F) {
	head := func(kind frame.Kind, detail uint8) frame.Header {
		return frame.Header{Kind: kind, Detail: detail, Execution: 1}
	}
	f.Add(slices.Concat(
		frame.Append(nil, head(frame.KindStarted, 0), nil),
		frame.Append(nil, head(frame.KindOutput, 1), []byte("out")),
		frame.Append(nil, head(frame.KindInputCredit, 0), number(3)),
		frame.Append(nil, head(frame.KindExited, 0), []byte(`{"Code":0}`))))
	f.Add(frame.Append(nil, head(frame.KindNotStarted, 0), []byte("no such program \xff")))
	f.Add(frame.Append(nil, head(frame.KindFileReply, 0), []byte(`{"Code":"NotFound"}`)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, bytes []byte) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		h := &hostile{conn: theirs, frames: make(chan frame.Header, 64)}
		go h.read()
		l, err := Open(t.Context(), ours, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			for head := range h.frames {
				if head.Kind == frame.KindStart {
					h.conn.Write(bytes)
					h.conn.Close()
					return
				}
			}
		}()
		r := newRecorder()
		cmd := shell("")
		cmd.Stdin, cmd.Limits.OutputBytes = []byte("abc"), 100
		p, err := l.Start(t.Context(), cmd, r)
		if err != nil {
			t.Skip("the link ended before the start was sent")
		}
		p.Grant(10)
		p.Input([]byte("more"))
		r.wait(t)
		<-l.Lost()
		if len(r.exited) != 0 || r.after {
			t.Error("the sink was called after Exited")
		}
	})
}
