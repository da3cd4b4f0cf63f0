package kernel

import (
	_ "embed" // the kernel's source

	"github.com/codebeaker/codebeaker/runtimes"
)

//go:embed python.py
var pythonSource string

// pythonBootstrap reads the source and runs it in a module of its own: the main
// module is the user's.
const pythonBootstrap = `import os, sys
def read(n):
    b = b""
    while len(b) < n:
        more = os.read(3, n - len(b))
        if not more: os._exit(1)
        b += more
    return b
h = read(8)
k = type(sys)("codebeaker_kernel")
k.loaded = read(int.from_bytes(h[:4], "little"))
sys.modules[k.__name__] = k
s = read(int.from_bytes(h[4:], "little"))
sys.path[:] = [p for p in sys.path if p]
for n in "read", "h", "os", "sys": del globals()[n]
exec(compile(s, "<kernel>", "exec"), globals().pop("k").__dict__)`

func python(t runtimes.Type, l runtimes.Language, _ map[string]string) (Engine, bool) {
	if t != runtimes.Native && t != runtimes.Docker {
		return Engine{}, false
	}
	return Engine{
		Language: l, Languages: []runtimes.Language{l},
		name: "python3", args: []string{"-c", pythonBootstrap}, source: pythonSource, zygote: true,
	}, true
}
