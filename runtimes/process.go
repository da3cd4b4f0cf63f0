package runtimes

import (
	"strconv"
	"strings"
	"time"
)

// StopGrace is how long a program has between SIGTERM and SIGKILL.
const StopGrace = 200 * time.Millisecond

// Command is a program to run: an argument vector, never a shell line.
type Command struct {
	// Name is the program: a name found on the environment's PATH, or a path.
	Name string
	// Args are the arguments after the name.
	Args []string
	// Dir is the working directory below the workspace, slash-separated and
	// clean; "" is the workspace itself.
	Dir string
	// Env are additions to the environment's variables, "KEY=value".
	Env []string
	// Stdin is given to the program first.
	Stdin []byte
	// OpenStdin keeps the input open after Stdin, until Process.CloseInput.
	// False: the program reads end of file after Stdin.
	OpenStdin bool
	// Terminal gives the program a terminal of that size; nil, pipes.
	Terminal *TerminalSize
	// Channel gives the program a pair of streams beside its standard ones: it
	// reads descriptor 3 and writes descriptor 4. A kernel speaks to the server
	// there, whatever its code prints. See Process.Channel.
	Channel bool
	// Limits are those of this command alone, below the session's.
	Limits CommandLimits
}

// CommandLimits bound one command. Zero members are not limited beyond what
// the environment is.
type CommandLimits struct {
	MemoryBytes int64
	CPU         time.Duration // of all its processes together
	Processes   int64
	// OutputBytes is of all streams together but the channel. Negative: not even
	// the environment's holds, for the caller bounds what it takes.
	OutputBytes int64
	// StackBytes is how far the stack of each of its first threads may grow. Zero
	// is the environment's own: see docs/runtimes.md.
	StackBytes int64
}

// TerminalSize is the size of a terminal in characters.
type TerminalSize struct {
	Columns, Rows uint16
}

// Stream says which of a program's outputs some bytes came from.
type Stream uint8

// The streams. A program with a terminal writes to Terminal only.
const (
	Stdout Stream = iota + 1
	Stderr
	Terminal
	// Channel is what a program with Command.Channel writes there.
	Channel
)

// String returns the wire name: stdout, stderr or pty. The channel is on no
// wire; it is "channel" in messages.
func (s Stream) String() string {
	switch s {
	case Stdout:
		return "stdout"
	case Stderr:
		return "stderr"
	case Terminal:
		return "pty"
	case Channel:
		return "channel"
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
	// Started is the first call, when the program runs. A program that never
	// runs has none: it is told Exited alone.
	Started()
	// Output delivers bytes in the order in which the program wrote them to
	// that stream. Those of the channel come after what the program had written to
	// its standard output and error before. p is valid during the call only.
	Output(stream Stream, p []byte)
	// InputReady tells that input which did not fit before may fit now, of the
	// program or of its channel.
	InputReady()
	// Exited is the last call. Every byte the program wrote, as far as it was
	// read, has been delivered before.
	Exited(exit Exit)
}

// Flow is the traffic between the server and a program, in both directions. Its
// methods are safe for use by several goroutines.
type Flow interface {
	// Grant gives back n bytes of the output window (see Window). Without
	// grants the program is held up at its next write once the window is
	// full, as a terminal would do.
	Grant(n int)
	// Input hands bytes to the program and returns how many were accepted. Zero
	// with an open input means that the buffer is full: Sink.InputReady follows.
	// Errors: ErrInputClosed after CloseInput, or where the command had none,
	// or when the program has closed its end or exited.
	Input(p []byte) (int, error)
	// CloseInput makes the program read end of file after what was accepted.
	CloseInput()
}

// Process is a program and the tree of processes below it. Its methods are safe
// for use by several goroutines, may be called from the return of Start on, and
// do nothing after the exit. Before Sink.Started a Signal or Resize reaches
// nobody; input waits for the program, and Stop ends it as soon as it can.
type Process interface {
	// Flow is that of the standard streams, or of the terminal.
	Flow
	// Channel is the flow of the channel, nil where the command had none. It
	// has a window and a buffer of its own, and no limit of output: who reads it
	// bounds what it keeps. What the program writes there comes after what it
	// has written to its other streams before, and waits while that is held up;
	// nothing else holds the one flow up for the other.
	Channel() Flow
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

// Signal is the number of a Linux signal, whatever host the server runs on.
type Signal uint8

// The signals this package itself sends.
const (
	SIGKILL Signal = 9
	SIGTERM Signal = 15
)

// signalNames are the names of signal(7) by their number on x86 and arm.
var signalNames = [...]string{
	1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
	9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
	16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU",
	23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO",
	30: "SIGPWR", 31: "SIGSYS",
}

// String returns the name, "SIG34" for a real-time signal, "" for zero.
func (s Signal) String() string {
	if int(s) < len(signalNames) {
		return signalNames[s]
	}
	return "SIG" + strconv.Itoa(int(s))
}

// ParseSignal reads a name with or without "SIG", without regard to case.
func ParseSignal(name string) (Signal, bool) {
	name = strings.ToUpper(name)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	for n, known := range signalNames {
		if known != "" && known == name {
			return Signal(n), true
		}
	}
	return 0, false
}
