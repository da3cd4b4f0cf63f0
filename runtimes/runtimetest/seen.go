package runtimetest

import (
	"math"
	goruntime "runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/codebeaker/codebeaker/runtimes"
)

// seenCases are about what a program sees of its limits, and may do within
// them.
var seenCases = []testCase{
	{"ProcessorsAreTheSessions", processorsSeen},
	{"ProgramsOfOneSessionShareItsProcessors", processorsShared},
	{"SessionsGetProcessorsThatAreFree", processorsFree},
	{"HeapsFitTheSession", heapsFit},
	{"TheLimitOfProcessesIsTold", processLimitTold},
	{"StacksGrowAsFarAsTheMemory", deepStack},
	{"ManyThreadsStart", manyThreads},
	{"OwnChildrenCanBeTraced", traceChild},
	{"TheAgentCannotBeTraced", traceAgent},
	{"WhoWantsToBeTracedByTheAgentIsEnded", traceMe},
	{"ATracerDoesNotHideTheEnd", traceToTheEnd},
}

// processorsOf is how many processors a session sees that may use so many.
func processorsOf(cpus float64) int {
	return min(int(math.Ceil(cpus)), goruntime.NumCPU())
}

func processorsSeen(t *testing.T, s *suite) {
	for _, limit := range []float64{0.5, 1, 2, 1000} {
		env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.CPUs = limit })
		want := strconv.Itoa(processorsOf(limit))
		if got := strings.TrimSpace(s.succeeds(t, env, s.shell(t, `nproc`))); got != want {
			t.Errorf("%v CPUs: nproc says %s, not %s", limit, got, want)
		}
		if reason, lacks := s.harness.Lacks[ProcessorFiles]; lacks {
			t.Logf("lacks %s: %s", ProcessorFiles, reason)
			continue
		}
		got := strings.Fields(s.succeeds(t, env, s.shell(t,
			`getconf _NPROCESSORS_ONLN; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; grep -c ^btime /proc/stat`)))
		if !slices.Equal(got, []string{want, want, want, "1"}) {
			t.Errorf("%v CPUs: sysconf, cpuinfo, stat and the time of the start: %q, not %s", limit, got, want)
		}
	}
}

// placeProgram prints the processors it may run on, again and again.
const placeProgram = `while :; do sed -n 's/^Cpus_allowed_list:[[:space:]]*/at /p' /proc/self/status; sleep 0.05; done`

// runsAt is what a placeProgram said last; "" is nothing yet.
func runsAt(r *recorder) string {
	lines := strings.Split(strings.TrimSpace(r.text(runtimes.Stdout)), "\n")
	return lines[len(lines)-1]
}

func processorsShared(t *testing.T, s *suite) {
	env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.CPUs = 1 })
	first, told := s.start(t, env, s.shell(t, placeProgram))
	second, toldToo := s.start(t, env, s.shell(t, placeProgram))
	eventually(t, "two programs of a session are on one processor", func() bool {
		return runsAt(told) != "" && runsAt(told) == runsAt(toldToo)
	})
	first.Stop(runtimes.Cancelled)
	second.Stop(runtimes.Cancelled)
	told.wait()
	toldToo.wait()
}

func processorsFree(t *testing.T, s *suite) {
	if goruntime.NumCPU() < 2 {
		t.Skip("there is one processor for all")
	}
	var processes []runtimes.Process
	var told []*recorder
	for range 3 {
		env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.CPUs = 1 })
		process, r := s.start(t, env, s.shell(t, placeProgram))
		eventually(t, "a program says where it runs", func() bool { return runsAt(r) != "" })
		processes, told = append(processes, process), append(told, r)
	}
	if runsAt(told[0]) == runsAt(told[1]) {
		t.Errorf("two sessions are %s", runsAt(told[0]))
	}
	// Whichever processor the third shares becomes free with the second.
	processes[1].Stop(runtimes.Cancelled)
	told[1].wait()
	eventually(t, "two sessions are on two processors", func() bool { return runsAt(told[0]) != runsAt(told[2]) })
	processes[0].Stop(runtimes.Cancelled)
	processes[2].Stop(runtimes.Cancelled)
	told[0].wait()
	told[2].wait()
}

// eventually waits for something to become true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v", what, patience)
		}
	}
}

// heapProgram keeps 144 MB alive and makes 384 MB of garbage, which
// grows old.
const heapProgram = `
const kept = [], grown = [];
for (let i = 0; i < 18; i++) kept.push(new Array(1 << 20).fill(i + 0.5));
let sum = 0;
for (let i = 0; i < 48; i++) { const a = new Array(1 << 20).fill(i); grown[i % 4] = a; sum += a.length }
console.log(kept.length, sum);
`

