#!/usr/bin/env bash
# smoke.sh runs a program in each language image, in a container confined as a
# session's is: read-only root, a numeric uid that no image knows, no capability,
# no new privileges, no network, tmpfs for /tmp and HOME, a workspace bound in.
# It prints what each took inside, and fails when one prints anything else than
# it should. It leaves nothing behind.
set -euo pipefail
# shellcheck source=docker/scripts/steps.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/steps.sh"

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
		"codebeaker-$language:latest" bash -c '
			for round in 1 2; do
				start=$(date +%s%N)
				printed=$(eval "$1" 2>&1)
				times="${times:-}$((($(date +%s%N) - start) / 1000000)) "
			done
			printf "%s|%s" "$times" "$printed"' - "$line") || true
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
	done
	run python 'hello 3' 'python3 hello.py'
	run nodejs 'hello 2,4' 'node hello.js'
	run nodejs 'hello 2' 'node hello.ts'
	run nodejs 'hello 2' 'tsx hello.ts'
	run nodejs 'hello Green' 'tsx enum.ts'
	run golang 'hello 200' 'go run hello.go'
	run golang 'hello' 'cd module && go run .'
	run golang 'ok' 'cd module && go vet ./... && echo ok'
	if [[ $(docker image inspect --format '{{index .Config.Labels "codebeaker.toolchain"}}' codebeaker-dotnet) == mono ]]; then
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
