package frame

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// HeaderSize is the number of bytes before each payload.
const HeaderSize = 12

// Bounds of payloads, in bytes.
const (
	// MaxData is the most of one Output, Input or Body frame, and of every
	// frame that the agent sends.
	MaxData = 64 << 10
	// MaxControl is the most that the agent accepts in one frame: a Start with
	// all arguments and variables that the kernel would take, as JSON.
	MaxControl = 8 << 20
)

// OOMScoreAdjust is what an agent has (proc(5), oom_score_adj): less than its
// programs, more than a server.
const OOMScoreAdjust = 500

// ErrTooLarge is a payload over the bound of its receiver.
var ErrTooLarge = errors.New("the frame is over its bound")

// Header begins each frame: kind, detail, two zero bytes, then the execution
// and the payload's length as 32 bits each, least significant byte first.
type Header struct {
	Kind Kind
	// Detail is the stream of an Output, the number of a Signal; of Input,
	// CloseInput, Grant, InputCredit and InputClosed, StreamChannel where they
	// are about the channel.
	Detail uint8
	// Execution is what the frame is about; zero is the link itself.
	Execution uint32
	Length    uint32
}

// Put writes the header into the first HeaderSize bytes of b.
func (h Header) Put(b []byte) {
	b[0], b[1], b[2], b[3] = byte(h.Kind), h.Detail, 0, 0
	binary.LittleEndian.PutUint32(b[4:], h.Execution)
	binary.LittleEndian.PutUint32(b[8:], h.Length)
}

// Append appends a whole frame to b. It sets the length.
func Append(b []byte, h Header, payload []byte) []byte {
	h.Length = uint32(len(payload))
	var head [HeaderSize]byte
	h.Put(head[:])
	return append(append(b, head[:]...), payload...)
}

// parse reads a header and checks it against the bound of payloads.
func parse(b []byte, limit uint32) (Header, error) {
	h := Header{
		Kind: Kind(b[0]), Detail: b[1],
		Execution: binary.LittleEndian.Uint32(b[4:]), Length: binary.LittleEndian.Uint32(b[8:]),
	}
	if h.Kind == 0 || h.Kind >= kindCount || b[2] != 0 || b[3] != 0 {
		return Header{}, fmt.Errorf("frame header % x is not of this protocol", b[:HeaderSize])
	}
	if h.Length > limit {
		return Header{}, fmt.Errorf("%w: a %v of %d bytes, at most %d", ErrTooLarge, h.Kind, h.Length, limit)
	}
	return h, nil
}

// StreamChannel is the stream of Start.Channel, beside those of package runtimes.
const StreamChannel = 4

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
)

// Kinds that were added. Numbers are appended, never changed: an agent may be
// older than its server.
const (
	// Assign (JSON Assign), from the server, sets what a session asks for.
	KindAssign   Kind = iota + KindFileReply + 1
	kindAssigned      // of earlier agents
	// Reserve (two uint64: offset and length), from the server, comes with a
	// descriptor: the agent allocates that part of the file, fallocate(2), so that
	// it is charged to the agent's memory.
	KindReserve
	// Reserved (uint32: errno(3), zero for success), from the agent, answers
	// Reserve.
	KindReserved

	kindCount
)

