package docker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/imagebuild"
	"github.com/codebeaker/codebeaker/runtimes/internal/reason"
)

// Probe asks the engine what it has, and tries each image that it has not seen
// before by making a real environment from it. Later probes cost a few calls.
func (r *Runtime) Probe(ctx context.Context) runtimes.Availability {
	var found runtimes.Availability
	var version types.Version
	err := r.engine.ping(ctx)
	answers := err == nil
	if answers {
		version, err = r.engine.version(ctx)
	}
	if err == nil {
		found, err = r.whileAnswering(ctx, func(ctx context.Context) runtimes.Availability { return r.probe(ctx, version) })
		answers = err == nil
	}
	if err != nil {
		found = runtimes.Unavailable(runtimes.Problem{Step: stepVersion, Reason: r.unreachable(err), Err: err})
	}
	if ctx.Err() == nil { // else it says nothing, and is worth repeating at once
		r.last.set(answers, retryOf(&found))
	}
	return found
}

// whileAnswering returns what find finds, or why the engine answers no longer:
// the deadlines of what find is at may be long. Find is given up then and ends by
// itself.
func (r *Runtime) whileAnswering(ctx context.Context, find func(context.Context) runtimes.Availability) (runtimes.Availability, error) {
	finding, giveUp := context.WithCancelCause(ctx)
	found := make(chan runtimes.Availability, 1)
	r.loops.Go(func() {
		defer giveUp(nil)
		found <- find(finding)
	})
	for missed := 0; ; {
		select {
		case a := <-found:
			return a, nil
		case <-time.After(r.engine.deadlines.ping):
		}
		err := r.engine.ping(ctx)
		switch {
		case ctx.Err() != nil:
			return <-found, nil
		case err == nil:
			missed = 0
		case missed > 0:
			giveUp(err)
			return runtimes.Availability{}, err
		default:
			missed++
		}
	}
}

// probe finds out what an engine that answers offers.
func (r *Runtime) probe(ctx context.Context, version types.Version) runtimes.Availability {
	if why, err := r.agentFor(version.Arch); err != nil {
		return offers(version.Version, runtimes.Problem{Step: "find guest", Reason: why, Err: err})
	}
	r.startLoops()
	r.probes.warnOnce(r.log, runcWarning(version))

	trials, problems := r.tryImages(ctx)
	if len(trials) == 0 {
		return offers(version.Version, problems...)
	}
	found := runtimes.Availability{
		Available: true, Version: version.Version, Processes: true, Problems: problems, Tools: make(map[string]string),
	}
	var layers [][]runtimes.Layer
	for _, language := range runtimes.Languages() {
		trial := trials[language]
		if trial == nil {
			continue
		}
		found.Languages = append(found.Languages, language)
		found.Terminal = trial.terminal
		maps.Copy(found.Tools, trial.tools)
		layers = append(layers, trial.layers)
	}
	found.Isolation = runtimes.NewIsolation(common(layers)...)
	gvisor := r.gvisorFor(ctx, found.Languages[0])
	found.Strongest, found.Advice = gvisor.isolation, gvisor.advice
	return found
}

// offers is the availability of an engine of that version that is of no use.
func offers(version string, problems ...runtimes.Problem) runtimes.Availability {
	found := runtimes.Unavailable(problems...)
	found.Version = version
	return found
}

// The steps of a probe; that of trying an image is told where no smaller one is
// known.
const (
	stepVersion = "ask for the version"
	stepTry     = "try an image"
)

// tryImages returns a trial for each language that can be served, and why the
// others cannot.
func (r *Runtime) tryImages(ctx context.Context) (map[runtimes.Language]*trial, []runtimes.Problem) {
	trials := make(map[runtimes.Language]*trial)
	var problems []runtimes.Problem
	lacking, building := make(map[string]string), r.building()
	for _, language := range runtimes.Languages() {
		name := r.options.Images[language]
		if name == "" {
			continue
		}
		done, err := r.tryImage(ctx, language, name)
		if err == nil {
			trials[language] = done
			continue
		}
		p := runtimes.ProblemOf(err, stepTry, func(err error) string { return reasonFor(stepTry, err) }, language)
		image, _ := building.Of(name)
		p.Absent = cerrdefs.IsNotFound(err) && p.Step == stepImage && image.State != imagebuild.Failed
		p.Err = fmt.Errorf("image %s: %w", name, p.Err)
		problems = runtimes.AddProblem(problems, p)
		if errors.Is(err, context.DeadlineExceeded) {
			break // nor would the next one be answered
		}
		if id, err := r.imageID(ctx, name); err == nil {
			lacking[name] = id
		}
	}
	r.last.lack(lacking, building)
	return trials, r.first(trials, problems)
}

