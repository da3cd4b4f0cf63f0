package kernel

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/codebeaker/codebeaker/runtimes"
)

func TestKernelPythonShowsFiguresAndTables(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:"+os.Getenv("PATH")) // the system's python has them, if any
	k, _ := nativePlace(t, runtimes.Python).kernel(t)
	if value(t, k, "import importlib.util as u\nall(u.find_spec(n) for n in ('matplotlib', 'pandas'))") != "True" {
		t.Skip("this python has no matplotlib and pandas")
	}
	isPNG := func(d Display) bool {
		return len(d.Parts) > 0 && d.Parts[0].Type == "image/png" && bytes.HasPrefix(d.Parts[0].Data, []byte("\x89PNG"))
	}
	const figure = "display:image/png,text/plain"
	o := run(t, k, Cell{Code: "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nprint('before')\nplt.show()\nprint('after')\nplt.plot([3, 4]);", Number: 1})
	told := slices.DeleteFunc(slices.Clone(o.told), func(s string) bool { return strings.HasPrefix(s, "err:") }) // of fontconfig
	if !slices.Equal(told, []string{"out:before\n", figure, "out:after\n", figure}) || !isPNG(o.displays[0]) || !isPNG(o.displays[1]) {
		t.Error(o)
	}
	o = run(t, k, Cell{Code: "fig, ax = plt.subplots()\nax.plot([1, 2])\nfig", Number: 2})
	if len(o.displays) != 0 || o.Main == nil || !isPNG(*o.Main) || !strings.HasPrefix(o.Value, "<Figure size") {
		t.Error(o)
	}
	if got := value(t, k, "plt.get_fignums()"); got != "[]" {
		t.Error("figures are open:", got)
	}
	o = run(t, k, Cell{Code: "import pandas as pd\npd.DataFrame({'a': [1, 2]})", Number: 3})
	if o.Value != "   a\n0  1\n1  2" || o.Main == nil || o.Main.Parts[0].Type != "text/html" || !strings.Contains(string(o.Main.Parts[0].Data), "<table") {
		t.Error(o)
	}
	// A program that a cell starts has a backend of its own.
	if o := run(t, k, Cell{Code: "!python3 -c 'import matplotlib.pyplot as p; print(p.get_backend())'", Number: 4}); o.stdout() != "agg\n" && o.stdout() != "Agg\n" {
		t.Error(o)
	}
}
