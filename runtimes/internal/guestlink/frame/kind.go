package frame

import "fmt"

// Kind says what a frame means. The zero value is invalid.
type Kind uint8

// From the server to the agent.
const (
	// Hello (JSON Hello) is the first frame. It may carry descriptors.
	KindHello Kind = iota + 1
	// Start (JSON Start) starts a program. It may carry descriptors.
	KindStart
	// Input (bytes) goes to the program's standard input.
	KindInput
	// CloseInput ends the input.
	KindCloseInput
	// Grant (uint32) gives back bytes of the output window.
	KindGrant
	// Signal (detail: the number) goes to the program's process group, or with
	// SignalTree in the payload to all its processes. It is answered by a
	// Signalled where the payload has SignalReply.
	KindSignal
	// Resize (two uint16: columns, rows) sets the size of the terminal.
	KindResize
	// Ping (bytes) is answered by a Pong with the same bytes.
	KindPing
	// FileCall (JSON FileCall) asks for a file command; its content follows in
	// Body frames.
	KindFileCall
	// Body (bytes) is a part of the content of a FileCall or FileReply; an
	// empty one is the end.
	KindBody
	// CPUs (uint16 each) tells on which processors programs run from now on,
	// those that run included.
	KindCPUs
)

// From the agent to the server.
const (
	// Ready (JSON Report) answers Hello: everything it asked for is in force.
	KindReady Kind = iota + KindCPUs + 1
	// Failed (text) answers Hello: a step of it failed. The link ends.
	KindFailed
	// Started tells that the program runs.
	KindStarted
	// NotStarted (text, a sentence) tells that it does not, and why.
	KindNotStarted
	// Output (bytes, detail: the stream) is what the program wrote.
	KindOutput
	// InputCredit (uint32) tells how many bytes of input the program took.
	KindInputCredit
	// InputClosed tells that the program takes no more input.
	KindInputClosed
	// Signalled (one byte) tells whether a signal reached anything.
	KindSignalled
	// CPUExceeded tells that the tree used up Start.CPU.
	KindCPUExceeded
	// Exited (JSON Exit) is the last frame of an execution.
	KindExited
	// Pong answers Ping.
	KindPong
	// FileReply (JSON FileReply) answers a FileCall; Body frames follow.
	KindFileReply

	kindCount
)

var kindNames = [kindCount]string{
	"", "Hello", "Start", "Input", "CloseInput", "Grant", "Signal", "Resize", "Ping", "FileCall", "Body", "CPUs",
	"Ready", "Failed", "Started", "NotStarted", "Output", "InputCredit", "InputClosed", "Signalled",
	"CPUExceeded", "Exited", "Pong", "FileReply",
}

// String names the kind, for errors.
func (k Kind) String() string {
	if k == 0 || k >= kindCount {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// Bits of the first payload byte of a Signal.
const (
	SignalTree  = 1 << iota // all processes of the execution
	SignalReply             // answer with a Signalled
)
