package guest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
	"github.com/codebeaker/codebeaker/runtimes/internal/workspace"
)

// plumbing are the program's ends of its streams, as descriptors: package os
// would ask the kernel about each, and nobody here reads or writes them.
type plumbing struct {
	fds []int
	own []int // those of them that are to be closed
}

// connect makes the program's streams: a terminal or a pipe each, and those of
// its channel.
func (x *execution) connect() (*plumbing, error) {
	connect := x.connectPipes
	if x.spec.Terminal != nil {
		connect = x.connectTerminal
	}
	p, err := connect()
	if err != nil || x.channel == nil {
		return p, err
	}
	if err := x.connectChannel(p); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (x *execution) connectPipes() (*plumbing, error) {
	p := &plumbing{fds: make([]int, 3)}
	if err := x.connectInput(p); err != nil {
		return nil, err
	}
	for i, stream := range []uint8{streamStdout, streamStderr} {
		ours, theirs, err := pipe()
		if err != nil {
			p.close()
			return nil, err
		}
		p.take(i+1, theirs)
		x.outputs = append(x.outputs, &output{x: x, stream: stream, file: ours, credit: x.credit})
	}
	return p, nil
}

// channel is the pair of streams that a program has beside its standard ones.
type channel struct {
	input  *input
	credit *credit // of its output
}

// Where a program finds its channel, and the first descriptor beyond: between
// fork and exec those below are overwritten.
const (
	channelRead = iota + 3
	channelWrite
	firstFree
)

func (x *execution) connectChannel(p *plumbing) error {
	p.fds = append(p.fds, 0, 0)
	read, ours, err := inputPipe()
	if err != nil {
		return err
	}
	x.channel.input.file = ours
	if err := p.takeFree(channelRead, read); err != nil {
		return err
	}
	answers, write, err := pipe()
	if err != nil {
		return err
	}
	x.outputs = append(x.outputs, &output{x: x, stream: frame.StreamChannel, file: answers, credit: x.channel.credit})
	return p.takeFree(channelWrite, write)
}

// takeFree is take for a descriptor that is not to be overwritten.
func (p *plumbing) takeFree(at, fd int) error {
	free, err := aboveChannel(fd)
	if err == nil {
		p.take(at, free)
	}
	return err
}

// aboveChannel moves a descriptor to where it is in nobody's way.
func aboveChannel(fd int) (int, error) {
	if fd >= firstFree {
		return fd, nil
	}
	free, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, firstFree)
	unix.Close(fd)
	return free, err
}

// connectInput makes standard input a pipe; the null device where nothing will
// be written to it.
func (x *execution) connectInput(p *plumbing) error {
	if x.input == nil && x.agent.null >= 0 {
		p.fds[0] = x.agent.null
		return nil
	}
	read, ours, err := inputPipe()
	if err != nil {
		return err
	}
	p.take(0, read)
	if x.input == nil {
		return ours.Close()
	}
	x.input.file = ours
	return nil
}

// inputPipe makes a pipe whose reading end, the program's, blocks and whose
// writing end does not.
func inputPipe() (theirs int, ours *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, err
	}
	unix.SetNonblock(fds[1], true)
	return fds[0], os.NewFile(uintptr(fds[1]), "input"), nil
}

// pipe makes a pipe whose reading end does not block and whose writing end,
// the program's, does.
func pipe() (ours *os.File, theirs int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		return nil, 0, err
	}
	unix.FcntlInt(uintptr(fds[1]), unix.F_SETFL, 0)
	return os.NewFile(uintptr(fds[0]), "output"), fds[1], nil
}

// take makes a descriptor one of the program's, to be closed here.
func (p *plumbing) take(at, fd int) {
	p.fds[at] = fd
	p.own = append(p.own, fd)
}

// close closes the program's ends. The agent has no use for them once the
// program is forked, and would never read end of file with one open.
func (p *plumbing) close() {
	for _, fd := range p.own {
		unix.Close(fd)
	}
}

// reserve allocates a part of a file that the server has opened. What it takes is
// charged to the control group of this process: the kernel charges whoever first
// touches a page of a tmpfs, and goes by the process, not by its thread.
func (a *agent) reserve(number uint32, payload []byte) error {
	if len(payload) != 16 {
		return fmt.Errorf("a Reserve of %d bytes", len(payload))
	}
	offset, length := int64(binary.LittleEndian.Uint64(payload)), int64(binary.LittleEndian.Uint64(payload[8:]))
	files, err := a.conn.take(1)
	if err != nil {
		return err
	}
	go func() { // it may take a while
		failure, _ := workspace.Reserve(files[0], offset, length).(unix.Errno)
		files[0].Close()
		a.conn.send(frame.Header{Kind: frame.KindReserved, Execution: number}, binary.LittleEndian.AppendUint32(nil, uint32(failure)))
	}()
	return nil
}

// fileCalls runs file commands for a server that does not see the
// workspace. The server asks for one at a time.
type fileCalls struct {
	conn *conn
	tree *workspace.Tree

	// The call whose content is arriving; the goroutine that reads frames has
	// it to itself.
	number  uint32
	call    frame.FileCall
	content []byte
}

