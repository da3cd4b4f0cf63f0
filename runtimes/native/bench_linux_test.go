package native

import (
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

func BenchmarkCreatePython(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(options(b)), runtimes.Python, "hello.py", "print('hello')", "python3", "hello.py")
}

func BenchmarkCreateNode(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(options(b)), runtimes.JavaScript, "hello.js", "console.log('hello')", "node", "hello.js")
}

func BenchmarkCreateGo(b *testing.B) {
	r := New(options(b))
	boxedtest.Available(b, r, runtimes.Go)
	waitForWarmGo(b)
	boxedtest.BenchmarkCreate(b, r, runtimes.Go, "hello.go", helloGo, "go", "run", "hello.go")
}

func BenchmarkStorage(b *testing.B) {
	boxedtest.BenchmarkStorage(b, New(options(b)), runtimes.Python)
}
