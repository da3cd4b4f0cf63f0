package rpc

import (
	"bytes"
	"encoding/base64"
	"math"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// command makes what the params of session.execute ask for in c.asked, and
// returns what the result will repeat of it. push says that the connection can be
// sent notifications.
func (c *call) command(p *protocol.Execute, push bool) (repeated *actors.FileNote, err error) {
	command, kind, err := protocol.DecodeCommand(p.Command)
	if err != nil {
		return nil, err
	}
	defer protocol.ReleaseCommand(command, kind)
	c.asked = sessions.Execute{
		Background: p.Background, KillOnDisconnect: p.KillOnDisconnect, Timeout: millisecondsOf(p.TimeoutMs),
	}
	if shell, ok := command.(*protocol.ExecuteShell); ok {
		c.asked.Program = &c.program
		return nil, programOf(&c.program, shell, p.Stream && push || p.Background)
	}
	if code, ok := command.(*protocol.ExecuteCode); ok {
		c.asked.Cell, err = cellOf(code, p.Stream && push || p.Background)
		return nil, err
	}
	c.asked.File, err = fileOf(command)
	if err != nil {
		return nil, err
	}
	return noteOf(command, c.asked.File), nil
}

// programOf makes r what an execute_shell asks for. openInput: a program without
// stdin gets an input that stays open.
func programOf(r *sessions.Program, c *protocol.ExecuteShell, openInput bool) (err error) {
	*r = sessions.Program{Name: c.CommandName, Args: c.Args, Dir: c.WorkingDirectory, Env: c.Env}
	if c.PTY != nil {
		r.Terminal = &sessions.Terminal{Columns: c.PTY.Cols, Rows: c.PTY.Rows}
	}
	if l := c.Limits; l != nil {
		r.Limits = sessions.ProgramLimits{
			MemoryMB: l.MemoryMB, CPU: millisecondsOf(l.CPUMs), Processes: l.Processes, OutputBytes: l.OutputBytes, StackMB: l.StackMB,
		}
	}
	if c.Stdin == nil {
		r.OpenInput = openInput || r.Terminal != nil
		return nil
	}
	r.Stdin, err = decodeBytes("command.stdin", *c.Stdin, c.StdinEncoding)
	return err
}

// cellOf is the cell that an execute_code asks for. openInput: as for programs.
func cellOf(c *protocol.ExecuteCode, openInput bool) (*sessions.Cell, error) {
	r := &sessions.Cell{Code: c.Code, Language: c.Language, Context: c.Context, Reset: c.Reset}
	if c.Stdin != nil {
		r.Stdin = []byte(*c.Stdin)
	} else {
		r.OpenInput = openInput
	}
	if c.Timeout != nil {
		ms := *c.Timeout * 1000
		if !(ms >= 1 && ms < math.MaxInt64/1e6) {
			return nil, paramError("command.timeout", "must be at least 0.001 seconds")
		}
		d := time.Duration(ms * float64(time.Millisecond))
		r.Timeout = &d
	}
	return r, nil
}

// noteOf is what the result of a file command will repeat: paths as they were
// given.
func noteOf(wire any, file runtimes.FileCommand) *actors.FileNote {
	n := &actors.FileNote{}
	paths := runtimes.PathsOf(file)
	n.Path = shown(*paths[0])
	if len(paths) > 1 {
		n.Destination = shown(*paths[1])
	}
	if c, ok := file.(*runtimes.ReadFile); ok {
		n.Offset, n.Length = c.Offset, c.Length
		n.Encoding = string(wire.(*protocol.ReadFile).Encoding)
	}
	return n
}

// shown is a path as JSON can hold it: in base64 where it is not UTF-8.
func shown(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	return base64.StdEncoding.EncodeToString([]byte(path))
}

// fileOf is the file command that a decoded command asks for.
func fileOf(command any) (runtimes.FileCommand, error) {
	switch c := command.(type) {
	case *protocol.WriteFile:
		return writeFileOf(c)
	case *protocol.ReadFile:
		return readFileOf(c)
	case *protocol.CreateDirectory:
		p, err := pathOf("command.path", c.Path, c.PathEncoding)
		return &runtimes.CreateDirectory{Path: p, Recursive: orTrue(c.Recursive)}, err
	case *protocol.CopyFile:
		from, to, err := paths(c.SourcePath, c.DestinationPath, c.PathEncoding)
		return &runtimes.CopyFile{Source: from, Destination: to, Overwrite: orTrue(c.Overwrite), Recursive: c.Recursive}, err
	case *protocol.MoveFile:
		from, to, err := paths(c.SourcePath, c.DestinationPath, c.PathEncoding)
		return &runtimes.MoveFile{Source: from, Destination: to, Overwrite: orTrue(c.Overwrite)}, err
	case *protocol.DeleteFile:
		p, err := pathOf("command.path", c.Path, c.PathEncoding)
		return &runtimes.DeleteFile{Path: p, Recursive: c.Recursive}, err
	case *protocol.ListDirectory:
		return listDirectoryOf(c)
	}
	return nil, paramError("type", "is not among the capabilities of the session's runtime")
}

// given is a member that must be there; what is in it is not looked at.
func given(member string, p *string) (string, error) {
	if p == nil {
		return "", paramError(member, "is required")
	}
	return *p, nil
}

func paths(source, destination *string, encoding protocol.Encoding) (from, to string, err error) {
	if from, err = pathOf("command.sourcePath", source, encoding); err != nil {
		return "", "", err
	}
	to, err = pathOf("command.destinationPath", destination, encoding)
	return from, to, err
}

// pathOf is a path that must be there.
func pathOf(member string, p *string, encoding protocol.Encoding) (string, error) {
	text, err := given(member, p)
	if err != nil {
		return "", err
	}
	b, err := decodeBytes(member, text, encoding)
	return string(b), err
}

func writeFileOf(c *protocol.WriteFile) (*runtimes.WriteFile, error) {
	p, err := pathOf("command.path", c.Path, c.PathEncoding)
	if err != nil {
		return nil, err
	}
	text, err := given("command.content", c.Content)
	if err != nil {
		return nil, err
	}
	content, err := decodeBytes("command.content", text, c.Encoding)
	if err != nil {
		return nil, err
	}
	w := &runtimes.WriteFile{Path: p, Content: content, Executable: c.Executable, Atomic: c.Atomic}
	if c.Mode == protocol.Append {
		w.Mode = runtimes.Append
	}
	return w, nil
}

func readFileOf(c *protocol.ReadFile) (*runtimes.ReadFile, error) {
	p, err := pathOf("command.path", c.Path, c.PathEncoding)
	if err != nil {
		return nil, err
	}
	r := &runtimes.ReadFile{Path: p}
	if c.Offset != nil {
		r.Offset = *c.Offset
	}
	r.Length, err = positive("command.length", c.Length, 0, math.MaxInt64)
	return r, err
}

func listDirectoryOf(c *protocol.ListDirectory) (*runtimes.ListDirectory, error) {
	l := &runtimes.ListDirectory{Path: ".", Recursive: c.Recursive, Pattern: c.Pattern, SkipHidden: !orTrue(c.IncludeHidden)}
	if c.Path != nil && *c.Path != "" {
		p, err := pathOf("command.path", c.Path, c.PathEncoding)
		if err != nil {
			return nil, err
		}
		l.Path = p
	}
	depth, err := positive("command.maxDepth", c.MaxDepth, 0, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	limit, err := positive("command.limit", c.Limit, runtimes.DefaultListLimit, sessions.MaxListEntries)
	l.MaxDepth, l.Limit = int(depth), int(limit)
	return l, err
}

// positive is an optional number from 1 to most, where the domain's zero says
// something else.
func positive(member string, v *int64, preset, most int64) (int64, error) {
	if v == nil {
		return preset, nil
	}
	if *v < 1 || *v > most {
		return 0, rangeError(member, 1, most)
	}
	return *v, nil
}

// decodeBytes is the bytes of a member in its encoding.
func decodeBytes(member, v string, encoding protocol.Encoding) ([]byte, error) {
	if encoding != protocol.Base64 {
		return []byte(v), nil
	}
	// Base64 as tools write it comes in lines (RFC 2045, section 6.8), which
	// DecodeString skips.
	b, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil {
		return nil, paramError(member, "must be base64 (RFC 4648, section 4)")
	}
	return b, nil
}

// orTrue is the value of an optional member whose default is true.
func orTrue(v *bool) bool { return v == nil || *v }

// decodeParams decodes into dst, which holds the zero value. An empty array,
// which some clients write for no params, is an empty object.
func decodeParams[T any](params jsonrpc.Raw, dst *T) error {
	if len(params) >= 2 && params[0] == '[' && len(bytes.TrimSpace(params[1:len(params)-1])) == 0 {
		return nil
	}
	return jsonrpc.DecodeParams(params, dst)
}
