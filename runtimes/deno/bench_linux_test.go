package deno

import (
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

func BenchmarkCreate(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(boxedtest.Options(b)), runtimes.TypeScript,
		"hello.ts", "console.log('hello' as string)", "deno", "run", "hello.ts")
}
