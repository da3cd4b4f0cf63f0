package runtimes

import "time"

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
	// Limits are those of this command alone, below the session's.
	Limits CommandLimits
}

// CommandLimits bound one command. Zero members are not limited beyond what
// the environment is.
type CommandLimits struct {
	MemoryBytes int64
	CPU         time.Duration // of all its processes together
	Processes   int64
	OutputBytes int64 // of all streams together
	// StackBytes is how far the stack of each of its first threads may grow. Zero
	// is the environment's own: see docs/runtimes.md.
	StackBytes int64
}

// TerminalSize is the size of a terminal in characters.
type TerminalSize struct {
	Columns, Rows uint16
}