// imageID is the id of an image, "" when the engine has none of the name.
func (r *Runtime) imageID(ctx context.Context, name string) (string, error) {
	image, err := r.engine.image(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return "", nil
	}
	return image.ID, err
}

func (r *Runtime) tryImage(ctx context.Context, language runtimes.Language, name string) (*trial, error) {
	image, err := r.inspectImage(ctx, name)
	if cerrdefs.IsNotFound(err) {
		return nil, r.missingImage(stepImage, name, err)
	}
	if err != nil {
		return nil, failed(stepImage, err)
	}
	return r.probes.try(ctx, r, language, image)
}

// first puts what gives the reason before the rest, where no language is served:
// an image that does not work, else that there is none.
func (r *Runtime) first(trials map[runtimes.Language]*trial, problems []runtimes.Problem) []runtimes.Problem {
	if len(trials) > 0 {
		return problems
	}
	for i := range problems {
		if !problems[i].Absent {
			return slices.Concat(problems[i:i+1], problems[:i], problems[i+1:])
		}
	}
	var all []error
	for i := range problems {
		all = append(all, problems[i].Err)
	}
	why := "The Docker engine has no image of a language: run `make images`."
	if p := r.building(); p.String() != "" {
		why = fmt.Sprintf("The Docker engine has no image of a language yet (%v): try again in some minutes.", &p)
	} else if p.Expected {
		why = "The Docker engine has no image of a language yet, and the server is about to build them: try again in some minutes."
	}
	return []runtimes.Problem{{Absent: true, Step: stepImage, Err: errors.Join(all...), Reason: why}}
}

// unreachable is the reason why there is no engine, for the operator.
func (r *Runtime) unreachable(err error) string {
	if client.IsErrConnectionFailed(err) && !isPermission(err) && !isTLS(err) {
		return fmt.Sprintf("No Docker engine answers at %s: start it or run `make engine`.", reason.Line(r.engine.address(), saidMax))
	}
	return reasonFor(stepVersion, err)
}

// common are the layers that are in all lists, in the order of the first.
func common(lists [][]runtimes.Layer) []runtimes.Layer {
	if len(lists) == 0 {
		return nil
	}
	counts := make(map[runtimes.Layer]int)
	for _, list := range lists {
		for _, layer := range list {
			counts[layer]++
		}
	}
	var everywhere []runtimes.Layer
	for _, layer := range lists[0] {
		if counts[layer] == len(lists) {
			everywhere = append(everywhere, layer)
		}
	}
	return everywhere
}

// trialLimits are those of an environment that is made to see what it gives.
var trialLimits = runtimes.Limits{
	MemoryBytes: 256 << 20, CPUs: 1, Processes: 64, DiskBytes: 16 << 20, OpenFiles: 1024,
}

// trialSession names the session of a trial; several may be under way.
func trialSession() string { return "probe-" + randomName()[:8] }

// trial is what was learnt from a real environment.
type trial struct {
	tools    map[string]string
	layers   []runtimes.Layer
	terminal bool
}

// trialKey names what a trial is true of: an image's id, which names its
// content, and the first of the language's tools.
type trialKey struct{ image, tool string }

// probes remembers trials that went well, so that a probe is cheap.
type probes struct {
	trying sync.Mutex // one trial at a time

	mu     sync.Mutex
	trials map[trialKey]*trial
	warned string
}

// warnOnce logs a warning when it is not the last one that was logged.
func (p *probes) warnOnce(log *slog.Logger, warning string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if warning != p.warned && warning != "" {
		log.Warn(warning)
	}
	p.warned = warning
}

// forget makes the next probe try everything again.
func (p *probes) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trials = nil
}

// try makes an environment from the image, unless that has been done.
func (p *probes) try(ctx context.Context, r *Runtime, language runtimes.Language, image *imageFacts) (*trial, error) {
	p.trying.Lock()
	defer p.trying.Unlock()
	key := trialKey{image: image.id}
	tools := language.Facts().Tools
	if len(tools) > 0 {
		key.tool = tools[0].Name
	}
	if known := p.known(key); known != nil {
		return known, nil
	}
	done, err := r.try(ctx, language, tools)
	if err == nil {
		p.learn(key, done)
	}
	return done, err
}

func (p *probes) known(key trialKey) *trial {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trials[key]
}

func (p *probes) learn(key trialKey, t *trial) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trials == nil {
		p.trials = make(map[trialKey]*trial)
	}
	p.trials[key] = t
}

