package transport

import (
	"path"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// execute converts the params of session.execute but the session and the
// connection. push says that the connection can be sent notifications.
func (v *converter) execute(p *protocol.Execute, push bool) (r actors.Execute, err error) {
	command, kind, err := protocol.DecodeCommand(p.Command)
	if err != nil {
		return r, err
	}
	defer protocol.ReleaseCommand(command, kind)
	r.Type = kind
	r.Stream = p.Stream && push
	r.Background = p.Background
	r.KillOnDisconnect = p.KillOnDisconnect
	if r.Command, err = v.command(command, r.Stream || r.Background); err != nil {
		return r, err
	}
	r.Note = namesOf(kind, command, r.Command)
	preset := defaultTimeout
	if program, ok := r.Command.(*runtimes.Command); r.Background || ok && program.Terminal != nil {
		preset = 0
	}
	r.Timeout, err = v.timeout(p.TimeoutMs, preset)
	return r, err
}

// namesOf is what the result will repeat: nil for a program, else
// *commandNames.
func namesOf(kind string, wire, domain any) any {
	if _, ok := domain.(*runtimes.Command); ok {
		return nil
	}
	n := &commandNames{kind: kind}
	switch c := domain.(type) {
	case *runtimes.WriteFile:
		n.path = c.Path
	case *runtimes.ReadFile:
		n.path, n.offset, n.length = c.Path, c.Offset, c.Length
		n.encoding = wire.(*protocol.ReadFile).Encoding
	case *runtimes.CreateDirectory:
		n.path = c.Path
	case *runtimes.DeleteFile:
		n.path = c.Path
	case *runtimes.CopyFile:
		n.path, n.destination = c.Source, c.Destination
	case *runtimes.MoveFile:
		n.path, n.destination = c.Source, c.Destination
	case *runtimes.ListDirectory:
		n.path = c.Path
	}
	return n
}

// command converts a decoded command. openInput: a program without stdin gets
// an input that stays open.
func (v *converter) command(command any, openInput bool) (any, error) {
	switch c := command.(type) {
	case *protocol.ExecuteShell:
		return v.shell(c, openInput)
	case *protocol.WriteFile:
		return v.writeFile(c)
	case *protocol.ReadFile:
		return v.readFile(c)
	case *protocol.CreateDirectory:
		p, err := filePath("command.path", c.Path)
		return &runtimes.CreateDirectory{Path: p, Recursive: orTrue(c.Recursive)}, err
	case *protocol.CopyFile:
		from, to, err := filePaths(c.SourcePath, c.DestinationPath)
		return &runtimes.CopyFile{Source: from, Destination: to, Overwrite: orTrue(c.Overwrite), Recursive: c.Recursive}, err
	case *protocol.MoveFile:
		from, to, err := filePaths(c.SourcePath, c.DestinationPath)
		return &runtimes.MoveFile{Source: from, Destination: to, Overwrite: orTrue(c.Overwrite)}, err
	case *protocol.DeleteFile:
		p, err := filePath("command.path", c.Path)
		return &runtimes.DeleteFile{Path: p, Recursive: c.Recursive}, err
	case *protocol.ListDirectory:
		return v.listDirectory(c)
	}
	return nil, paramError("type", "is not among the capabilities of the session's runtime")
}

// filePath takes a path as it is. Its form is the workspace's to judge, whose
// answer is a result: an empty one, a NUL, "..", too long.
func filePath(member string, p *string) (string, error) {
	if p == nil {
		return "", paramError(member, "is required")
	}
	return *p, nil
}

func filePaths(source, destination *string) (from, to string, err error) {
	if from, err = filePath("command.sourcePath", source); err != nil {
		return "", "", err
	}
	to, err = filePath("command.destinationPath", destination)
	return from, to, err
}

func (v *converter) writeFile(c *protocol.WriteFile) (*runtimes.WriteFile, error) {
	p, err := filePath("command.path", c.Path)
	if err != nil {
		return nil, err
	}
	if c.Content == nil {
		return nil, paramError("command.content", "is required")
	}
	content, err := decodeBytes("command.content", *c.Content, c.Encoding, v.policy.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	w := &runtimes.WriteFile{Path: p, Content: content, Executable: c.Executable, Atomic: c.Atomic}
	if c.Mode == protocol.Append {
		if c.Atomic {
			return nil, paramError("command.atomic", "is not for mode Append")
		}
		w.Mode = runtimes.Append
	}
	return w, nil
}

func (v *converter) readFile(c *protocol.ReadFile) (*runtimes.ReadFile, error) {
	p, err := filePath("command.path", c.Path)
	if err != nil {
		return nil, err
	}
	const most = 1<<63 - 1
	offset, err := integer("command.offset", c.Offset, 0, 0, most)
	if err != nil {
		return nil, err
	}
	length, err := integer("command.length", c.Length, 0, 1, most)
	return &runtimes.ReadFile{Path: p, Offset: offset, Length: length}, err
}

func (v *converter) listDirectory(c *protocol.ListDirectory) (*runtimes.ListDirectory, error) {
	l := &runtimes.ListDirectory{Path: ".", Recursive: c.Recursive, Pattern: c.Pattern, SkipHidden: !orTrue(c.IncludeHidden)}
	if c.Path != nil && *c.Path != "" {
		l.Path = *c.Path
	}
	if err := text("command.pattern", c.Pattern, maxPatternBytes); err != nil {
		return nil, err
	}
	if _, err := runtimes.ParsePattern(c.Pattern); err != nil {
		return nil, paramError("command.pattern", "%v", err)
	}
	depth, err := integer("command.maxDepth", c.MaxDepth, 0, 1, 1<<31)
	if err != nil {
		return nil, err
	}
	limit, err := integer("command.limit", c.Limit, runtimes.DefaultListLimit, 1, maxListEntries)
	l.MaxDepth, l.Limit = int(depth), int(limit)
	return l, err
}

// shell converts execute_shell.
func (v *converter) shell(c *protocol.ExecuteShell, openInput bool) (*runtimes.Command, error) {
	name, err := required("command.commandName", c.CommandName, maxPathBytes)
	if err != nil {
		return nil, err
	}
	if err := arguments(c.Args); err != nil {
		return nil, err
	}
	r := &runtimes.Command{Name: name, Args: c.Args}
	if r.Env, err = environment("command.env", c.Env); err != nil {
		return nil, err
	}
	if err := v.input(r, c, openInput); err != nil {
		return nil, err
	}
	if err := v.commandLimits(&r.Limits, c.Limits); err != nil {
		return nil, err
	}
	r.Dir, err = workingDirectory(c.WorkingDirectory)
	return r, err
}

// input converts stdin and pty.
func (v *converter) input(r *runtimes.Command, c *protocol.ExecuteShell, open bool) (err error) {
	if c.PTY != nil {
		if r.Terminal, err = terminal("command.pty.", c.PTY.Cols, c.PTY.Rows); err != nil {
			return err
		}
	}
	if c.Stdin == nil {
		r.OpenStdin = open || r.Terminal != nil
		return nil
	}
	r.Stdin, err = decodeBytes("command.stdin", *c.Stdin, c.StdinEncoding, v.policy.MaxStdinBytes)
	return err
}

func terminal(prefix string, cols, rows *int64) (*runtimes.TerminalSize, error) {
	c, err := integer(prefix+"cols", cols, defaultColumns, 1, maxTerminalSize)
	if err != nil {
		return nil, err
	}
	r, err := integer(prefix+"rows", rows, defaultRows, 1, maxTerminalSize)
	return &runtimes.TerminalSize{Columns: uint16(c), Rows: uint16(r)}, err
}

func (v *converter) commandLimits(r *runtimes.CommandLimits, p *protocol.CommandLimits) error {
	if p == nil {
		return nil
	}
	memory, err := integer("command.limits.memoryMB", p.MemoryMB, 0, 1, v.policy.MaxMemoryMB)
	if err != nil {
		return err
	}
	cpu, err := integer("command.limits.cpuMs", p.CPUMs, 0, 1, v.policy.MaxTimeout.Milliseconds())
	if err != nil {
		return err
	}
	r.MemoryBytes, r.CPU = memory<<20, time.Duration(cpu)*time.Millisecond
	if r.Processes, err = integer("command.limits.processes", p.Processes, 0, 1, v.policy.MaxProcesses); err != nil {
		return err
	}
	stack, err := integer("command.limits.stackMB", p.StackMB, 0, 1, v.policy.MaxMemoryMB)
	if err != nil {
		return err
	}
	r.StackBytes = stack << 20
	r.OutputBytes, err = integer("command.limits.outputBytes", p.OutputBytes, 0, 1, v.policy.MaxOutputBytes)
	return err
}

// arguments checks an argument vector against what the kernel takes.
func arguments(args []string) error {
	if len(args) > maxArgs {
		return paramError("command.args", "must not have more than %d elements", maxArgs)
	}
	total := 0
	for i, arg := range args {
		if len(arg) > maxArgumentBytes || strings.IndexByte(arg, 0) >= 0 {
			return text(indexed("command.args", i), arg, maxArgumentBytes)
		}
		if total += len(arg) + 1; total > maxVectorBytes {
			return paramError("command.args", "must not be larger than %d bytes", maxVectorBytes)
		}
	}
	return nil
}

// workspaceRoot is where programs see the workspace.
const workspaceRoot = "/workspace"

// workingDirectory makes a path relative to the workspace and clean; "" is the
// workspace itself. One that leads out of it stays as it is: the session
// refuses it in its turn.
func workingDirectory(dir string) (string, error) {
	if err := text("command.workingDirectory", dir, maxPathBytes); err != nil {
		return "", err
	}
	if dir == "" {
		return "", nil
	}
	below := dir
	if path.IsAbs(dir) {
		rest, ok := strings.CutPrefix(dir, workspaceRoot)
		if !ok || rest != "" && rest[0] != '/' {
			return dir, nil
		}
		below = strings.TrimLeft(rest, "/")
	}
	if below = path.Clean(below); below == "." {
		return "", nil
	}
	return below, nil
}
