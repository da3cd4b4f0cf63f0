package rpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// wireOutcome is the memory of one converted outcome, so that a pooled call
// converts its outcome without an allocation.
type wireOutcome struct {
	execute protocol.ExecuteResult
	process protocol.ProcessResult
	code    *protocol.CodeResult // of a cell, whose ProcessResult is process
	parts   [2]part
	split   bool               // long texts go into texts
	texts   []jsonrpc.LongText // in the order of their members
	message string
	wall    int64
	cpu     int64
	memory  int64
}

// of converts an outcome to a result of most bytes at most; zero is any size.
// The result shares the captured output and lives as long as w.
func (w *wireOutcome) of(o *actors.Outcome, most int) *protocol.ExecuteResult {
	w.texts, w.code = nil, nil
	w.execute = protocol.ExecuteResult{
		Success:     o.Success,
		ErrorCode:   o.ErrorCode,
		DurationMs:  milliseconds(o.Duration),
		ExecutionID: o.ExecutionID,
	}
	if !o.Success {
		w.message = shortened(o.Error)
		w.execute.Error = &w.message
	}
	switch r := o.Result.(type) {
	case *actors.ProcessResult:
		w.execute.Result = w.program(r, most)
	case *actors.CellResult:
		w.execute.Result = w.cell(r, most)
	default:
		if o.Note != nil && o.Success {
			w.execute.Result = w.file(r, o.Note, most)
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

// program converts what a program did. All but the streams is there before they
// are fitted in.
func (w *wireOutcome) program(r *actors.ProcessResult, most int) *protocol.ProcessResult {
	p := &w.process
	*p = protocol.ProcessResult{
		ExitCode:        r.Exit.Code,
		Signal:          r.Exit.Signal,
		Status:          r.Exit.Status.String(),
		StdoutTruncated: r.Stdout.Truncated,
		StderrTruncated: r.Stderr.Truncated,
	}
	for _, ended := range r.Exit.Ended {
		p.EndedProcesses = append(p.EndedProcesses, protocol.EndedProcess{PID: ended.PID, Name: ended.Name})
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
	w.streams(r, most)
	return p
}

// cell converts what a cell came to: value and exception have a quarter of the room,
// what it has shown three eighths, and the streams the rest.
func (w *wireOutcome) cell(r *actors.CellResult, most int) *protocol.CodeResult {
	c := &protocol.CodeResult{Displays: []protocol.Display{}}
	if r.Ran {
		c.Kernel = "kept"
	}
	if r.Restarted {
		c.Kernel = "restarted"
	}
	if told := r.Result; told != nil {
		c.Omitted, c.ValueTruncated = told.Omitted, told.ValueCut
		c.Value, c.ValueTruncated = fitText(told.Value, most/8, c.ValueTruncated)
		if x := told.Exception; x != nil {
			c.Exception = &protocol.Exception{Name: x.Name}
			c.Exception.Message, _ = fitText(x.Message, most/16, false)
			c.Exception.Traceback, _ = fitText(x.Traceback, most/8, false)
		}
	}
	left := most * 3 / 8
	for _, d := range r.Displays {
		wire, size := wireDisplay(d, left)
		if most > 0 {
			if size > left {
				c.Omitted++
				continue
			}
			left -= size
		}
		c.Displays = append(c.Displays, wire)
	}
	w.code = c
	c.ProcessResult = *w.program(&r.ProcessResult, most)
	return c
}

// fitText is the beginning of a text that has most bytes in JSON; zero is any size.
func fitText(text string, most int, cut bool) (string, bool) {
	if most == 0 || stringSize(text) <= most {
		return text, cut
	}
	first := []byte(text)
	goes, _ := jsonrpc.TextTail(first, stringSize(text)-most+len(`\u0000`))
	return string(first[:len(first)-goes]), true
}

// displayRoom is about what a display takes besides its parts.
const displayRoom = 128

// wireDisplay converts what code has shown, and says about how large it is as JSON.
// Forms that do not fit into most bytes are left out; zero is any size.
func wireDisplay(d *output.Display, most int) (wire protocol.Display, size int) {
	wire = protocol.Display{
		Data: make(map[string]string, len(d.Parts)), Main: d.Main, Truncated: d.Cut,
		At: protocol.Place{Stdout: d.Stdout, Stderr: d.Stderr},
	}
	size = displayRoom
	for i := range d.Parts {
		p := &d.Parts[i]
		text := isText(p.Type) && utf8.Valid(p.Data)
		bytes := 2*len(p.Type) + 16
		if text {
			bytes += jsonrpc.TextBytes(p.Data)
		} else {
			bytes += base64.StdEncoding.EncodedLen(len(p.Data))
		}
		if most > 0 && size+bytes > most {
			wire.Truncated = true
			continue
		}
		size += bytes
		if text {
			wire.Data[p.Type] = string(p.Data)
			continue
		}
		wire.Data[p.Type] = base64.StdEncoding.EncodeToString(p.Data)
		if wire.Encoding == nil {
			wire.Encoding = map[string]string{}
		}
		wire.Encoding[p.Type] = string(protocol.Base64)
	}
	if len(wire.Data) == 0 && len(d.Parts) > 0 {
		size = most + 1 // it says nothing
	}
	return wire, size
}

// isText reports whether data of a MIME type is text for people and programs that
// read text.
func isText(mime string) bool {
	kind, _, _ := strings.Cut(mime, ";")
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "json") || strings.HasSuffix(kind, "xml") ||
		strings.HasSuffix(kind, "javascript")
}

// streams puts the streams into the result, which is complete otherwise.
func (w *wireOutcome) streams(r *actors.ProcessResult, most int) {
	p, stdout, stderr := &w.process, &w.parts[0], &w.parts[1]
	stdout.of(&r.Stdout)
	stderr.of(&r.Stderr)
	fitStreams(stdout, stderr, most, w.size)
	p.Stdout, p.StdoutEncoding = w.text("stdout", stdout)
	p.Stderr, p.StderrEncoding = w.text("stderr", stderr)
	p.StdoutOmittedBytes, p.StderrOmittedBytes = stdout.omitted, stderr.omitted
	p.StdoutTruncated = p.StdoutTruncated || stdout.omitted > 0
	p.StderrTruncated = p.StderrTruncated || stderr.omitted > 0
	w.parts = [2]part{}
}

// text is the part as a member of that name, and its encoding. A long one is left
// out of it and goes into texts.
func (w *wireOutcome) text(member string, p *part) (text, encoding string) {
	if !w.split || len(p.data) == 0 {
		return p.text()
	}
	w.texts = append(w.texts, jsonrpc.LongText{Member: member, First: p.data[:p.head], Last: p.data[p.head:], Base64: p.base64})
	return "", p.encoding()
}

// size is that of the result as it is.
func (w *wireOutcome) size() int {
	w.execute.Result = &w.process
	if w.code != nil {
		w.code.ProcessResult = w.process
		w.execute.Result = w.code
	}
	encoded, err := jsonrpc.AppendValue(nil, &w.execute)
	if err != nil {
		return 0 // the reply will say so
	}
	return len(encoded)
}

// file converts the result of a file command; paths are those that the client
// gave. Of what is large there is as much as fits into most bytes; zero is any
// size.
func (w *wireOutcome) file(result actors.Result, n *actors.FileNote, most int) any {
	switch r := result.(type) {
	case *actors.FileWritten:
		return &protocol.FileWritten{Path: n.Path, Bytes: r.Bytes}
	case *actors.FileCopied:
		return &protocol.FileCopied{SourcePath: n.Path, DestinationPath: n.Destination, Bytes: r.Bytes}
	case *actors.FileRead:
		return w.content(n, &r.FileContent, most)
	case *actors.FileMoved:
		return &protocol.FileMoved{SourcePath: n.Path, DestinationPath: n.Destination}
	case *actors.DirectoryListing:
		return listing(n.Path, &r.Listing, most)
	}
	return &protocol.PathResult{Path: n.Path}
}

// rest is what is left of most bytes beside the path.
func rest(most int, path string) int {
	if most == 0 {
		return 0
	}
	const members = 256
	return max(most-members-stringSize(path), 1)
}

// endOf is where in a file of that size the reading was to end.
func endOf(n *actors.FileNote, size int64) int64 {
	if n.Length > 0 && n.Length < size-n.Offset {
		return n.Offset + n.Length
	}
	return size
}

func (w *wireOutcome) content(n *actors.FileNote, r *runtimes.FileContent, most int) *protocol.FileContent {
	more := n.Offset+int64(len(r.Content)) < endOf(n, r.Size)
	kept, encoding := fitContent(r.Content, protocol.Encoding(n.Encoding), more, rest(most, n.Path))
	if len(kept) == 0 {
		kept = r.Content // there is room for none of it: the reply is refused, rather than go on nowhere
	}
	f := &protocol.FileContent{Path: n.Path, Size: r.Size, Encoding: string(encoding)}
	f.Truncated = n.Offset+int64(len(kept)) < endOf(n, r.Size)
	if w.split && len(kept) > 0 {
		if len(kept) < len(r.Content)/2 {
			kept = slices.Clone(kept) // the rest is not held for it
		}
		w.texts = append(w.texts, jsonrpc.LongText{Member: "content", First: kept, Base64: encoding == protocol.Base64})
	} else if encoding == protocol.Base64 {
		f.Content = base64.StdEncoding.EncodeToString(kept)
	} else {
		f.Content = unsafe.String(unsafe.SliceData(kept), len(kept))
	}
	return f
}

func listing(path string, r *runtimes.Listing, most int) *protocol.Listing {
	n := fitEntries(r.Entries, rest(most, path))
	l := &protocol.Listing{Path: path, Entries: make([]protocol.Entry, n), Truncated: r.Truncated || n < len(r.Entries)}
	for i := range l.Entries {
		e := &r.Entries[i]
		l.Entries[i] = protocol.Entry{
			Name: e.Name, Path: e.Path, Type: string(e.Type), Size: e.Size,
			Mode:       fmt.Sprintf("%04o", e.Mode),
			ModifiedAt: wireTime(time.UnixMilli(e.ModifiedAt)),
		}
		if !utf8.ValidString(e.Path) {
			l.Entries[i].NameEncoding = string(protocol.Base64)
			l.Entries[i].Name = base64.StdEncoding.EncodeToString([]byte(e.Name))
			l.Entries[i].Path = base64.StdEncoding.EncodeToString([]byte(e.Path))
		}
	}
	return l
}

// milliseconds rounds to the nearest.
func milliseconds(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

// wireTime is RFC 3339 in UTC with milliseconds.
func wireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// wireMinutes is minutes to six digits, which is finer than a millisecond.
func wireMinutes(d time.Duration) float64 { return math.Round(d.Minutes()*1e6) / 1e6 }
