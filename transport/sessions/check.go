package sessions

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
)

// integer checks an optional integer against bounds. Nil is preset.
func integer(f Field, v *int64, preset, least, most int64) (int64, error) {
	if v == nil {
		return preset, nil
	}
	if *v < least || *v > most {
		return 0, fieldError(f, "must be from %v to %v", least, most)
	}
	return *v, nil
}

// text checks a string that goes into the kernel or a name.
func text(f Field, v string, most int) error {
	if why := wrongText(v, most); why != "" {
		return fieldError(f, "%s", why)
	}
	return nil
}

// wrongText says what is wrong with a string, "" for nothing.
func wrongText(v string, most int) string {
	switch {
	case len(v) > most:
		return fmt.Sprintf("must not be longer than %d bytes", most)
	case strings.IndexByte(v, 0) >= 0:
		return "must not contain a NUL"
	}
	return ""
}

// required is text that must be there.
func required(f Field, v *string, most int) (string, error) {
	if v == nil {
		return "", fieldError(f, "is required")
	}
	if *v == "" {
		return "", fieldError(f, "must not be empty")
	}
	return *v, text(f, *v, most)
}

// identifier checks the id of a session or an execution.
func identifier(f Field, v string) error {
	if v == "" {
		return fieldError(f, "is required")
	}
	return text(f, v, maxIDBytes)
}

// CheckSession checks the form of a session's id.
// Errors: *FieldError.
func CheckSession(id string) error { return identifier(FieldSession, id) }

// CheckExecution checks the form of an execution's id.
// Errors: *FieldError.
func CheckExecution(id string) error { return identifier(FieldExecution, id) }

// lifetime checks an optional duration in which a session ends. Nil is preset.
func lifetime(f Field, v *time.Duration, preset, most time.Duration) (time.Duration, error) {
	if v == nil {
		return min(preset, most), nil
	}
	if *v < time.Millisecond || *v > most {
		return 0, fieldError(f, "must be more than 0 and at most %v minutes", most.Minutes())
	}
	return *v, nil
}

// milliseconds checks an optional duration of at least a millisecond. Nil is
// preset.
func milliseconds(f Field, v *time.Duration, preset, most time.Duration) (time.Duration, error) {
	if v == nil {
		return preset, nil
	}
	if *v < time.Millisecond || *v > most {
		return 0, fieldError(f, "must be from 1 to %d milliseconds", most.Milliseconds())
	}
	return *v, nil
}

// environment checks variables and returns them as "KEY=value", sorted.
func environment(f Field, vars map[string]string) ([]string, error) {
	if len(vars) == 0 {
		return nil, nil
	}
	if len(vars) > maxEnv {
		return nil, fieldError(f, "must not have more than %d members", maxEnv)
	}
	list, total := make([]string, 0, len(vars)), 0
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		value := vars[name]
		if name == "" || strings.ContainsAny(name, "=\x00") || len(name) > maxEnvNameBytes {
			return nil, fieldError(f, "is not a valid variable name: it must have 1 to %d bytes without = and NUL", maxEnvNameBytes).in(member(name))
		}
		if why := wrongText(value, MaxArgumentBytes-len(name)); why != "" {
			return nil, fieldError(f, "%s", why).in(member(name))
		}
		if total += len(name) + len(value) + 2; total > maxVectorBytes {
			return nil, fieldError(f, "must not be larger than %d bytes", maxVectorBytes)
		}
		list = append(list, name+"="+value)
	}
	return list, nil
}

// checkLabels checks labels.
func checkLabels(set map[string]string) error {
	if len(set) > maxLabels {
		return fieldError(FieldLabels, "must not have more than %d members", maxLabels)
	}
	for name, value := range set {
		if name == "" {
			return fieldError(FieldLabels, "must have a name").in(member(name))
		}
		for _, s := range []string{name, value} {
			if why := wrongText(s, maxLabelBytes); why != "" {
				return fieldError(FieldLabels, "%s", why).in(member(name))
			}
		}
	}
	return nil
}

// member is a client's own name as a part of a field.
func member(name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			return fmt.Sprintf(".%q", name)
		}
	}
	return "." + name
}

// create checks what a session is to be and applies the defaults.
func (l *Local) create(owner string, p *Create) (r actors.CreateRequest, err error) {
	r = actors.CreateRequest{
		Owner: owner, Preference: runtimes.Balanced, Runtime: p.Runtime, Labels: p.Labels, KillOnDisconnect: p.KillOnDisconnect,
	}
	if p.Preference != nil {
		r.Preference = *p.Preference
	}
	for _, step := range []func(*actors.CreateRequest, *Create) error{
		l.language, l.lifetimes, l.limits, l.network, l.image, names,
	} {
		if err = step(&r, p); err != nil {
			return r, err
		}
	}
	if r.ClientToken != "" {
		r.Fingerprint, err = fingerprint(r)
	}
	return r, err
}

