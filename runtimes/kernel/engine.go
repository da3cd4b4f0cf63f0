package kernel

import "github.com/codebeaker/codebeaker/runtimes"

// Engine says how a kernel is started. Its zero value is none.
type Engine struct {
	// Language is that of cells that do not say.
	Language runtimes.Language
	// Languages are those that one kernel runs, on the same variables.
	Languages []runtimes.Language

	name string   // the program
	args []string // its bootstrap, which reads the source from the channel
	env  []string
	// zygote: the program runs cells in a child of itself, and can make another.
	zygote bool
	// opens: the program says when it takes open input.
	opens bool
	// source is the program.
	source string
	// prepare, where there is one, makes the code that the kernel is given, or says
	// why there is none.
	prepare func(c *Cell) (code string, failed *Exception)
	// mend, where there is one, puts right what the kernel says of the code as it
	// was given.
	mend func(c *Cell, r *Result)
	// compiler, where there is one, makes what compiles the cells of one context;
	// all of the above but the languages and env is not used then.
	compiler func() compiler
}

// Compiled reports whether each cell is compiled and run by itself, so that there is
// nothing to start beforehand.
func (e *Engine) Compiled() bool { return e.compiler != nil }

// engines are those of each language, by runtime and the versions of its tools.
var engines = map[runtimes.Language]func(t runtimes.Type, l runtimes.Language, tools map[string]string) (Engine, bool){
	runtimes.Python: python,
}

// EngineFor is the engine of a language on a runtime whose tools have those
// versions (runtimes.Availability.Tools); ok is false where there is none.
func EngineFor(t runtimes.Type, l runtimes.Language, tools map[string]string) (e Engine, ok bool) {
	of := engines[l]
	if of == nil {
		return Engine{}, false
	}
	return of(t, l, tools)
}