var kindNames = [kindCount]string{
	"", "Hello", "Start", "Input", "CloseInput", "Grant", "Signal", "Resize", "Ping", "FileCall", "Body", "CPUs",
	"Ready", "Failed", "Started", "NotStarted", "Output", "InputCredit", "InputClosed", "Signalled",
	"CPUExceeded", "Exited", "Pong", "FileReply", "Assign", "Assigned",
	"Reserve", "Reserved",
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

// Hello tells the agent how to live. It is the first frame, and the only one
// until the agent has answered Ready.
type Hello struct {
	// Box is a box.Config: the layout to enter first; nil stays where it is.
	Box json.RawMessage `json:",omitempty"`
	// User is who to become; nil stays who it is.
	User *User `json:",omitempty"`
	// Harden are the measures to apply to the agent and so to all programs.
	Harden Harden
	// Limits are set for the agent and inherited by programs.
	Limits []ResourceLimit `json:",omitempty"`
	// Env is the environment of every program, "KEY=value".
	Env []string `json:",omitempty"`
	// Workspace is the directory in which programs start. "" is "/".
	Workspace string
	// Places are directories whose room the agent reads back.
	Places []string `json:",omitempty"`
	// Files: the agent runs file commands on the workspace.
	Files bool `json:",omitempty"`
	// Groups says by what programs are kept together and limited.
	Groups Groups
	// Tunnel: a descriptor comes with this frame, a unix socket. The
	// agent makes the device of package tunnel, before it enters a box, and
	// passes it there.
	Tunnel bool `json:",omitempty"`
}

// User is an identity without supplementary groups.
type User struct {
	UID, GID int
}

// Harden names measures. Each is applied to every thread, and Ready reports it
// from the kernel's mouth.
type Harden struct {
	// NoCapabilities empties all capability sets.
	NoCapabilities bool `json:",omitempty"`
	// NoNewPrivileges is PR_SET_NO_NEW_PRIVS.
	NoNewPrivileges bool `json:",omitempty"`
	// Seccomp is the allow-list of package syscalls, as package harden applies it.
	Seccomp bool `json:",omitempty"`
}

// ResourceLimit is one setrlimit(2), soft and hard alike.
type ResourceLimit struct {
	// Name is one of "data", "nofile", "nproc", "fsize", "core", "memlock",
	// "stack", "msgqueue".
	Name  string
	Value uint64
}

// Groups says what kind of control groups executions have.
type Groups uint8

// The kinds. Without groups the agent itself keeps track of trees.
const (
	NoGroups Groups = iota
	// GroupsV1: Start carries the "tasks" file of each hierarchy.
	GroupsV1
	// GroupsV2: Start carries the directory of the group.
	GroupsV2
)

// Report is the answer to Hello: what is in force, as the kernel told.
type Report struct {
	PID      int // as the agent sees it; 1 in a pid namespace of its own
	UID, GID int
	// Harden are the measures in force.
	Harden Harden
	// Undumpable: programs of the same uid can neither trace the agent nor see
	// its descriptors.
	Undumpable bool
	// Terminal: a terminal could be made.
	Terminal bool
	// Limits are those of Hello, read back.
	Limits []ResourceLimit `json:",omitempty"`
	// Places are those of Hello, each with its room.
	Places []Place `json:",omitempty"`
}

// Place is the room of a directory in bytes, as statfs(2) tells.
type Place struct {
	Path  string
	Bytes int64
}

// Start is a program to run.
type Start struct {
	// Args has at least the name.
	Args []string
	// Dir is relative to the workspace; "" is the workspace.
	Dir string `json:",omitempty"`
	// Env are additions to the environment.
	Env []string `json:",omitempty"`
	// Input: an Input or CloseInput follows. Otherwise the program reads end
	// of file.
	Input bool `json:",omitempty"`
	// Terminal is the size of a terminal; nil, pipes.
	Terminal *Size `json:",omitempty"`
	// Channel: descriptors 3 and 4 are a pair of streams too, with credit and
	// input of their own.
	Channel bool `json:",omitempty"`
	// Limits are those that the agent is to enforce because no control group
	// does.
	Limits Limits
	// Slot is where the agent keeps the descriptors of a control group, see
	// Groups. Zero: there is none.
	Slot int `json:",omitempty"`
	// Descriptors is how many come with this frame: from now on those in Slot.
	// Zero: the ones that are there.
	Descriptors int `json:",omitempty"`
}

// Assign is what programs that start from now on find, in place of what Hello
// said.
type Assign struct {
	// Env is the environment of every program; nil stays.
	Env []string `json:",omitempty"`
}

// Size is that of a terminal, in characters.
type Size struct {
	Columns, Rows uint16
}

// Limits of one execution; a zero member is none.
type Limits struct {
	// Data is RLIMIT_DATA of each process, in bytes.
	Data int64 `json:",omitempty"`
	// Processes is RLIMIT_NPROC.
	Processes int64 `json:",omitempty"`
	// CPU is for the whole tree, in nanoseconds.
	CPU int64 `json:",omitempty"`
	// Stack is the soft RLIMIT_STACK of each process, in bytes.
	Stack int64 `json:",omitempty"`
}

// Exit is how a program ended.
type Exit struct {
	// Code is set when it exited, Signal when a signal ended it. Neither: the
	// agent does not know.
	Code   *int `json:",omitempty"`
	Signal int  `json:",omitempty"`
	// CPU is what the whole tree used, in nanoseconds, where the agent keeps
	// track of trees; nil is not known.
	CPU *int64 `json:",omitempty"`
	// Peak is the most memory that one process of the tree held, in bytes,
	// where the agent keeps track of trees; nil is not known.
	Peak *int64 `json:",omitempty"`
	// Left are processes that the agent ended with the program, at most
	// MaxLeft, where it keeps track of trees.
	Left []Process `json:",omitempty"`
}

// MaxLeft is how many processes Exit names at most.
const MaxLeft = 16

// Process is one of the environment.
type Process struct {
	PID  int
	Name string
}