func (l *Local) language(r *actors.CreateRequest, p *Create) error {
	if err := identifier(FieldLanguage, p.Language); err != nil {
		return err
	}
	language, ok := runtimes.ParseLanguage(p.Language)
	if !ok {
		return &UnknownLanguageError{l.registry.Served()}
	}
	r.Language = language
	return nil
}

func (l *Local) lifetimes(r *actors.CreateRequest, p *Create) (err error) {
	if r.IdleTimeout, err = lifetime(FieldIdleTimeout, p.IdleTimeout, DefaultIdleTimeout, l.policy.MaxIdleTimeout); err != nil {
		return err
	}
	r.MaxLifetime, err = lifetime(FieldMaxLifetime, p.MaxLifetime, DefaultLifetime, l.policy.MaxLifetime)
	return err
}

func (l *Local) limits(r *actors.CreateRequest, p *Create) error {
	most := &l.policy
	memory, err := integer(FieldMemory, p.MemoryMB, min(DefaultMemoryMB, most.MaxMemoryMB), minMemoryMB, most.MaxMemoryMB)
	if err != nil {
		return err
	}
	disk, err := integer(FieldDisk, p.DiskMB, min(DefaultDiskMB, most.MaxDiskMB), 1, most.MaxDiskMB)
	if err != nil {
		return err
	}
	r.Limits.MemoryBytes, r.Limits.DiskBytes, r.DiskAsked = memory<<20, disk<<20, p.DiskMB != nil
	r.Limits.Processes, err = integer(FieldProcesses, p.Processes, min(DefaultProcesses, most.MaxProcesses), 1, most.MaxProcesses)
	if err != nil {
		return err
	}
	r.Limits.CPUs = min(DefaultCPUs, most.MaxCPUs)
	if p.CPUs != nil {
		if r.Limits.CPUs = *p.CPUs; !(*p.CPUs >= minCPUs && *p.CPUs <= most.MaxCPUs) || math.IsInf(*p.CPUs, 0) {
			return fieldError(FieldCPUs, "must be from %v to %v", minCPUs, most.MaxCPUs)
		}
	}
	return nil
}

// OrdinaryLimits are those of a session that asks for none.
func (p *Policy) OrdinaryLimits() runtimes.Limits {
	var r actors.CreateRequest
	_ = (&Local{policy: p.WithDefaults()}).limits(&r, &Create{}) // which has nothing that could be wrong
	return r.Limits
}

func (l *Local) network(r *actors.CreateRequest, p *Create) error {
	if p.Network == runtimes.Internet && l.policy.DenyInternet {
		return fieldError(FieldNetwork, "internet is not allowed on this server: use none")
	}
	r.Network = p.Network
	return nil
}

// image checks the image, which implies the runtime Docker.
func (l *Local) image(r *actors.CreateRequest, p *Create) error {
	if p.Image == nil {
		return nil
	}
	image, err := required(FieldImage, p.Image, maxImageBytes)
	if err != nil {
		return err
	}
	full, ok := l.policy.Images.Allowed(image)
	if !ok {
		return fieldError(FieldImage, "is not among the images that this server's configuration allows")
	}
	if r.Runtime != 0 && r.Runtime != runtimes.Docker {
		return fieldError(FieldImage, "contradicts the runtime %v", r.Runtime)
	}
	r.Image, r.Runtime = full, runtimes.Docker
	return nil
}

// names checks what the client says about the session.
func names(r *actors.CreateRequest, p *Create) (err error) {
	if r.Env, err = environment(FieldEnv, p.Env); err != nil {
		return err
	}
	if err := checkLabels(p.Labels); err != nil {
		return err
	}
	if p.ClientToken != nil {
		r.ClientToken, err = required(FieldClientToken, p.ClientToken, maxTokenBytes)
	}
	return err
}

// fingerprint digests everything but owner and token.
func fingerprint(r actors.CreateRequest) (string, error) {
	r.Owner, r.ClientToken = "", ""
	if len(r.Labels) == 0 { // none is none, however it was said
		r.Labels = nil
	}
	if len(r.Env) == 0 {
		r.Env = nil
	}
	all, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("fingerprint of a create: %w", err)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:]), nil
}