func heapsFit(t *testing.T, s *suite) {
	if !s.found.Serves(runtimes.JavaScript) {
		t.Skip("the runtime has no JavaScript")
	}
	s.shell(t, "")
	env := s.create(t, func(spec *runtimes.Spec) {
		spec.Language = runtimes.JavaScript
		spec.Limits.MemoryBytes = 512 << 20
	})
	write(t, env, "heap.js", heapProgram)
	tried := 0
	for _, tool := range [][]string{{"node", "heap.js"}, {"bun", "heap.js"}, {"deno", "run", "heap.js"}} {
		if did := s.run(t, env, s.shell(t, `command -v "$1"`, tool[0])); did.Status != runtimes.Completed {
			continue
		}
		tried++
		if did := s.runLong(t, env, runtimes.Command{Name: tool[0], Args: tool[1:]}); did.stdout != "18 50331648\n" {
			t.Errorf("%s: %s", tool[0], did)
		}
	}
	if tried == 0 {
		t.Error("there is no JavaScript to try")
	}
}

// runLong runs a program that has seconds of work to do, on a machine that may
// be busy with much else.
func (s *suite) runLong(t testing.TB, env runtimes.Environment, cmd runtimes.Command) finished {
	t.Helper()
	_, r := s.start(t, env, cmd)
	for deadline := time.Now().Add(3 * time.Minute); !r.exited() && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	exit := r.wait()
	return finished{exit, r.text(runtimes.Stdout), r.text(runtimes.Stderr), ""}
}

func write(t testing.TB, env runtimes.Environment, path, text string) {
	t.Helper()
	if _, err := env.Workspace().WriteFile(t.Context(), runtimes.WriteFile{Path: path, Content: []byte(text)}); err != nil {
		t.Fatal(err)
	}
}

func processLimitTold(t *testing.T, s *suite) {
	s.needs(t, CommandLimits)
	env := s.create(t, nil)
	if !env.Isolation().Has(runtimes.CgroupPids) {
		t.Skip("without a control group the kernel tells nobody")
	}
	const forks = `i=0; while [ $i -lt "$1" ]; do sleep 1000 & i=$((i+1)); done; echo all`
	cmd := s.shell(t, forks, "20")
	cmd.Limits.Processes = 10
	if did := s.run(t, env, cmd); !slices.Equal(did.LimitsHit, []runtimes.Limit{runtimes.ProcessLimit}) {
		t.Errorf("over the limit of the command: %v, %s", did.LimitsHit, did)
	}
	for range 3 { // the one that was over it left nothing of that
		if did := s.run(t, env, s.shell(t, forks, "5")); len(did.LimitsHit) != 0 || did.stdout != "all\n" {
			t.Errorf("below it: %v, %s", did.LimitsHit, did)
		}
	}
	many := strconv.FormatInt(2*env.Limits().Processes, 10)
	if did := s.run(t, env, s.shell(t, forks, many)); !slices.Equal(did.LimitsHit, []runtimes.Limit{runtimes.ProcessLimit}) {
		t.Errorf("over that of the session: %v, %s", did.LimitsHit, did)
	}
	stopped, r := s.start(t, env, s.shell(t, `while :; do sleep 0.01; done`))
	time.Sleep(50 * time.Millisecond)
	stopped.Stop(runtimes.Cancelled)
	if exit := r.wait(); len(exit.LimitsHit) != 0 {
		t.Errorf("killed: %v", exit.LimitsHit)
	}
}

// deepScript makes a script whose reading takes that much stack: sh(1) goes
// down a level for each brace, by some 256 bytes.
const deepScript = `n=$(($1 * 4000)); (yes '{' | head -n $n; echo 'grep VmStk /proc/$$/status'; yes '}' | head -n $n) > deep.sh`

func deepStack(t *testing.T, s *suite) {
	env := s.create(t, func(spec *runtimes.Spec) { spec.Limits.MemoryBytes = 512 << 20 })
	if did := s.runLong(t, env, s.shell(t, deepScript, "200")); did.Status != runtimes.Completed {
		t.Fatal(did)
	}
	deep := s.shell(t, `exec sh deep.sh`)
	asked := deep
	asked.Limits.StackBytes = 400 << 20
	commands := []runtimes.Command{asked}
	if env.Isolation().Has(runtimes.CgroupMemory) { // else it takes the word of the command
		commands = append(commands, deep)
	}
	for _, cmd := range commands {
		did := s.runLong(t, env, cmd)
		var grown int64
		if fields := strings.Fields(did.stdout); len(fields) == 3 {
			grown, _ = strconv.ParseInt(fields[1], 10, 64)
		}
		if did.Status != runtimes.Completed || grown < 150<<10 {
			t.Errorf("with %d bytes asked for: the stack grew to %d KB, %s", cmd.Limits.StackBytes, grown, did)
		}
	}
	shallow := deep
	shallow.Limits.StackBytes = 8 << 20
	if did := s.runLong(t, env, shallow); did.Status == runtimes.Completed {
		t.Errorf("with a limit of 8 MB: %s", did)
	}
}

