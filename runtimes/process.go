package runtimes

// Stream says which of a program's outputs some bytes came from.
type Stream uint8

// The streams. A program with a terminal writes to Terminal only.
const (
	Stdout Stream = iota + 1
	Stderr
	Terminal
)

// String returns the wire name: stdout, stderr or pty.
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	case Terminal:
		return "pty"
	}
	return ""
}

// Window is how many bytes of output a program may have written that nobody
// has granted back. A process starts with this much; see Process.Grant.
const Window = 256 << 10

// InputBuffer is how many bytes of input wait for a program that does not
// read. Process.Input accepts no more than fit.
const InputBuffer = 64 << 10

// Sink receives what a process does. The calls for one process come one after
// another from one goroutine; they must return at once, for they hold up every
// process of the environment.
type Sink interface {
	// Output delivers bytes in the order in which the program wrote them to
	// that stream. p is valid during the call only.
	Output(stream Stream, p []byte)
	// InputReady tells that input which did not fit before may fit now.
	InputReady()
	// Exited is the last call. Every byte the program wrote, as far as it was
	// read, has been delivered before.
	Exited(exit Exit)
}

// Process is a running program and the tree of processes below it. Its methods
// are safe for use by several goroutines and do nothing after the exit.
type Process interface {
	// Grant gives back n bytes of the output window (see Window). Without
	// grants the program is held up at its next write once the window is
	// full, as a terminal would do.
	Grant(n int)
	// Input hands bytes to the program's standard input and returns how many
	// were accepted. Zero with an open input means that the buffer is full:
	// Sink.InputReady follows.
	// Errors: ErrInputClosed after CloseInput, or where the command had none,
	// or when the program has closed its end or exited.
	Input(p []byte) (int, error)
	// CloseInput makes the program read end of file after what was accepted.
	CloseInput()
	// Signal sends a signal to the program's process group; SIGKILL goes to
	// its whole tree. It reports whether the signal reached anything.
	// Errors: ErrEnvironmentLost.
	Signal(sig Signal) (delivered bool, err error)
	// Stop ends the tree: SIGTERM, then SIGKILL after the grace of
	// StopGrace. The first reason given, or the first limit that fired, is the
	// status of the exit.
	Stop(reason Status)
	// Resize changes the size of the terminal.
	// Errors: ErrNoTerminal.
	Resize(size TerminalSize) error
}
