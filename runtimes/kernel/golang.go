package kernel

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/gocell"
)

func init() { engines[runtimes.Go] = golang }

// golang is the engine of Go: each cell is compiled, and declarations stay.
func golang(t runtimes.Type, l runtimes.Language, _ map[string]string) (Engine, bool) {
	if t != runtimes.Native && t != runtimes.Docker {
		return Engine{}, false
	}
	return Engine{
		Language: l, Languages: []runtimes.Language{l},
		compiler: func() compiler { return &goCompiler{name: rand.Text()} },
	}, true
}

// goCompiler compiles the cells of one context. Its files are in a directory of the
// session's own; to the go command they are in the workspace (by an overlay), so
// that a cell imports what the module there does, and embeds its files.
type goCompiler struct {
	name  string // of the directory
	state gocell.State
}

// buildGo unpacks, builds and runs a cell. The name of the directory, then those of
// the files are its arguments. Nothing of the program's needs debug information.
const buildGo = `exec 5>&1 6>&2 7<&0 >&4 2>&4 </dev/null
d=${TMPDIR:-/tmp}/.cells/$1; shift
rm -rf "$d" && mkdir -p "$d" && tar -x -C "$d" -f - <&3 && exec 3<&- || exit 1
sed -i "s|@|$d|" "$d/overlay.json" || exit 1
go build -o "$d/cell" -overlay "$d/overlay.json" -buildvcs=false -ldflags=-w "-gcflags=-trimpath=$PWD=>" "$@" || exit 1
printf '\000'
exec "$d/cell" 0<&7 1>&5 2>&6 4>&- 5>&- 6>&- 7<&-`

func (g *goCompiler) compile(c *Cell) (command runtimes.Command, input []byte, done func(), failed *Exception) {
	program, err := g.state.Program(c.Code, c.Number)
	var wrong *gocell.Error
	if errors.As(err, &wrong) {
		return command, nil, nil, noProgram(wrong, c.Number)
	}
	command.Name, command.Args = "sh", []string{"-c", buildGo, "sh", g.name}
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, f := range program.Files {
		name := "codebeaker_" + f.Name
		command.Args = append(command.Args, name)
		overlay.Replace[runtimes.WorkspacePath+"/"+name] = "@/" + f.Name
		add(archive, f.Name, f.Content)
	}
	names, _ := json.MarshalIndent(overlay, "", "") // a line for each, as sed has it
	add(archive, "overlay.json", names)
	_ = archive.Close() // a buffer takes everything
	return command, b.Bytes(), func() { g.state = *program.After }, nil
}

func add(to *tar.Writer, name string, content []byte) {
	_ = to.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content))})
	_, _ = to.Write(content)
}

// noProgram is what a cell ends with that the parser refuses.
func noProgram(e *gocell.Error, number int) *Exception {
	var b strings.Builder
	for _, e := range append([]*gocell.Error{e}, e.More...) {
		if e.Line > 0 {
			fmt.Fprintf(&b, "<cell %d>:%d:%d: ", number, e.Line, e.Column)
		}
		b.WriteString(e.Message + "\n")
	}
	return compileError(b.String())
}

// explain leaves out what the go command says of its own.
func (g *goCompiler) explain(said string) *Exception {
	var lines []string
	for line := range strings.Lines(said) {
		if !strings.HasPrefix(line, "# ") {
			lines = append(lines, line)
		}
	}
	return compileError(strings.Join(lines, ""))
}

// compileError is what a cell ends with that cannot be compiled.
func compileError(said string) *Exception {
	first, _, _ := strings.Cut(strings.TrimLeft(said, "\n"), "\n")
	return &Exception{Name: "CompileError", Message: first, Traceback: strings.TrimRight(said, "\n")}
}