// extend checks what is to be replaced; zero leaves a value as it is.
func (l *Local) extend(p *Extend) (r actors.Extend, err error) {
	if p.IdleTimeout != nil {
		if r.IdleTimeout, err = lifetime(FieldIdleTimeout, p.IdleTimeout, 0, l.policy.MaxIdleTimeout); err != nil {
			return r, err
		}
	}
	if p.MaxLifetime != nil {
		r.MaxLifetime, err = lifetime(FieldMaxLifetime, p.MaxLifetime, 0, l.policy.MaxLifetime)
	}
	return r, err
}

// isCursor matches the ids of sessions: a node and a ULID.
var isCursor = regexp.MustCompile(`^[0-9A-Za-z-]+\.[0-9A-Z]{26}$`)

// list checks which page is asked for.
func list(owner string, p *List) (actors.ListRequest, error) {
	r := actors.ListRequest{Owner: owner, Labels: p.Labels}
	limit, err := integer(FieldLimit, p.Limit, DefaultPage, 1, MaxPage)
	if err != nil {
		return r, err
	}
	r.Limit = int(limit)
	if p.After != nil {
		if r.After, err = required(FieldAfter, p.After, maxIDBytes); err == nil && !isCursor.MatchString(r.After) {
			err = fieldError(FieldAfter, "is not the end of a page of this server")
		}
		if err != nil {
			return r, err
		}
	}
	return r, checkLabels(p.Labels)
}

// execute checks a command and applies the defaults.
func (l *Local) execute(p *Execute) (r actors.Execute, err error) {
	preset := DefaultTimeout
	timeout, field := p.Timeout, FieldTimeout
	switch {
	case p.Program != nil && p.File == nil && p.Cell == nil:
		var program *runtimes.Command
		if program, err = l.program(p.Program); err == nil && program.Terminal != nil {
			preset = 0
		}
		r.Command = program
	case p.Cell != nil && p.Program == nil && p.File == nil:
		if p.Cell.Timeout != nil {
			timeout, field = p.Cell.Timeout, FieldCellTimeout
		}
		r.Command, err = l.cell(p.Cell)
	case p.File != nil && p.Program == nil && p.Cell == nil:
		r.Command, err = p.File, l.file(p.File)
	default:
		err = fieldError(FieldCommand, "must be a program, a cell or a file command")
	}
	if err != nil {
		return r, err
	}
	if p.Background {
		preset = 0
	}
	r.Background, r.KillOnDisconnect = p.Background, p.KillOnDisconnect
	r.Timeout, err = milliseconds(field, timeout, preset, l.policy.MaxTimeout)
	return r, err
}

// isContext matches the names of contexts.
var isContext = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// cell checks a cell, all but whether the session runs its language.
func (l *Local) cell(p *Cell) (*actors.Cell, error) {
	switch {
	case p.Code == nil:
		return nil, fieldError(FieldCode, "is required")
	case len(*p.Code) > MaxCodeBytes:
		return nil, &TooLargeError{FieldCode, MaxCodeBytes}
	case int64(len(p.Stdin)) > l.policy.MaxStdinBytes:
		return nil, &TooLargeError{FieldStdin, l.policy.MaxStdinBytes}
	}
	c := &actors.Cell{Code: *p.Code, Context: DefaultContext, Stdin: p.Stdin, OpenStdin: p.OpenInput, Reset: p.Reset}
	if p.Context != nil {
		if c.Context = *p.Context; !isContext.MatchString(c.Context) {
			return nil, fieldError(FieldContext, "must be 1 to 64 letters, digits, '.', '_' and '-'")
		}
	}
	if p.Language != "" {
		var ok bool
		if c.Language, ok = runtimes.ParseLanguage(p.Language); !ok {
			return nil, fieldError(FieldCellLanguage, "is not known: language.list has those that are")
		}
	}
	return c, nil
}

// program checks a program.
func (l *Local) program(p *Program) (*runtimes.Command, error) {
	name, err := required(FieldName, p.Name, maxPathBytes)
	if err != nil {
		return nil, err
	}
	if err := arguments(p.Args); err != nil {
		return nil, err
	}
	c := &runtimes.Command{Name: name, Args: p.Args, Stdin: p.Stdin, OpenStdin: p.OpenInput}
	if c.Env, err = environment(FieldCommandEnv, p.Env); err != nil {
		return nil, err
	}
	if p.Terminal != nil {
		if c.Terminal, err = terminal(FieldTerminalColumns, FieldTerminalRows, p.Terminal); err != nil {
			return nil, err
		}
	}
	if int64(len(p.Stdin)) > l.policy.MaxStdinBytes {
		return nil, &TooLargeError{FieldStdin, l.policy.MaxStdinBytes}
	}
	if err := l.programLimits(&c.Limits, &p.Limits); err != nil {
		return nil, err
	}
	c.Dir, err = directory(p.Dir)
	return c, err
}