// maxContent bounds the content of one call, in bytes: beyond what any server
// lets a client write at once.
const maxContent = 64 << 20

func openFiles(c *conn, dir string) (*fileCalls, error) {
	tree, err := workspace.OpenTree(dir, workspace.TreeOptions{})
	if err != nil {
		return nil, err
	}
	return &fileCalls{conn: c, tree: tree}, nil
}

// take takes a FileCall or Body frame and starts the command once it is whole.
func (f *fileCalls) take(h frame.Header, payload []byte) error {
	if f == nil {
		return errors.New("this agent has no file commands")
	}
	if h.Kind == frame.KindFileCall {
		f.number, f.call, f.content = h.Execution, frame.FileCall{}, nil
		return json.Unmarshal(payload, &f.call)
	}
	if h.Execution != f.number {
		return errors.New("the content is of another call")
	}
	if len(f.content)+len(payload) > maxContent {
		return errors.New("the content is too long")
	}
	f.content = append(f.content, payload...)
	if len(payload) == 0 {
		go f.carryOut(f.number, f.call, f.content)
		f.number, f.content = 0, nil
	}
	return nil
}

func (f *fileCalls) carryOut(number uint32, call frame.FileCall, content []byte) {
	reply, body := f.do(call, content)
	payload, err := json.Marshal(reply)
	if err != nil {
		payload, body = []byte(`{"Message":"the answer cannot be encoded"}`), nil
	}
	f.conn.send(frame.Header{Kind: frame.KindFileReply, Execution: number}, payload)
	for {
		n := min(len(body), frame.MaxData)
		f.conn.send(frame.Header{Kind: frame.KindBody, Execution: number}, body[:n])
		if n == 0 {
			return
		}
		body = body[n:]
	}
}

// do runs one command.
func (f *fileCalls) do(call frame.FileCall, content []byte) (reply frame.FileReply, body []byte) {
	ctx := context.Background()
	command, known := map[string]func() error{
		"WriteFile": with(call, func(cmd runtimes.WriteFile) (err error) {
			cmd.Content = content
			reply.Bytes, err = f.tree.WriteFile(ctx, cmd)
			return err
		}),
		"ReadFile": with(call, func(cmd runtimes.ReadFile) error {
			found, err := f.tree.ReadFile(ctx, cmd)
			reply.Bytes, reply.Truncated, body = found.Size, found.Truncated, found.Content
			return err
		}),
		"CreateDirectory": with(call, func(cmd runtimes.CreateDirectory) error { return f.tree.CreateDirectory(ctx, cmd) }),
		"CopyFile": with(call, func(cmd runtimes.CopyFile) (err error) {
			reply.Bytes, err = f.tree.CopyFile(ctx, cmd)
			reply.Second = about(err, cmd.Source, cmd.Destination)
			return err
		}),
		"MoveFile": with(call, func(cmd runtimes.MoveFile) error {
			err := f.tree.MoveFile(ctx, cmd)
			reply.Second = about(err, cmd.Source, cmd.Destination)
			return err
		}),
		"DeleteFile": with(call, func(cmd runtimes.DeleteFile) error { return f.tree.DeleteFile(ctx, cmd) }),
		"ListDirectory": with(call, func(cmd runtimes.ListDirectory) error {
			found, err := f.tree.ListDirectory(ctx, cmd)
			reply.Truncated, body = found.Truncated, encodeEntries(found.Entries)
			return err
		}),
	}[call.Command]
	if !known {
		return frame.FileReply{Message: fmt.Sprintf("there is no file command %q", call.Command)}, nil
	}
	if err := command(); err != nil {
		reply.Message = err.Error()
		var fileErr *runtimes.FileError
		if errors.As(err, &fileErr) {
			reply.Code, reply.Message = string(fileErr.Code), fileErr.Message
		}
		return reply, nil
	}
	return reply, body
}

// with decodes the arguments of a command.
func with[T any](call frame.FileCall, do func(T) error) func() error {
	return func() error {
		var arguments T
		if err := json.Unmarshal(call.Arguments, &arguments); err != nil {
			return err
		}
		if command, ok := any(&arguments).(runtimes.FileCommand); ok && call.Paths != nil {
			paths := runtimes.PathsOf(command)
			if len(paths) != len(call.Paths) {
				return fmt.Errorf("%d paths, not %d", len(call.Paths), len(paths))
			}
			for i, p := range paths {
				*p = string(call.Paths[i])
			}
		}
		return do(arguments)
	}
}

// about reports whether a command's error is about its destination.
func about(err error, source, destination string) bool {
	var fileErr *runtimes.FileError
	return errors.As(err, &fileErr) && fileErr.Path == destination && source != destination
}

func encodeEntries(entries []runtimes.Entry) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	for _, e := range entries {
		_ = encoder.Encode(frame.FileEntry{ // into memory, of plain types
			Name: []byte(e.Name), Path: []byte(e.Path), Type: string(e.Type),
			Size: e.Size, Mode: e.Mode, ModifiedAt: e.ModifiedAt,
		})
	}
	return b.Bytes()
}
