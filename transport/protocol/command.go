package protocol

import (
	"bytes"
	"reflect"
	"strings"
	"sync"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

// The canonical types of commands.
const (
	TypeWriteFile       = "write_file"
	TypeReadFile        = "read_file"
	TypeExecuteShell    = "execute_shell"
	TypeCreateDirectory = "create_directory"
	TypeCopyFile        = "copy_file"
	TypeMoveFile        = "move_file"
	TypeDeleteFile      = "delete_file"
	TypeListDirectory   = "list_directory"
	TypeExecuteCode     = "execute_code"
	TypeInstallPackages = "install_packages"
)

// CommandKind is one type of command.
type CommandKind struct {
	Type    string
	Aliases []string
	Summary string

	params       any // zero value of the Go type
	result       any
	decode       func(raw jsonrpc.Raw) (any, error)
	release      func(command any)
	decodeResult func(raw jsonrpc.Raw) (any, error)
}

var commandKinds = []CommandKind{
	kind[WriteFile, FileWritten](TypeWriteFile, "Writes a file and makes the directories above it."),
	kind[ReadFile, FileContent](TypeReadFile, "Reads a file or a part of it."),
	kind[ExecuteShell, ProcessResult](TypeExecuteShell, "Runs a program with an argument vector.", "shell"),
	kind[CreateDirectory, PathResult](TypeCreateDirectory, "Makes a directory.", "create_dir"),
	kind[CopyFile, FileCopied](TypeCopyFile, "Copies a file or a directory."),
	kind[MoveFile, FileMoved](TypeMoveFile, "Renames a file or a directory."),
	kind[DeleteFile, PathResult](TypeDeleteFile, "Removes a file or a directory."),
	kind[ListDirectory, Listing](TypeListDirectory, "Lists a directory.", "list_files"),
	kind[ExecuteCode, CodeResult](TypeExecuteCode, "Runs code in the session's language; variables live on.", "execute"),
	kind[InstallPackages, ProcessResult](TypeInstallPackages, "Installs packages of the session's language."),
}

// commandIndex finds a kind by its exact type or alias.
var commandIndex = func() map[string]*CommandKind {
	index := make(map[string]*CommandKind)
	for i := range commandKinds {
		k := &commandKinds[i]
		index[k.Type] = k
		for _, alias := range k.Aliases {
			index[alias] = k
		}
	}
	return index
}()

// Commands returns every type of command in the order of the documents. The
// caller must not change the slice.
func Commands() []CommandKind { return commandKinds }

// aliased is a command with aliases among its members.
type aliased interface{ mergeAliases() *jsonrpc.ParamError }

func kind[T, R any](name, summary string, aliases ...string) CommandKind {
	var params T
	var result R
	pool := sync.Pool{New: func() any { return new(T) }}
	return CommandKind{Type: name, Aliases: aliases, Summary: summary, params: params, result: result,
		decodeResult: func(raw jsonrpc.Raw) (any, error) {
			r := new(R)
			return r, jsonrpc.DecodeResult(raw, r)
		},
		decode: func(raw jsonrpc.Raw) (any, error) {
			c := pool.Get().(*T)
			if err := jsonrpc.DecodeParams(raw, c); err != nil {
				return nil, err
			}
			if s, ok := any(c).(aliased); ok {
				if err := s.mergeAliases(); err != nil {
					return nil, err
				}
			}
			return c, nil
		},
		release: func(command any) {
			c := command.(*T)
			*c = *new(T)
			pool.Put(c)
		}}
}

// commandHead is what all commands have.
type commandHead struct {
	Type *string `json:"type"`
}

// DecodeCommand decodes the member command of session.execute: a pointer to
// WriteFile, ReadFile, ExecuteShell, ... with aliases resolved, and the
// canonical type. An error is a *jsonrpc.ParamError whose member is a path
// that begins with command, or "type" where the type itself is wrong.
func DecodeCommand(raw jsonrpc.Raw) (command any, canonical string, err error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] == 'n' {
		return nil, "", &jsonrpc.ParamError{Member: "command", Reason: "is required"}
	}
	if raw[0] != '{' {
		return nil, "", &jsonrpc.ParamError{Member: "command", Reason: "must be an object"}
	}
	kind, err := kindOf(raw)
	if err != nil {
		return nil, "", err
	}
	if command, err = kind.decode(raw); err != nil {
		return nil, "", within("command", err)
	}
	return command, kind.Type, nil
}

