package workload

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/codebeaker/codebeaker/bench/internal/measure"
	"github.com/codebeaker/codebeaker/bench/internal/result"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// offered is a runtime as a server lists it.
func offered(name string, languages []string, commands ...string) protocol.Runtime {
	return protocol.Runtime{RuntimeType: name, Available: true, Languages: languages,
		Capabilities: protocol.Capabilities{Commands: append(commands, "write_file"), Stateful: []string{"javascript", "go"}}}
}

// rows are the keys of what is measured, and of what is not with the reason.
func rows(tasks []*measure.Task, absent []*result.Series) (measured map[string]bool, lacking map[string]string) {
	measured, lacking = map[string]bool{}, map[string]string{}
	for _, t := range tasks {
		for _, s := range t.Series {
			measured[s.Key()] = true
		}
	}
	for _, s := range absent {
		lacking[s.Key()] = s.NotBuilt
	}
	return measured, lacking
}

func TestWhatIsMeasuredFollowsFromWhatTheServerLists(t *testing.T) {
	target := &Target{Runtimes: []protocol.Runtime{
		offered("Bun", []string{"javascript", "typescript"}, "execute_shell"),
		offered("Docker", []string{"python", "csharp"}, "execute_shell"), offered("Embedded", []string{"javascript"}),
		{RuntimeType: "Deno", Reason: "not on PATH"},
	}}
	measured, lacking := rows(Tasks(target, Options{}))
	for _, key := range []string{"create/Bun", "hello/typescript/Bun", "create/Docker", "hello/csharp/Docker", "write/1 MB/Embedded", "wire/session.get/server"} {
		if !measured[key] {
			t.Errorf("%s is not measured: %s", key, lacking[key])
		}
	}
	for key, why := range map[string]string{"create/Deno": "not on PATH", "execute/Embedded": "no processes"} {
		if measured[key] || !strings.Contains(lacking[key], why) {
			t.Errorf("%s: measured %v, lacking because %q", key, measured[key], lacking[key])
		}
	}
}

func TestOneLanguageAndWhatIsLeftOut(t *testing.T) {
	target := &Target{Runtimes: []protocol.Runtime{
		offered("Native", []string{"javascript", "python", "go"}, "execute_shell"), offered("Bun", []string{"javascript"}, "execute_shell")}}
	measured, lacking := rows(Tasks(target, Options{Language: "python", Wanted: func(s string) bool { return s == OneShot || s == Hello }}))
	if !measured["oneshot/python/Native"] || !measured["hello/python/Native"] || measured["hello/go/Native"] || lacking["oneshot/python/Bun"] == "" {
		t.Errorf("%v, %v", measured, lacking)
	}
	_, lacking = rows(Tasks(target, Options{LeaveOut: func(runtime, language string) string {
		if runtime == "Native" && language == "go" {
			return "later"
		}
		return ""
	}}))
	if lacking["hello/go/Native"] != LeftOut+"later" {
		t.Errorf("%v", lacking)
	}
}

func TestOnlyKeepsWhatIsNamed(t *testing.T) {
	target := &Target{Runtimes: []protocol.Runtime{{RuntimeType: "Bun"}, {RuntimeType: "Deno"}}}
	if err := target.Only([]string{"deno"}); err != nil || len(target.Runtimes) != 1 || target.Runtimes[0].RuntimeType != "Deno" {
		t.Errorf("%v, %v", target.Runtimes, err)
	}
	if err := target.Only([]string{"bun"}); err == nil || !strings.Contains(err.Error(), `"bun"; it has Deno`) {
		t.Error(err)
	}
}

func TestEveryLanguageHasAHello(t *testing.T) {
	for _, language := range []string{"javascript", "typescript", "python", "go", "csharp"} {
		if p, ok := HelloOf("Docker", language); !ok || p.Output == "" || len(p.Args) == 0 || !strings.Contains(p.Source, "42") && !strings.Contains(p.Source, "20") {
			t.Errorf("%s: %+v", language, p)
		}
	}
	if _, ok := HelloOf("Docker", "cobol"); ok {
		t.Error("there is one in cobol")
	}
}

func TestContentHasItsSize(t *testing.T) {
	for _, size := range Sizes() {
		if n := len(size.Content()); n != size.Bytes {
			t.Errorf("%s: %d bytes", size.Name, n)
		}
	}
}
