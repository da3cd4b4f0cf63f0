package protocol

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/codebeaker/codebeaker/transport/jsonrpc"
)

func TestTypesAndTheirAliasesAreFoundInAnyCase(t *testing.T) {
	for word, canonical := range map[string]string{
		"write_file": TypeWriteFile, "read_file": TypeReadFile, "execute_shell": TypeExecuteShell, "shell": TypeExecuteShell,
		"create_directory": TypeCreateDirectory, "create_dir": TypeCreateDirectory, "copy_file": TypeCopyFile, "move_file": TypeMoveFile,
		"delete_file": TypeDeleteFile, "list_directory": TypeListDirectory, "list_files": TypeListDirectory,
		"execute_code": TypeExecuteCode, "execute": TypeExecuteCode, "install_packages": TypeInstallPackages, "SHELL": TypeExecuteShell,
	} {
		if k := FindCommand(word); k == nil || k.Type != canonical {
			t.Errorf("%s: %v", word, k)
		}
	}
	if FindCommand("") != nil || FindCommand("write-file") != nil {
		t.Error("found what is none")
	}
}

func TestTheTypeIsReadWhereverItStands(t *testing.T) {
	for _, raw := range []string{
		`{"type":"delete_file","path":"a"}`,
		`{ "type" : "delete_file" , "path" : "a" }`,
		`{"path":"a","type":"delete_file"}`,
		`{"path":"a","type":"delete\u005ffile"}`,
		`{"type":"delete\u005ffile","path":"a"}`,
		`{"x":{"type":"read_file"},"path":"a","type":"delete_file"}`,
	} {
		c, kind, err := DecodeCommand(jsonrpc.Raw(raw))
		if d, ok := c.(*DeleteFile); !ok || err != nil || kind != TypeDeleteFile || *d.Path != "a" {
			t.Errorf("%s: %v %v", raw, c, err)
		}
	}
}

func TestWhatAnotherTypeCallsItsMemberIsIgnored(t *testing.T) {
	c, _, err := DecodeCommand(jsonrpc.Raw(`{"type":"read_file","path":"a","args":7,"commandName":[],"Path":9}`))
	if r, ok := c.(*ReadFile); !ok || err != nil || *r.Path != "a" {
		t.Errorf("%v %v", c, err)
	}
}

func TestCommandsOfAClientAreReadAsTheyWereMeant(t *testing.T) {
	path, content, yes, n := "a <b>", "x\u2028&", true, int64(5)
	for kind, command := range map[string]any{
		TypeWriteFile:     &WriteFile{Path: &path, Content: &content, Encoding: UTF8, Mode: Append, Executable: new(true)},
		TypeListDirectory: &ListDirectory{Path: &path, IncludeHidden: &yes, Limit: &n},
		TypeExecuteShell:  &ExecuteShell{CommandName: &path, Args: []string{"", "b"}, PTY: &PTY{Cols: &n}},
		TypeDeleteFile:    &DeleteFile{},
	} {
		raw, err := EncodeCommand(kind, command)
		if err != nil || !json.Valid(raw) {
			t.Fatalf("%s: %v", raw, err)
		}
		got, canonical, err := DecodeCommand(raw)
		if err != nil || canonical != kind || !reflect.DeepEqual(got, command) {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, k := range Commands() {
		f.Add([]byte(`{"type":"` + k.Type + `","path":"a","commandName":"x","args":["b"],"mode":1,"limits":{"cpuMs":5}}`))
	}
	f.Add([]byte(`{"type":"shell","command":"x","commandName":"y"}`))
	f.Add([]byte(`{"type":"`))
	f.Add([]byte(` null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return // the envelope has refused it
		}
		c, kind, err := DecodeCommand(raw)
		if err != nil {
			if e := jsonrpc.AsParamError(err); e == nil || e.Member == "" || e.Reason == "" {
				t.Errorf("%q: %v names no member", raw, err)
			}
			return
		}
		if c == nil || FindCommand(kind) == nil {
			t.Errorf("%q: %v %q", raw, c, kind)
		}
	})
}