// ReleaseCommand takes back what DecodeCommand returned, for the next to use.
// What it referred to, its strings and slices, may be kept.
func ReleaseCommand(command any, canonical string) { commandIndex[canonical].release(command) }

// within puts a member in front of the path in a ParamError.
func within(member string, err error) error {
	e := jsonrpc.AsParamError(err)
	if e == nil {
		return err
	}
	moved := *e
	moved.Member = strings.TrimSuffix(member+"."+e.Member, ".")
	return &moved
}

func kindOf(raw jsonrpc.Raw) (*CommandKind, error) {
	word, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if k := commandIndex[string(word)]; k != nil { // without an allocation
		return k, nil
	}
	if k := FindCommand(string(word)); k != nil {
		return k, nil
	}
	return nil, &jsonrpc.ParamError{Member: "type", Reason: "must be one of " + strings.Join(commandTypes(), ", ")}
}

// typeOf reads the type without decoding the rest where it is the first
// member, as it nearly always is: a command may hold megabytes of content.
func typeOf(raw jsonrpc.Raw) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(raw, []byte(`{"type":"`)); ok {
		if end := bytes.IndexAny(rest, `"\`); end >= 0 && rest[end] == '"' {
			return rest[:end], nil
		}
	}
	var head commandHead
	if err := jsonrpc.DecodeParams(raw, &head); err != nil || head.Type == nil {
		reason := "is required"
		if err != nil {
			reason = "must be a string"
		}
		return nil, &jsonrpc.ParamError{Member: "type", Reason: reason}
	}
	return []byte(*head.Type), nil
}

// FindCommand returns the kind with that type or alias, without regard to
// case, or nil.
func FindCommand(word string) *CommandKind {
	for i := range commandKinds {
		k := &commandKinds[i]
		if strings.EqualFold(k.Type, word) {
			return k
		}
		for _, alias := range k.Aliases {
			if strings.EqualFold(alias, word) {
				return k
			}
		}
	}
	return nil
}

func commandTypes() []string {
	types := make([]string, len(commandKinds))
	for i := range commandKinds {
		types[i] = commandKinds[i].Type
	}
	return types
}

// EncodeCommand returns a command of this package as the member command, with
// its type in front. It is for clients.
// Errors: the command is none of this package, or cannot be encoded.
func EncodeCommand(canonical string, command any) (jsonrpc.Raw, error) {
	head := []byte(`{"type":"` + canonical + `"`)
	raw, err := jsonrpc.AppendValue(head, command)
	if err != nil {
		return nil, err
	}
	raw[len(head)] = ',' // in place of the brace
	if len(raw) == len(head)+len(`{}`) {
		return append(head, '}'), nil
	}
	return raw, nil
}

// CommandOf returns the kind of a command of this package, given as a pointer,
// or nil.
func CommandOf(command any) *CommandKind {
	t := reflect.TypeOf(command)
	if t == nil || t.Kind() != reflect.Pointer {
		return nil
	}
	for i := range commandKinds {
		if reflect.TypeOf(commandKinds[i].params) == t.Elem() {
			return &commandKinds[i]
		}
	}
	return nil
}

// DecodeResult decodes the member result of a session.execute of this kind: a
// pointer to ProcessResult, FileContent, ..., nil for null. It is for clients.
func (k *CommandKind) DecodeResult(raw jsonrpc.Raw) (any, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] == 'n' {
		return nil, nil
	}
	return k.decodeResult(raw)
}

// WriteFile is the command write_file.
type WriteFile struct {
	Path         *string   `json:"path,omitempty" rpc:"required" doc:"file to write"`
	PathEncoding Encoding  `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of path: base64 for names that are not UTF-8"`
	Content      *string   `json:"content,omitempty" rpc:"required" doc:"what to write"`
	Encoding     Encoding  `json:"encoding,omitempty" default:"\"utf8\"" doc:"encoding of content"`
	Mode         WriteMode `json:"mode,omitempty" default:"\"Create\"" doc:"Create and Overwrite are synonyms: create, or overwrite in place once the space is reserved; Append is rolled back when space runs out"`
	Executable   *bool     `json:"executable,omitempty" doc:"true lets those run the file who may read it, false nobody; absent changes nothing, and a new file is plain"`
	Atomic       bool      `json:"atomic,omitempty" default:"false" doc:"replace the file by a rename, so that a reader sees the old content or the new: the mode is kept, other hard links keep the old content; not with Append"`
}

// ReadFile is the command read_file.
type ReadFile struct {
	Path         *string  `json:"path,omitempty" rpc:"required" doc:"file to read"`
	PathEncoding Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of path: base64 for names that are not UTF-8"`
	Encoding     Encoding `json:"encoding,omitempty" default:"\"utf8\"" doc:"wanted encoding of content; what is not UTF-8, or would more than double by its escapes, comes as base64"`
	Offset       *int64   `json:"offset,omitempty" default:"0" min:"0" doc:"first byte"`
	Length       *int64   `json:"length,omitempty" min:"1" doc:"bytes to read, to the end when absent; at most 8 MiB, and what fits into maxMessageBytes"`
}

// CreateDirectory is the command create_directory.
type CreateDirectory struct {
	Path         *string  `json:"path,omitempty" rpc:"required" doc:"directory to make"`
	PathEncoding Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of path: base64 for names that are not UTF-8"`
	Recursive    *bool    `json:"recursive,omitempty" default:"true" doc:"make those above it too, and do not mind one that is there"`
}

// CopyFile is the command copy_file.
type CopyFile struct {
	SourcePath      *string  `json:"sourcePath,omitempty" rpc:"required" doc:"what to copy"`
	Source          *string  `json:"source,omitempty" alias:"sourcePath"`
	DestinationPath *string  `json:"destinationPath,omitempty" rpc:"required" doc:"name of the copy"`
	Destination     *string  `json:"destination,omitempty" alias:"destinationPath"`
	PathEncoding    Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of both paths: base64 for names that are not UTF-8"`
	Overwrite       *bool    `json:"overwrite,omitempty" default:"true" doc:"replace what is there"`
	Recursive       bool     `json:"recursive,omitempty" default:"false" doc:"copy a directory with what is in it"`
}

func (c *CopyFile) mergeAliases() *jsonrpc.ParamError {
	return firstOf(
		merge("sourcePath", &c.SourcePath, "source", &c.Source),
		merge("destinationPath", &c.DestinationPath, "destination", &c.Destination))
}

// MoveFile is the command move_file.
type MoveFile struct {
	SourcePath      *string  `json:"sourcePath,omitempty" rpc:"required" doc:"what to rename"`
	Source          *string  `json:"source,omitempty" alias:"sourcePath"`
	DestinationPath *string  `json:"destinationPath,omitempty" rpc:"required" doc:"its new name"`
	Destination     *string  `json:"destination,omitempty" alias:"destinationPath"`
	PathEncoding    Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of both paths: base64 for names that are not UTF-8"`
	Overwrite       *bool    `json:"overwrite,omitempty" default:"true" doc:"replace what is there"`
}

func (c *MoveFile) mergeAliases() *jsonrpc.ParamError {
	return firstOf(
		merge("sourcePath", &c.SourcePath, "source", &c.Source),
		merge("destinationPath", &c.DestinationPath, "destination", &c.Destination))
}

// DeleteFile is the command delete_file.
type DeleteFile struct {
	Path         *string  `json:"path,omitempty" rpc:"required" doc:"what to remove"`
	PathEncoding Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of path: base64 for names that are not UTF-8"`
	Recursive    bool     `json:"recursive,omitempty" default:"false" doc:"remove a directory with what is in it"`
}

// ListDirectory is the command list_directory.
type ListDirectory struct {
	Path               *string  `json:"path,omitempty" default:"\".\"" doc:"directory to list"`
	PathEncoding       Encoding `json:"pathEncoding,omitempty" default:"\"utf8\"" doc:"encoding of path: base64 for names that are not UTF-8"`
	Recursive          bool     `json:"recursive,omitempty" default:"false" doc:"list what is below it too; links are not followed"`
	Pattern            string   `json:"pattern,omitempty" doc:"glob with **, {a,b} and [a-z]; without a slash on the name, at any depth of a recursive listing; with one on the path below the listed directory, as deep as it says; all when absent"`
	IncludeHidden      *bool    `json:"includeHidden,omitempty" default:"true" doc:"list names that begin with a dot"`
	IncludeHiddenAlias *bool    `json:"include_hidden,omitempty" alias:"includeHidden"`
	MaxDepth           *int64   `json:"maxDepth,omitempty" min:"1" doc:"levels of a recursive listing; all when absent"`
	MaxDepthAlias      *int64   `json:"max_depth,omitempty" alias:"maxDepth"`
	Limit              *int64   `json:"limit,omitempty" default:"10000" min:"1" max:"100000" doc:"entries in the answer"`
}

func (c *ListDirectory) mergeAliases() *jsonrpc.ParamError {
	return firstOf(
		merge("includeHidden", &c.IncludeHidden, "include_hidden", &c.IncludeHiddenAlias),
		merge("maxDepth", &c.MaxDepth, "max_depth", &c.MaxDepthAlias))
}

// FileWritten is the result of write_file.
type FileWritten struct {
	Path  string `json:"path" doc:"path that was given"`
	Bytes int64  `json:"bytes" doc:"bytes written"`
}

// FileContent is the result of read_file.
type FileContent struct {
	Path      string `json:"path" doc:"path that was given"`
	Content   string `json:"content" doc:"what was read"`
	Encoding  string `json:"encoding" doc:"utf8 or base64, of content"`
	Size      int64  `json:"size" doc:"bytes of the whole file"`
	Truncated bool   `json:"truncated" doc:"the file, or the part that length asked for, goes on: read on behind the bytes of content"`
}

// PathResult is the result of create_directory and delete_file.
type PathResult struct {
	Path string `json:"path" doc:"path that was given"`
}

// FileCopied is the result of copy_file.
type FileCopied struct {
	SourcePath      string `json:"sourcePath" doc:"path that was given"`
	DestinationPath string `json:"destinationPath" doc:"path that was given"`
	Bytes           int64  `json:"bytes" doc:"bytes copied"`
}

// FileMoved is the result of move_file.
type FileMoved struct {
	SourcePath      string `json:"sourcePath" doc:"path that was given"`
	DestinationPath string `json:"destinationPath" doc:"path that was given"`
}

// Listing is the result of list_directory.
type Listing struct {
	Path      string  `json:"path" doc:"path that was given"`
	Entries   []Entry `json:"entries" doc:"in the order of names"`
	Truncated bool    `json:"truncated" doc:"there are more: the limit was reached, or what fits into maxMessageBytes"`
}

// Entry is one name of a Listing.
type Entry struct {
	Name         string `json:"name" doc:"last element of path"`
	Path         string `json:"path" doc:"relative to the workspace"`
	NameEncoding string `json:"nameEncoding,omitempty" doc:"base64 where name and path are not UTF-8 and come in that; pathEncoding takes them so"`
	Type         string `json:"type" doc:"file, directory, symlink or other"`
	Size         int64  `json:"size" doc:"bytes, of files"`
	Mode         string `json:"mode" doc:"permission bits in octal: 0644"`
	ModifiedAt   string `json:"modifiedAt" doc:"RFC 3339, UTC"`
}

// merge moves an alias into its canonical member. Both may be given when they
// agree.
func merge[T comparable](name string, canonical **T, alias string, other **T) *jsonrpc.ParamError {
	if *other == nil {
		return nil
	}
	if *canonical != nil && **canonical != **other {
		return &jsonrpc.ParamError{Member: alias, Reason: "contradicts " + name + ", of which it is another name"}
	}
	*canonical, *other = *other, nil
	return nil
}

func firstOf(errs ...*jsonrpc.ParamError) *jsonrpc.ParamError {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecuteShell is the command execute_shell.
type ExecuteShell struct {
	CommandName      *string           `json:"commandName,omitempty" rpc:"required" doc:"program: a name found on PATH, or a path"`
	CommandAlias     *string           `json:"command,omitempty" alias:"commandName"`
	Args             []string          `json:"args,omitempty" doc:"arguments; a shell line is commandName sh with -c"`
	WorkingDirectory string            `json:"workingDirectory,omitempty" default:"\"/workspace\"" doc:"where it starts"`
	Env              map[string]string `json:"env,omitempty" doc:"variables besides the session's"`
	Stdin            *string           `json:"stdin,omitempty" doc:"its standard input; without it, end of file, or with stream, background or pty an input that stays open until execution.input with eof"`
	StdinEncoding    Encoding          `json:"stdinEncoding,omitempty" default:"\"utf8\"" doc:"encoding of stdin"`
	Limits           *CommandLimits    `json:"limits,omitempty" doc:"limits of this command alone"`
	PTY              *PTY              `json:"pty,omitempty" doc:"give it a terminal of that size"`
}

func (c *ExecuteShell) mergeAliases() *jsonrpc.ParamError {
	return merge("commandName", &c.CommandName, "command", &c.CommandAlias)
}

// CommandLimits bound one command.
type CommandLimits struct {
	MemoryMB    *int64 `json:"memoryMB,omitempty" min:"1" doc:"memory of all its processes together"`
	CPUMs       *int64 `json:"cpuMs,omitempty" min:"1" doc:"processor time of all its processes together"`
	Processes   *int64 `json:"processes,omitempty" min:"1" doc:"processes and threads at one time"`
	OutputBytes *int64 `json:"outputBytes,omitempty" min:"1" doc:"bytes written to all streams together"`
	StackMB     *int64 `json:"stackMB,omitempty" min:"1" doc:"how far the stack of a process may grow; see docs/runtimes.md for the default"`
}

// PTY is the size of a terminal.
type PTY struct {
	Cols *int64 `json:"cols,omitempty" default:"80" min:"1" max:"1000" doc:"width in characters"`
	Rows *int64 `json:"rows,omitempty" default:"24" min:"1" max:"1000" doc:"height in characters"`
}

// ExecuteCode is the command execute_code.
type ExecuteCode struct {
	Code     *string  `json:"code,omitempty" rpc:"required" doc:"what to run"`
	Language string   `json:"language,omitempty" doc:"another language than the session's that its kernels run: typescript beside javascript"`
	Context  *string  `json:"context,omitempty" default:"\"default\"" doc:"whose variables it sees: a name of 1 to 64 letters, digits, '.', '_' and '-'; a new name makes a context, of which a session has 8 at most"`
	Stdin    *string  `json:"stdin,omitempty" doc:"its standard input; without it, end of file, but with stream or background it stays open for execution.input"`
	Timeout  *float64 `json:"timeout,omitempty" doc:"seconds from its start to its end, in place of timeoutMs; the code is then interrupted, and its context keeps its variables where the language allows"`
	Reset    bool     `json:"reset,omitempty" default:"false" doc:"forget all variables of the context first"`
}

// InstallPackages is the command install_packages.
type InstallPackages struct {
	Packages              []string `json:"packages,omitempty" doc:"names, with versions as the tool writes them"`
	RequirementsFile      *string  `json:"requirementsFile,omitempty" doc:"file that lists packages"`
	RequirementsFileAlias *string  `json:"requirements_file,omitempty" alias:"requirementsFile"`
	Flags                 []string `json:"flags,omitempty" doc:"flags of the tool"`
}

func (c *InstallPackages) mergeAliases() *jsonrpc.ParamError {
	return merge("requirementsFile", &c.RequirementsFile, "requirements_file", &c.RequirementsFileAlias)
}

// ProcessResult is what a program did.
type ProcessResult struct {
	ExitCode        *int   `json:"exitCode" doc:"what the kernel said, null when it did not exit by itself"`
	Signal          string `json:"signal,omitempty" doc:"name of the signal that ended it"`
	Status          string `json:"status" doc:"Completed, NonZeroExit, Exception (of a cell), Signalled, TimeLimitExceeded, MemoryLimitExceeded, OutputLimitExceeded, Cancelled, EnvironmentLost or CouldNotStart"`
	Stdout          string `json:"stdout" doc:"its standard output, or that of its terminal: all of it, or the first three quarters and the last of what fits into maxMessageBytes, 1 MiB at most"`
	StdoutEncoding  string `json:"stdoutEncoding,omitempty" doc:"base64 when stdout is not UTF-8, or its escapes would more than double it"`
	Stderr          string `json:"stderr" doc:"its standard error, likewise"`
	StderrEncoding  string `json:"stderrEncoding,omitempty" doc:"base64 when stderr is not UTF-8, or its escapes would more than double it"`
	StdoutTruncated bool   `json:"stdoutTruncated" doc:"there was more"`
	StderrTruncated bool   `json:"stderrTruncated" doc:"there was more"`

	StdoutOmittedBytes int64 `json:"stdoutOmittedBytes,omitempty" doc:"bytes between the two parts of stdout"`
	StderrOmittedBytes int64 `json:"stderrOmittedBytes,omitempty" doc:"bytes between the two parts of stderr"`

	LimitsHit []string `json:"limitsHit,omitempty" doc:"limits that were reached and did not end it: processes, where control groups tell"`

	EndedProcesses []EndedProcess `json:"endedProcesses,omitempty" doc:"what it had started and left behind when it ended by itself, and that was then killed; at most 16"`

	Usage Usage `json:"usage" doc:"what it and its tree used"`
}

// EndedProcess is a process that was killed at the end of the program that had
// started it.
type EndedProcess struct {
	PID  int    `json:"pid" doc:"its number in the session"`
	Name string `json:"name" doc:"name of its file, cut to 15 bytes"`
}

// Usage is what a program and its tree used; a nil member is not known.
type Usage struct {
	WallMs          *int64 `json:"wallMs" doc:"time from start to end"`
	CPUMs           *int64 `json:"cpuMs" doc:"processor time"`
	PeakMemoryBytes *int64 `json:"peakMemoryBytes" doc:"most memory that its processes held at one time, without page cache"`
}

// CodeResult is the result of execute_code.
type CodeResult struct {
	ProcessResult
	Value          string     `json:"value,omitempty" doc:"text of the last expression's value; absent when there is none"`
	ValueTruncated bool       `json:"valueTruncated,omitempty" doc:"there was more of it than 64 KiB"`
	Displays       []Display  `json:"displays" doc:"what the code showed, oldest first; the value's own, with main, is the last"`
	Omitted        int        `json:"displaysOmitted,omitempty" doc:"displays that did not fit into the reply, or exceeded 64 or 16 MiB of one execution, as far as they were counted; with stream those that fit are sent"`
	Exception      *Exception `json:"exception,omitempty" doc:"exception that ended it"`
	Kernel         string     `json:"kernel,omitempty" doc:"kept: the context has its variables; restarted: it began anew, and they are lost"`
}

// Display is something that code showed, in one or more forms.
type Display struct {
	Data      map[string]string `json:"data" doc:"text, or base64, by MIME type"`
	Encoding  map[string]string `json:"encoding,omitempty" doc:"base64 for each type whose data is that"`
	Main      bool              `json:"main,omitempty" doc:"it is the value of the last expression"`
	Truncated bool              `json:"truncated,omitempty" doc:"a form of it was left out: larger than 4 MiB, or than the message"`
	At        Place             `json:"at" doc:"where it stands in the output"`
}

// Place is a place in the output of an execution.
type Place struct {
	Stdout int64 `json:"stdout" doc:"bytes of the standard output before it"`
	Stderr int64 `json:"stderr" doc:"bytes of the standard error before it"`
}

// Exception is what code threw.
type Exception struct {
	Name      string `json:"name" doc:"its class"`
	Message   string `json:"message" doc:"its message"`
	Traceback string `json:"traceback" doc:"where it was thrown"`
}
