package bun

import (
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/boxed/boxedtest"
)

func BenchmarkCreate(b *testing.B) {
	boxedtest.BenchmarkCreate(b, New(boxedtest.Options(b)), runtimes.JavaScript,
		"hello.js", "console.log('hello')", "bun", "hello.js")
}
