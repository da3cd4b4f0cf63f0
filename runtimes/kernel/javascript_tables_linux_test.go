package kernel

import (
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/bun"
	"github.com/codebeaker/codebeaker/runtimes/deno"
)

// onEachEngine runs a test where JavaScript has kernels.
func onEachEngine(t *testing.T, language runtimes.Language, test func(t *testing.T, p *place)) {
	t.Run("Native", func(t *testing.T) { test(t, nativePlace(t, language)) })
	t.Run("Bun", func(t *testing.T) { test(t, boxPlace(t, bun.New, language)) })
	t.Run("Deno", func(t *testing.T) { test(t, boxPlace(t, deno.New, language)) })
}

func TestKernelTableJavaScript(t *testing.T) {
	onEachEngine(t, runtimes.JavaScript, func(t *testing.T, p *place) { testTable(t, p, javascriptOf) })
}

func TestKernelTableJavaScriptAsTypeScript(t *testing.T) {
	onEachEngine(t, runtimes.TypeScript, func(t *testing.T, p *place) { testTable(t, p, javascriptOf) })
}
