package runtimetest

import (
	"strings"
	"testing"
)

var installFindings = []finding{
	{
		name: "PipInstalls", on: pythonKinds, check: pipInstalls,
		what: "`pip install` installs below `~/.local`, with no further word (PEP 668), and the programs are found by name",
		but:  []exception{{[]kind{nativePython}, "python3 -m pip --version", "where the host's python3 has pip"}},
	},
	{
		name: "VirtualEnvironments", on: pythonKinds, check: virtualEnvironments,
		what: "`python3 -m venv` makes an environment with a pip of its own",
		but: []exception{{pythonKinds, "python3 -c 'import ensurepip'",
			"where the host's python3, or the image's, has ensurepip (Debian: python3-venv)"}},
	},
	{
		name: "NpmInstalls", on: nodeKinds, check: npmInstalls,
		what: "`npm install -g` installs below `~/.local`, and the programs are found by name",
		but:  []exception{{[]kind{nativeNode}, "npm --version", "where the host has npm beside node"}},
	},
	{
		name: "BunInstalls", on: []kind{bun}, check: bunInstalls,
		what: "`bun install -g` installs below `~/.bun`, and the programs are found by name",
	},
	{
		name: "DenoInstalls", on: []kind{deno}, check: denoInstalls,
		what: "`deno install -g` installs below `~/.deno`, and the programs are found by name",
	},
}

// makeWheel makes a wheel with a program.
const makeWheel = `import zipfile
about = "greet-1.0.dist-info/"
with zipfile.ZipFile("greet-1.0-py3-none-any.whl", "w") as wheel:
    for name, text in {
        "greet.py": "def main():\n    print('greeted')\n",
        about + "METADATA": "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n",
        about + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        about + "entry_points.txt": "[console_scripts]\ngreet = greet:main\n",
        about + "RECORD": "",
    }.items():
        wheel.writestr(name, text)
`

// greeted checks what a shell printed: where a program was found, and its words.
func greeted(t *testing.T, got, path string) {
	t.Helper()
	if !strings.HasSuffix(got, path+"\ngreeted\n") {
		t.Errorf("it printed %q, want %s and what that says", got, path)
	}
}

func pipInstalls(t *testing.T, p *place) {
	p.put(t, map[string]string{"pip/wheel.py": makeWheel})
	greeted(t, p.sh(t, "cd pip; python3 wheel.py; pip install ./greet-1.0-py3-none-any.whl >&2; command -v greet; greet"),
		"/home/user/.local/bin/greet")
}

func virtualEnvironments(t *testing.T, p *place) {
	p.put(t, map[string]string{"venv/wheel.py": makeWheel})
	greeted(t, p.sh(t, `cd venv; python3 wheel.py; python3 -m venv own; . own/bin/activate
pip install ./greet-1.0-py3-none-any.whl >&2; command -v greet; greet; cd ..; rm -r venv`),
		"/workspace/venv/own/bin/greet")
}

// nodePackage is a folder with a package that has a program.
func nodePackage(folder, interpreter string) map[string]string {
	return map[string]string{
		folder + "/greet/package.json": `{"name": "greet", "version": "1.0.0", "bin": {"greet": "greet.js"}}`,
		folder + "/greet/greet.js":     "#!/usr/bin/env " + interpreter + "\nconsole.log('greeted')\n",
	}
}

func npmInstalls(t *testing.T, p *place) {
	p.put(t, nodePackage("npm", "node"))
	greeted(t, p.sh(t, "cd npm; npm install -g --install-links ./greet >&2; command -v greet; greet"), "/home/user/.local/bin/greet")
}

func bunInstalls(t *testing.T, p *place) {
	p.put(t, nodePackage("bun", "bun"))
	greeted(t, p.sh(t, "cd bun; chmod +x greet/greet.js; bun install -g ./greet >&2; command -v greet; greet"), "/home/user/.bun/bin/greet")
}

func denoInstalls(t *testing.T, p *place) {
	p.put(t, map[string]string{"deno/greet.ts": "console.log('greeted' as string)\n"})
	greeted(t, p.sh(t, "cd deno; deno install -g --name greet ./greet.ts >&2; command -v greet; greet"), "/home/user/.deno/bin/greet")
}