func (l *Local) programLimits(r *runtimes.CommandLimits, p *ProgramLimits) error {
	memory, err := integer(FieldCommandMemory, p.MemoryMB, 0, 1, l.policy.MaxMemoryMB)
	if err != nil {
		return err
	}
	stack, err := integer(FieldCommandStack, p.StackMB, 0, 1, l.policy.MaxMemoryMB)
	if err != nil {
		return err
	}
	r.MemoryBytes, r.StackBytes = memory<<20, stack<<20
	if r.CPU, err = milliseconds(FieldCommandCPU, p.CPU, 0, l.policy.MaxTimeout); err != nil {
		return err
	}
	if r.Processes, err = integer(FieldCommandProcs, p.Processes, 0, 1, l.policy.MaxProcesses); err != nil {
		return err
	}
	r.OutputBytes, err = integer(FieldCommandOutput, p.OutputBytes, 0, 1, l.policy.MaxOutputBytes)
	return err
}

// terminal is the size of a terminal with its defaults.
func terminal(columns, rows Field, t *Terminal) (*runtimes.TerminalSize, error) {
	c, err := integer(columns, t.Columns, DefaultColumns, 1, maxTerminalSize)
	if err != nil {
		return nil, err
	}
	r, err := integer(rows, t.Rows, DefaultRows, 1, maxTerminalSize)
	return &runtimes.TerminalSize{Columns: uint16(c), Rows: uint16(r)}, err
}

// arguments checks an argument vector against what the kernel takes.
func arguments(args []string) error {
	if len(args) > MaxArgs {
		return fieldError(FieldArgs, "must not have more than %d elements", MaxArgs)
	}
	total := 0
	for i, arg := range args {
		if why := wrongText(arg, MaxArgumentBytes); why != "" {
			return fieldError(FieldArgs, "%s", why).in(fmt.Sprintf("[%d]", i))
		}
		if total += len(arg) + 1; total > maxVectorBytes {
			return fieldError(FieldArgs, "must not be larger than %d bytes", maxVectorBytes)
		}
	}
	return nil
}

// directory makes a path relative to the workspace and clean; "" is the
// workspace itself. One that leads out of it stays as it is: the session
// refuses it in its turn.
func directory(dir string) (string, error) {
	if err := text(FieldDir, dir, maxPathBytes); err != nil {
		return "", err
	}
	if dir == "" {
		return "", nil
	}
	below := dir
	if path.IsAbs(dir) {
		rest, ok := strings.CutPrefix(dir, runtimes.WorkspacePath)
		if !ok || rest != "" && rest[0] != '/' {
			return dir, nil
		}
		below = strings.TrimLeft(rest, "/")
	}
	if below = path.Clean(below); below == "." {
		return "", nil
	}
	return below, nil
}

// file checks a file command. The form of a path is the workspace's to judge,
// whose answer is an outcome: an empty one, a NUL, "..", too long.
func (l *Local) file(command runtimes.FileCommand) error {
	switch c := command.(type) {
	case *runtimes.WriteFile:
		if int64(len(c.Content)) > l.policy.MaxFileBytes {
			return &TooLargeError{FieldContent, l.policy.MaxFileBytes}
		}
		if c.Atomic && c.Mode == runtimes.Append {
			return fieldError(FieldAtomic, "is not for mode Append")
		}
	case *runtimes.ReadFile:
		if c.Offset < 0 {
			return fieldError(FieldOffset, "must be at least 0")
		}
		if c.Length < 0 {
			return fieldError(FieldLength, "must be at least 1")
		}
	case *runtimes.ListDirectory:
		return checkListing(c)
	}
	return nil
}

func checkListing(c *runtimes.ListDirectory) error {
	if err := text(FieldPattern, c.Pattern, maxPatternBytes); err != nil {
		return err
	}
	if _, err := runtimes.ParsePattern(c.Pattern); err != nil {
		return fieldError(FieldPattern, "%v", err)
	}
	if c.MaxDepth < 0 {
		return fieldError(FieldMaxDepth, "must be at least 1")
	}
	if c.Limit < 0 || c.Limit > MaxListEntries {
		return fieldError(FieldEntries, "must be from 1 to %d", MaxListEntries)
	}
	return nil
}
