package frame

import "encoding/json"

// FileCall asks the agent for a file command on its workspace. The execution
// number of the header names the call; at most one is under way. Its content,
// if any, follows in Body frames.
type FileCall struct {
	// Command is the name of the type in package runtimes: "WriteFile".
	Command string
	// Arguments is that type as JSON, without its content.
	Arguments json.RawMessage
}

// FileReply answers a FileCall. Body frames follow, at least the empty one at
// the end: what ReadFile found, or the entries of ListDirectory, as JSON
// FileEntry values.
type FileReply struct {
	// Code and Message are a runtimes.FileError. Message alone is another
	// failure.
	Code    string `json:",omitempty"`
	Message string `json:",omitempty"`
	// Second: the error is about the destination.
	Second bool `json:",omitempty"`
	// Bytes is what WriteFile or CopyFile wrote, or the size that ReadFile saw.
	Bytes     int64 `json:",omitempty"`
	Truncated bool  `json:",omitempty"`
}

// FileEntry is a runtimes.Entry. Names are bytes: the kernel takes them in any
// encoding.
type FileEntry struct {
	Name, Path []byte
	Type       string
	Size       int64
	Mode       uint32
	ModifiedAt int64
}
