package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// The events of a log.
const (
	Created      = "create"       // a session was made, or could not be
	Closed       = "close"        // a client closed a session
	Executed     = "execute"      // a program ran, or runs in the background
	Ended        = "executeEnded" // a program in the background has ended
	Flow         = "flow"         // of a session's network, after its end
	File         = "file"         // a file command
	Refused      = "refused"      // by a rate, a quota or the policy
	Unauthorized = "unauthorized" // by the key
	KeyAdded     = "keyAdded"
	KeyRemoved   = "keyRemoved"
	KeyChanged   = "keyChanged"
	Started      = "serverStarted"
	Stopped      = "serverStopped"
	Lost         = "lost"     // records could not be written
	Repaired     = "repaired" // a line that was not whole was cut off
)

// Record is one line. What does not apply is left out; contents of files, input
// and output are never there.
type Record struct {
	Seq   int64     `json:"seq"`
	Time  time.Time `json:"time"`
	Event string    `json:"event"`

	Key       string `json:"key,omitempty"`     // id
	Name      string `json:"name,omitempty"`    // of the key
	Address   string `json:"address,omitempty"` // of the client
	Session   string `json:"session,omitempty"`
	Execution string `json:"execution,omitempty"`

	Language string  `json:"language,omitempty"`
	Runtime  string  `json:"runtime,omitempty"`
	Image    string  `json:"image,omitempty"`
	Network  string  `json:"network,omitempty"`
	MemoryMB int64   `json:"memoryMB,omitempty"`
	CPUs     float64 `json:"cpus,omitempty"`
	DiskMB   int64   `json:"diskMB,omitempty"`

	Type        string `json:"type,omitempty"` // of a command
	Program     string `json:"program,omitempty"`
	Args        int    `json:"args,omitempty"`       // how many
	InputBytes  int64  `json:"inputBytes,omitempty"` // of stdin
	Path        string `json:"path,omitempty"`
	Destination string `json:"destination,omitempty"`
	Bytes       int64  `json:"bytes,omitempty"` // of the content written or read
	StdoutBytes int64  `json:"stdoutBytes,omitempty"`
	StderrBytes int64  `json:"stderrBytes,omitempty"`
	Background  bool   `json:"background,omitempty"`

	Protocol      string `json:"protocol,omitempty"` // of a flow; Destination is its address and port
	SentBytes     int64  `json:"sentBytes,omitempty"`
	ReceivedBytes int64  `json:"receivedBytes,omitempty"`

	Outcome    string   `json:"outcome,omitempty"` // "Completed", a status, a FileCode, or the name of an error
	ExitCode   *int     `json:"exitCode,omitempty"`
	DurationMs int64    `json:"durationMs,omitempty"`
	Limit      string   `json:"limit,omitempty"`  // that refused
	Reason     string   `json:"reason,omitempty"` // a sentence
	Rule       string   `json:"rule,omitempty"`   // of the policy, that decided
	Marks      []string `json:"marks,omitempty"`  // of the policy
	Count      int64    `json:"count,omitempty"`  // how many of them this line stands for; zero: one

	Prev string `json:"prev"` // digest of the line before; of the first one zeros
}

// digest is what the next line has as Prev. line is without its newline.
func digest(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// first is Prev of the first line of all.
const first = "0000000000000000000000000000000000000000000000000000000000000000"
