package runtimetest

import (
	"strings"
	"testing"
)

var goFindings = []finding{
	{
		name: "GoInstalls", on: goKinds, check: goInstalls,
		what: "`go install` installs into `~/go/bin`, and the programs are found by name",
	},
	{
		name: "GoVendor", on: goKinds, check: goVendor,
		what: "a module with `vendor/` builds without a network, `go.mod` stays as it is, and `go.work` and `go env -w` count",
	},
	{
		name: "GoIsWarm", on: goKinds, check: goIsWarm,
		what: "of a first program only itself is compiled: the standard library is there",
		but: []exception{{[]kind{nativeGo}, "ls /opt/codebeaker/warm/go*",
			"once the cache is filled, a minute after a server's first start with this version of Go, and where the session's user may read it"}},
	},
	{
		name: "Cgo", on: goKinds, check: cgo,
		what: "Go calls C where there is a C compiler",
		but:  []exception{{goKinds, "command -v gcc && ls /usr/include/stdlib.h", "where the host, or the image, has gcc and the C library's headers"}},
	},
}

const greetGo = `package main

import "os"

func main() { os.Stdout.WriteString("greeted\n") }
`

func goInstalls(t *testing.T, p *place) {
	p.put(t, map[string]string{"install/go.mod": "module example.com/greet\n\ngo 1.20\n", "install/main.go": greetGo})
	greeted(t, p.sh(t, "cd install; go install .; command -v greet; greet"), "/home/user/go/bin/greet")
}

func goVendor(t *testing.T, p *place) {
	p.put(t, map[string]string{
		"vendored/dep/go.mod": "module example.com/dep\n\ngo 1.20\n",
		"vendored/dep/dep.go": "package dep\n\n// Word is a word.\nconst Word = \"greeted\\n\"\n",
		"vendored/app/go.mod": "module example.com/app\n\ngo 1.20\n\nrequire example.com/dep v0.0.0\n\n" +
			"replace example.com/dep => ../dep\n",
		"vendored/app/main.go": "package main\n\nimport (\n\t\"os\"\n\n\t\"example.com/dep\"\n)\n\n" +
			"func main() { os.Stdout.WriteString(dep.Word) }\n",
	})
	got := p.sh(t, `cd vendored/app; go mod vendor; cp go.mod ../before; mv ../dep ../moved
go run .; cmp go.mod ../before
cd ..; mv moved dep; rm -r app/vendor; sed -i '/^re/d' app/go.mod
go work init ./app ./dep; cd app; go run .
go env -w GOFLAGS=-tags=own; go env GOFLAGS; go env -u GOFLAGS; go env GOFLAGS`)
	if got != "greeted\ngreeted\n-tags=own\n\n" {
		t.Errorf("it printed %q", got)
	}
}

func goIsWarm(t *testing.T, p *place) {
	p.put(t, map[string]string{"warm/hello.go": "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n)\n\n" +
		"func main() { fmt.Println(http.StatusTeapot) }\n"})
	compiled := p.sh(t, `cd warm; go build -x -o hello hello.go 2>&1 | grep '/compile -o' | sed 's/.* -p \([^ ]*\) .*/\1/'; ./hello; rm hello`)
	if compiled != "main\n418\n" {
		t.Errorf("compiled, and printed: %q", strings.Fields(compiled))
	}
}

func cgo(t *testing.T, p *place) {
	p.put(t, map[string]string{"cgo/main.go": "package main\n\n// #include <stdlib.h>\nimport \"C\"\n\nimport \"os\"\n\n" +
		"func main() { os.Exit(int(C.abs(-3))) }\n"})
	if got := p.sh(t, `cd cgo; go build -o greet main.go; ./greet || echo $?; rm greet`); got != "3\n" {
		t.Errorf("it exited with %q", got)
	}
}
