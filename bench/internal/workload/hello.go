package workload

import "github.com/codebeaker/codebeaker/runtimes"

// Program is a file with the command that runs it.
type Program struct {
	File   string
	Source string
	Args   []string
	// Output is what it prints.
	Output string
}

const output = runtimes.HelloOutput

// HelloOf returns the hello of a language as a runtime runs it; false when
// there is none.
func HelloOf(runtime, language string) (Program, bool) {
	l, known := runtimes.ParseLanguage(language)
	if !known {
		return Program{}, false
	}
	kind, _ := runtimes.ParseType(runtime)
	file := l.HelloFile()
	return Program{file, l.Facts().Hello, l.RunLine(kind, file), output}, true
}

// LeftOut begins the reasons of rows that were left out on purpose.
const LeftOut = "left out: "

// Compiles reports whether running a file of the language compiles it first.
func Compiles(language string) bool {
	l, _ := runtimes.ParseLanguage(language)
	return l.Facts().Compiles
}
