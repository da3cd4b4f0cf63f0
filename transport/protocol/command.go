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

// settler is a command with aliases among its members.
type settler interface{ settle() *jsonrpc.ParamError }

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
			if s, ok := any(c).(settler); ok {
				if err := s.settle(); err != nil {
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
