package docker

import (
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestHelloInEachLanguage(t *testing.T) {
	for _, language := range runtimes.Languages() {
		t.Run(language.String(), func(t *testing.T) {
			requireEngine(t, language)
			r := newRealRuntime(t, nil)
			env := newEnvironment(t, r, runtimes.Spec{Language: language, Limits: runtimes.Limits{
				MemoryBytes: 512 << 20, CPUs: 1, Processes: 128, DiskBytes: 64 << 20,
			}})
			file := language.HelloFile()
			put(t, env, file, language.Facts().Hello)
			line := language.RunLine(runtimes.Docker, file)
			exit, output := execute(t, env, line[0], line[1:]...)
			if exit.Status != runtimes.Completed || output != runtimes.HelloOutput {
				t.Errorf("it printed %q and ended %+v", output, exit)
			}
		})
	}
}
