package transport

import (
	"encoding/base64"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// wireOutcome is the memory of one converted outcome, so that a pooled call
// converts its outcome without an allocation.
type wireOutcome struct {
	execute protocol.ExecuteResult
	process protocol.ProcessResult
	message string
	wall    int64
	cpu     int64
	memory  int64
}

// of converts an outcome. The result shares the captured output and lives as
// long as w.
func (w *wireOutcome) of(o *actors.Outcome) *protocol.ExecuteResult {
	w.execute = protocol.ExecuteResult{
		Success:     o.Success,
		ErrorCode:   o.ErrorCode,
		DurationMs:  milliseconds(o.Duration),
		ExecutionID: o.ExecutionID,
	}
	if !o.Success {
		w.message = o.Error
		w.execute.Error = &w.message
	}
	switch r := o.Result.(type) {
	case *actors.ProcessResult:
		w.execute.Result = w.program(r)
	default:
		if names, ok := o.Note.(*commandNames); ok && o.Success {
			w.execute.Result = fileResult(r, names)
		}
	}
	return &w.execute
}

// started converts the answer to a command in the background.
func (w *wireOutcome) started(s *actors.Started) *protocol.ExecuteResult {
	w.execute = protocol.ExecuteResult{
		Success:     true,
		DurationMs:  milliseconds(s.Duration),
		ExecutionID: s.ExecutionID,
		State:       output.Running.String(),
	}
	return &w.execute
}

func (w *wireOutcome) program(r *actors.ProcessResult) *protocol.ProcessResult {
	p := &w.process
	*p = protocol.ProcessResult{
		ExitCode:        r.Exit.Code,
		Signal:          r.Exit.Signal,
		Status:          r.Exit.Status.String(),
		StdoutTruncated: r.Stdout.Truncated,
		StderrTruncated: r.Stderr.Truncated,
	}
	var encoding protocol.Encoding
	if p.Stdout, encoding = textOrBase64(r.Stdout.Data); encoding == protocol.Base64 {
		p.StdoutEncoding = string(encoding)
	}
	if p.Stderr, encoding = textOrBase64(r.Stderr.Data); encoding == protocol.Base64 {
		p.StderrEncoding = string(encoding)
	}
	for _, limit := range r.Exit.LimitsHit {
		p.LimitsHit = append(p.LimitsHit, string(limit))
	}
	usage := &r.Exit.Usage
	if usage.Wall > 0 {
		w.wall = milliseconds(usage.Wall)
		p.Usage.WallMs = &w.wall
	}
	if usage.CPU != nil {
		w.cpu = milliseconds(*usage.CPU)
		p.Usage.CPUMs = &w.cpu
	}
	if usage.PeakMemory != nil {
		w.memory = *usage.PeakMemory
		p.Usage.PeakMemoryBytes = &w.memory
	}
	return p
}

// commandNames are what the result of a file command repeats of the command.
// They travel with it as actors.Execute.Note.
type commandNames struct {
	kind        string // canonical type
	path        string
	destination string
	encoding    protocol.Encoding // that a read_file asked for
}

// fileResult converts the result of a file command; paths are those that the
// client gave.
func fileResult(result any, n *commandNames) any {
	switch r := result.(type) {
	case *actors.FileWritten:
		return &protocol.FileWritten{Path: n.path, Bytes: r.Bytes}
	case *actors.FileCopied:
		return &protocol.FileCopied{SourcePath: n.path, DestinationPath: n.destination, Bytes: r.Bytes}
	case *runtimes.FileContent:
		return fileContent(n.path, r, n.encoding)
	case *runtimes.Listing:
		return listing(n.path, r)
	}
	if n.kind == protocol.TypeMoveFile {
		return &protocol.FileMoved{SourcePath: n.path, DestinationPath: n.destination}
	}
	return &protocol.PathResult{Path: n.path}
}

func fileContent(path string, r *runtimes.FileContent, encoding protocol.Encoding) *protocol.FileContent {
	f := &protocol.FileContent{Path: path, Size: r.Size, Truncated: r.Truncated}
	if encoding == protocol.Base64 {
		f.Content = base64.StdEncoding.EncodeToString(r.Content)
	} else {
		f.Content, encoding = textOrBase64(r.Content)
	}
	f.Encoding = string(encoding)
	return f
}

func listing(path string, r *runtimes.Listing) *protocol.Listing {
	l := &protocol.Listing{Path: path, Entries: make([]protocol.Entry, len(r.Entries)), Truncated: r.Truncated}
	for i := range r.Entries {
		e := &r.Entries[i]
		l.Entries[i] = protocol.Entry{
			Name: e.Name, Path: e.Path, Type: string(e.Type), Size: e.Size,
			Mode:       fmt.Sprintf("%04o", e.Mode),
			ModifiedAt: wireTime(time.UnixMilli(e.ModifiedAt)),
		}
	}
	return l
}

// textOrBase64 is b as a JSON string can carry it. Text shares b, which is
// never changed once it is output.
func textOrBase64(b []byte) (string, protocol.Encoding) {
	if utf8.Valid(b) {
		return unsafe.String(unsafe.SliceData(b), len(b)), protocol.UTF8
	}
	return base64.StdEncoding.EncodeToString(b), protocol.Base64
}

// milliseconds rounds to the nearest.
func milliseconds(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

// wireTime is RFC 3339 in UTC with milliseconds.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// wireMinutes is minutes to six digits, which is finer than a millisecond.
func wireMinutes(d time.Duration) float64 { return math.Round(d.Minutes()*1e6) / 1e6 }
