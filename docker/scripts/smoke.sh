#!/usr/bin/env bash
# smoke.sh runs a program in each language image, in a container confined as a
# session's is: read-only root, a numeric uid that no image knows, no capability,
# no new privileges, no network, tmpfs for /tmp and HOME, a workspace bound in.
# It prints what each took inside, and fails when one prints anything else than
# it should. TAG names other images than latest; in those of the variant slim the
# usual commands and the C compiler are not tried. ROUNDS=1 runs each once, where
# otherwise the second time shows what is warm. It leaves nothing behind.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

TAG=${TAG:-latest}
ROUNDS=${ROUNDS:-2}
GUEST=64000
FAILED=0

# write_programs puts one small program of each language into a folder.
write_programs() {
	cd "$1"
	echo 'import sys, json, ssl; print("hello", sys.version_info.major)' >hello.py
	echo 'console.log("hello", [1, 2].map(x => x * 2).join())' >hello.js
	echo 'const n: number = 2; interface P { a: number }; console.log("hello", ({ a: n } as P).a)' >hello.ts
	echo 'enum Colour { Red, Green }; console.log("hello", Colour[1])' >enum.ts
	printf 'package main\nimport ("fmt"; "net/http")\nfunc main() { fmt.Println("hello", http.StatusOK) }\n' >hello.go
	mkdir -p module/greet
	printf 'module example.org/hello\n\ngo 1.24\n' >module/go.mod
	printf 'package greet\nfunc Word() string { return "hello" }\n' >module/greet/greet.go
	printf 'package main\nimport "example.org/hello/greet"\nfunc main() { println(greet.Word()) }\n' >module/main.go
	cat >hello.cs <<-'CS'
		using System;
		using System.Linq;
		class Hello { static void Main() { Console.WriteLine("hello " + new[] { 1, 2 }.Sum()); } }
	CS
	echo 'Console.WriteLine("hello " + new[] { 1, 2 }.Sum());' >script.cs
	printf '#include <math.h>\n#include <stdio.h>\nint main(void) { printf("compiled %%.0f\\n", sqrt(9)); return 0; }\n' >hello.c
	cat >extension.c <<-'C'
		#include <Python.h>
		static PyObject *answer(PyObject *self, PyObject *none) { return PyLong_FromLong(42); }
		static PyMethodDef methods[] = {{"answer", answer, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
		static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "extension", NULL, -1, methods};
		PyMODINIT_FUNC PyInit_extension(void) { return PyModule_Create(&module); }
	C
	cat >cgo.go <<-'GO'
		package main

		// static int add(int a, int b) { return a + b; }
		import "C"
		import "fmt"

		func main() { fmt.Println("from C", C.add(1, 2)) }
	GO
	mkdir -p vendored/vendor/example.org/word
	printf 'module example.org/vendored\n\ngo 1.24\n\nrequire example.org/word v1.0.0\n' >vendored/go.mod
	printf '# example.org/word v1.0.0\n## explicit; go 1.24\nexample.org/word\n' >vendored/vendor/modules.txt
	printf 'package word\nfunc Word() string { return "vendored" }\n' >vendored/vendor/example.org/word/word.go
	printf 'package main\nimport "example.org/word"\nfunc main() { println(word.Word()) }\n' >vendored/main.go
	cat >tools.sh <<-'SH'
		set -e
		d=$(mktemp -d) && cd "$d"
		git init -q . && echo one >a && git add a
		git -c user.name=n -c user.email=n@example.org commit -q -m first && test "$(git show HEAD:a)" = one
		printf 'all: ; @echo made\n' >Makefile && test "$(make)" = made
		printf '%s\n' '--- a' '+++ a' '@@ -1 +1 @@' -one +two | patch -s a && test "$(cat a)" = two
		zip -q a.zip a && rm a && unzip -q a.zip && test "$(cat a)" = two
		xz a && xz -d a.xz && bzip2 a && bzip2 -d a.bz2 && test "$(cat a)" = two
		test "$(echo '{"a":[2]}' | jq -c .a)" = '[2]'
		test "$(sqlite3 :memory: 'select 1+1')" = 2
		test "$(file -b --mime-type Makefile)" != application/octet-stream
		test "$(curl -s "file://$d/a")" = two
		ls -l | less | grep -q Makefile && ps -o pid= -p $$ | grep -q $$
		cd / && rm -rf "$d"
		echo tools
	SH
}

# has_tools LANGUAGE is true of an image of the variant full.
has_tools() {
	[[ $(docker image inspect --format '{{index .Config.Labels "codebeaker.variant"}}' "codebeaker-$1:$TAG") == full ]]
}

# run LANGUAGE EXPECTED COMMAND runs a shell line in the language's container and
# compares what it prints. The time is the program's own, without the container's.
run() {
	local language=$1 expected=$2 line=$3 output took
	output=$(docker run --rm --label app=codebeaker --read-only --user "$GUEST:$GUEST" \
		--cap-drop ALL --security-opt no-new-privileges --network none \
		--pids-limit 128 --memory 512m --memory-swap 512m --cpus 1 \
		--tmpfs /tmp:exec,mode=1777,size=128m --tmpfs "/home/guest:exec,uid=$GUEST,mode=0700,size=64m" \
		--env HOME=/home/guest --volume "$WORKSPACE:/workspace" --workdir /workspace \
		"codebeaker-$language:$TAG" bash -c '
			for ((round = 0; round < $2; round++)); do
				start=$(date +%s%N)
				printed=$(eval "$1" 2>&1)
				times="${times:-}$((($(date +%s%N) - start) / 1000000)) "
			done
			printf "%s|%s" "$times" "$printed"' - "$line" "$ROUNDS") || true
	took=${output%%|*}
	output=${output#*|}
	if [[ $output == "$expected" ]]; then
		printf '  %-8s %-44s %14s ms\n' "$language" "$line" "$took"
	else
		FAILED=$((FAILED + 1))
		printf '  %-8s %-44s printed: %s\n' "$language" "$line" "$output"
	fi
}

run_all() {
	local language
	for language in python nodejs golang dotnet; do
		run "$language" 'ok' 'ps -e >/dev/null && less -V >/dev/null && vi --version >/dev/null && echo ok'
		has_tools "$language" || continue
		run "$language" 'tools' 'sh tools.sh'
		[[ $language == dotnet ]] || run "$language" 'compiled 3' 'cc -o /tmp/c hello.c -lm && /tmp/c'
	done
	run python 'hello 3' 'python3 hello.py'
	run python 'ok' '[ -e /tmp/v ] || python3 -m venv /tmp/v && /tmp/v/bin/pip --version >/dev/null && echo ok'
	if has_tools python; then
		run python '42' 'cc -shared -fPIC $(python3-config --includes) -o /tmp/extension.so extension.c && PYTHONPATH=/tmp python3 -c "import extension; print(extension.answer())"'
	fi
	run nodejs 'hello 2,4' 'node hello.js'
	run nodejs 'hello 2' 'node hello.ts'
	run nodejs 'hello 2' 'tsx hello.ts'
	run nodejs 'hello Green' 'tsx enum.ts'
	run golang 'hello 200' 'go run hello.go'
	run golang 'hello' 'cd module && go run .'
	run golang 'ok' 'cd module && go vet ./... && echo ok'
	run golang 'vendored' 'cd vendored && go run .'
	run golang 'hello 200' 'CGO_ENABLED=0 go run hello.go'
	if has_tools golang; then run golang 'from C 3' 'go run cgo.go'; fi
	if [[ $(docker image inspect --format '{{index .Config.Labels "codebeaker.toolchain"}}' "codebeaker-dotnet:$TAG") == mono ]]; then
		run dotnet 'hello 3' 'mcs -out:/tmp/h.exe hello.cs && mono /tmp/h.exe'
		run dotnet 'hello 3' 'csharp -r:System.Core script.cs'
	else
		run dotnet 'hello 3' 'dotnet run script.cs'
	fi
}

main() {
	WORKSPACE=$(mktemp -d "${TMPDIR:-/tmp}/codebeaker-smoke.XXXXXX")
	trap 'rm -rf -- "$WORKSPACE"' EXIT
	write_programs "$WORKSPACE"
	chmod -R a+rwX "$WORKSPACE"
	printf '  %-8s %-44s %14s\n' image command 'first, again'
	run_all
	((FAILED == 0)) || fail "$FAILED of the programs did not run as they should"
}

main "$@"