func manyThreads(t *testing.T, s *suite) {
	if s.language != runtimes.Python {
		t.Skip("the program is one of Python")
	}
	env := s.create(t, func(spec *runtimes.Spec) {
		spec.Limits.Processes, spec.Limits.MemoryBytes = 256, 512<<20
	})
	cmd := runtimes.Command{Name: "python3"}
	if !env.Isolation().Has(runtimes.CgroupMemory) {
		cmd.Limits.StackBytes = 1 << 20 // RLIMIT_DATA counts what threads reserve
	}
	const program = `import threading
done = threading.Event()
all = [threading.Thread(target=done.wait, daemon=True) for i in range(200)]
for one in all: one.start()
done.set()
for one in all: one.join()
print(len(all))`
	cmd.Args = []string{"-c", program}
	if did := s.run(t, env, cmd); did.stdout != "200\n" {
		t.Error(did)
	}
}

// tracing are Perl's names for the kernel's, by number, and a child that waits.
const tracing = `use POSIX; use strict; $| = 1;
my $arm = (POSIX::uname())[4] eq 'aarch64';
sub ptrace { my $got = syscall($arm ? 117 : 101, map { 0 + $_ } @_); $got }
sub readmem { my ($pid, $address, $n) = @_; my $got = "\0" x $n;
	my ($here, $there) = (pack('PQ', $got, $n), pack('QQ', $address, $n));
	my $all = syscall($arm ? 270 : 310, $pid, $here, 1, $there, 1, 0); $all == $n ? $got : "error $!" }
sub child { my $pid = fork; return $pid if $pid; $_[0]->(); POSIX::_exit(7) }
`

// perl is a program in Perl, which every Debian has.
func (s *suite) perl(t testing.TB, text string, args ...string) runtimes.Command {
	t.Helper()
	return s.shell(t, `exec perl -e "$@"`, append([]string{text}, args...)...)
}

func traceChild(t *testing.T, s *suite) {
	env := s.environment(t)
	const program = tracing + `
my $willing = child(sub { ptrace(0, 0, 0, 0) == 0 or POSIX::_exit(9); kill STOP => $$ });
waitpid $willing, 0; open my $f, "<", "/proc/$willing/status"; print grep { /^State/ } <$f>;
ptrace(7, $willing, 0, 0); waitpid $willing, 0; print "ended ", $? >> 8, "\n";
my $text = "of the parent"; my $address = unpack 'Q', pack 'p', $text;
my $other = child(sub { substr($text, 7) = "child "; sleep 1000 });
print ptrace(16, $other, 0, 0) == 0 ? "attached\n" : "refused: $!\n"; waitpid $other, 0;
print ptrace(17, $other, 0, 0) == 0 ? "left\n" : "refused: $!\n";
select undef, undef, undef, 0.2;
print readmem($other, $address, 6), "\n"; kill KILL => $other;`
	if did := s.run(t, env, s.perl(t, program)); did.stdout != "State:\tt (tracing stop)\nended 7\nattached\nleft\nof the\n" {
		t.Error(did)
	}
}

func traceAgent(t *testing.T, s *suite) {
	env := s.environment(t)
	// The parent is the agent too, or the keeper of the program.
	const program = tracing + `
for my $pid (1, getppid) {
	for my $request (16, 0x4206) { print ptrace($request, $pid, 0, 0) == 0 ? "traced\n" : $!{EPERM} ? "" : "$!\n" }
	print readmem($pid, 0x400000, 8), "\n"; open(my $f, '<', "/proc/$pid/mem") and print "open\n";
}`
	if did := s.run(t, env, s.perl(t, program)); did.Status != runtimes.Completed || did.stdout != strings.Repeat("error Operation not permitted\n", 2) {
		t.Error(did)
	}
}

// Its parent is none that would ever let it go on.
func traceMe(t *testing.T, s *suite) {
	env := s.environment(t)
	for range 3 {
		did := s.run(t, env, s.perl(t, tracing+`print ptrace(0, 0, 0, 0), "\n"; kill USR1 => $$; sleep 1000; print "went on\n"`))
		if did.stdout != "0\n" || did.Status != runtimes.Signalled || did.Signal != "SIGKILL" {
			t.Error(did)
		}
	}
	s.succeeds(t, env, s.shell(t, `echo alive`))
}

func traceToTheEnd(t *testing.T, s *suite) {
	env := s.create(t, nil)
	traced, told := s.start(t, env, s.shell(t, `echo $$; exec sleep 1000`))
	told.untilText(runtimes.Stdout, "\n")
	tracer, toldToo := s.start(t, env, s.perl(t, tracing+`print ptrace(0x4206, $ARGV[0], 0, 0) == 0 ? "traced\n" : "refused: $!\n"; sleep 1000`,
		strings.TrimSpace(told.text(runtimes.Stdout))))
	toldToo.untilText(runtimes.Stdout, "traced\n")
	traced.Stop(runtimes.Cancelled)
	if exit := told.wait(); exit.Status != runtimes.Cancelled {
		t.Errorf("status %v", exit.Status)
	}
	tracer.Stop(runtimes.Cancelled)
	toldToo.wait()
	s.succeeds(t, env, s.shell(t, `echo alive`))
}