// try makes an environment and asks its tools for their versions. Where the
// agent cannot be started or met in shared directories it tries once more over
// streams, and stays with them if that goes well.
func (r *Runtime) try(ctx context.Context, language runtimes.Language, tools []runtimes.Tool) (*trial, error) {
	env, err := r.makeTrial(ctx, language)
	if err != nil && sharingMayFail(err) && r.giveUpSharing() {
		var second error
		if env, second = r.makeTrial(ctx, language); second != nil {
			r.forgetAccess() // it was not the sharing
			return nil, err
		}
		r.log.Info("an agent cannot be started or met in directories shared with the Docker engine; "+
			"files go through the agent", "error", err)
		err = nil
	}
	if err != nil {
		return nil, err
	}
	defer closeTrial(ctx, env)
	versions, err := askVersions(ctx, env, tools)
	if err != nil {
		return nil, failedFor("ask the tools for their versions", fmt.Sprintf("The container of the language %s ended while "+
			"its tools were asked for their versions (%s): see whether the image is whole, and run `make images`.",
			language, reason.Cause(err)), err)
	}
	return &trial{tools: versions, layers: env.isolation.Layers, terminal: env.terminal}, nil
}

// sharingMayFail reports whether the error is one that shared directories which
// do not carry programs or sockets would give.
func sharingMayFail(err error) bool {
	var failure *runtimes.EnvironmentError
	if !errors.As(err, &failure) {
		return false
	}
	return failure.Step == stepMeetAgent || failure.Step == stepStart && !errors.Is(err, context.DeadlineExceeded)
}

func (r *Runtime) makeTrial(ctx context.Context, language runtimes.Language) (*Environment, error) {
	return r.create(ctx, runtimes.Spec{Name: trialSession(), Language: language, Limits: trialLimits})
}

func closeTrial(ctx context.Context, env runtimes.Environment) {
	env.Close(context.WithoutCancel(ctx))
	env.Workspace().Close()
}

// runKeeps bounds what run keeps of a program's output, in bytes.
const runKeeps = 4 << 10

// run runs a short program to its end and returns the beginning of what it
// wrote to standard output. The end of ctx stops it.
func run(ctx context.Context, env runtimes.Environment, cmd runtimes.Command) (runtimes.Exit, string, error) {
	sink := &keeper{exited: make(chan runtimes.Exit, 1)}
	process, err := env.Start(ctx, cmd, sink)
	if err != nil {
		return runtimes.Exit{}, "", err
	}
	select {
	case exit := <-sink.exited:
		return exit, string(sink.kept), nil
	case <-ctx.Done():
		process.Stop(runtimes.Cancelled)
		<-sink.exited
		return runtimes.Exit{}, "", context.Cause(ctx)
	}
}

// keeper is a Sink. It never grants, so that a program which writes more than
// the window waits and is stopped by the end of the context.
type keeper struct {
	kept   []byte
	exited chan runtimes.Exit
}

// Output keeps the beginning of standard output.
func (k *keeper) Output(stream runtimes.Stream, p []byte) {
	if stream == runtimes.Stdout {
		k.kept = append(k.kept, p[:min(len(p), runKeeps-len(k.kept))]...)
	}
}

// Started says nothing that run waits for.
func (k *keeper) Started() {}

// InputReady does nothing: there is no input.
func (k *keeper) InputReady() {}

// Exited ends run.
func (k *keeper) Exited(exit runtimes.Exit) { k.exited <- exit }

// runcFixes are the first versions of each line of runc that hold against
// containers which replace masked paths and /dev/console while they start
// (CVE-2025-31133, CVE-2025-52565, CVE-2025-52881). Later lines have them all.
var runcFixes = [][3]int{{1, 2, 8}, {1, 3, 3}}

// runcWarning says what is wrong with the engine's runc, or "".
func runcWarning(version types.Version) string {
	for _, component := range version.Components {
		if component.Name == "runc" && runcIsOld(component.Version) {
			return fmt.Sprintf("the engine's runc %s lacks the fixes of CVE-2025-31133, CVE-2025-52565 and "+
				"CVE-2025-52881: update it to 1.2.8, 1.3.3 or later", component.Version)
		}
	}
	return ""
}

// runcIsOld reports whether the version is known to lack the fixes. What cannot
// be read is not called old.
func runcIsOld(version string) bool {
	parsed, ok := parseVersion(version)
	if !ok {
		return false
	}
	for _, fix := range runcFixes {
		if parsed[0] == fix[0] && parsed[1] == fix[1] {
			return parsed[2] < fix[2]
		}
	}
	first := runcFixes[0]
	return parsed[0] < first[0] || parsed[0] == first[0] && parsed[1] < first[1]
}

// parseVersion reads the three numbers at the start of "v1.1.5+ds1-1".
func parseVersion(text string) (version [3]int, ok bool) {
	fields := strings.SplitN(strings.TrimPrefix(text, "v"), ".", 3)
	if len(fields) != len(version) {
		return version, false
	}
	for i, field := range fields {
		end := strings.IndexFunc(field, func(c rune) bool { return c < '0' || c > '9' })
		if end < 0 {
			end = len(field)
		}
		number, err := strconv.Atoi(field[:end])
		if err != nil {
			return version, false
		}
		version[i] = number
	}
	return version, true
}
