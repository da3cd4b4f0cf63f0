package frame

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
