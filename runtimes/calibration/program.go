package calibration

import "github.com/codebeaker/codebeaker/runtimes"

// programs are what a language's tool is measured with.
type programs struct {
	hello runtimes.Command // prints greeting and exits
	idle  runtimes.Command // prints greeting and stays
}

// greeting is what the programs print; another output fails the measurement.
const greeting = "hello\n"

// programsFor returns the programs of the first language that both the runtime
// and this package know. Runtimes are compared by the same language where they
// share one: JavaScript.
func programsFor(t runtimes.Type, served []runtimes.Language) (runtimes.Language, programs, bool) {
	for _, language := range served {
		switch language {
		case runtimes.JavaScript, runtimes.TypeScript:
			return language, javaScript(t), true
		case runtimes.Python:
			return language, script("python3", "-c", `print("hello", flush=True)`,
				`print("hello", flush=True); import time; time.sleep(600)`), true
		case runtimes.Go, runtimes.CSharp:
			return language, script("sh", "-c", "echo hello", "echo hello; exec sleep 600"), true
		}
	}
	return 0, programs{}, false
}

func javaScript(t runtimes.Type) programs {
	tool, flag := "node", "-e"
	switch t {
	case runtimes.Bun:
		tool = "bun"
	case runtimes.Deno:
		tool, flag = "deno", "eval"
	}
	return script(tool, flag, `console.log("hello")`, `console.log("hello"); setTimeout(() => {}, 600000)`)
}

func script(tool, flag, hello, idle string) programs {
	return programs{
		hello: runtimes.Command{Name: tool, Args: []string{flag, hello}},
		idle:  runtimes.Command{Name: tool, Args: []string{flag, idle}},
	}
}
