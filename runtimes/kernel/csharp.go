package kernel

import (
	_ "embed" // the kernel's source
	"fmt"
	"hash/fnv"

	"github.com/codebeaker/codebeaker/runtimes"
)

//go:embed csharp.cs
var csharpSource string

func init() { engines[runtimes.CSharp] = csharp }

// csharpBootstrap reads the source, compiles it where that has not been done for an
// earlier kernel of the environment, and runs it. The lengths of the message of load
// are its arguments.
const csharpBootstrap = `d=${TMPDIR:-/tmp}/.cells/$3; mkdir -p "$d" || exit 1
head -c "$1" <&3 >/dev/null && head -c "$2" <&3 >"$d/$$.cs" || exit 1
[ -f "$d/kernel.exe" ] || { mcs -nologo -nowarn:1591 -r:Mono.CSharp,Mono.Posix,System.Core "-out:$d/$$.exe" "$d/$$.cs" >&2 </dev/null && mv "$d/$$.exe" "$d/kernel.exe"; } || exit 1
rm -f "$d/$$.cs"; exec mono "$d/kernel.exe"`

// csharp is the engine of C#: Mono's evaluator. .NET has none.
func csharp(t runtimes.Type, l runtimes.Language, tools map[string]string) (Engine, bool) {
	if t != runtimes.Docker || tools["mono"] == "" {
		return Engine{}, false
	}
	source := fnv.New64a()
	source.Write([]byte(csharpSource))
	load, err := message(loadHeader(csharpSource), []byte(csharpSource))
	if err != nil {
		return Engine{}, false
	}
	return Engine{
		Language: l, Languages: []runtimes.Language{l}, name: "sh", source: csharpSource,
		args: []string{"-c", csharpBootstrap, "sh", fmt.Sprint(len(load) - len(csharpSource)), fmt.Sprint(len(csharpSource)), fmt.Sprintf("csharp-%016x", source.Sum64())},
	}, true
}
