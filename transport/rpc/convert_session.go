package rpc

import (
	"math"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// sessionObject converts a session.
func sessionObject(i *actors.Info) protocol.Session {
	return protocol.Session{
		SessionID:     i.SessionID,
		EnvironmentID: i.EnvironmentID,
		ContainerID:   i.ContainerID,
		RuntimeType:   i.Runtime.String(),
		Language:      i.Language.String(),
		State:         i.State.String(),
		CreatedAt:     wireTime(i.CreatedAt),
		Workspace:     runtimes.WorkspacePath,
		Config: protocol.SessionConfig{
			IdleTimeoutMinutes: wireMinutes(i.IdleTimeout),
			MaxLifetimeMinutes: wireMinutes(i.MaxLifetime),
		},
		Limits:    wireLimits(&i.Limits),
		Isolation: wireIsolation(i.Isolation),
		Pooled:    i.Pooled,
	}
}

// sessionDetail is a session as this client may see it.
func (cn *connection) sessionDetail(i *actors.Info, now time.Time) protocol.SessionDetail {
	d := sessionDetail(i, now)
	d.Key = cn.service.KeyOf(i.SessionID)
	return d
}

// sessionDetail converts a session with what changes all the time.
func sessionDetail(i *actors.Info, now time.Time) protocol.SessionDetail {
	d := protocol.SessionDetail{
		Session:         sessionObject(i),
		LastActivity:    wireTime(i.LastActivity),
		ExecutionCount:  i.ExecutionCount,
		IdleMinutes:     wireMinutes(max(now.Sub(i.LastActivity), 0)),
		LifetimeMinutes: wireMinutes(max(now.Sub(i.CreatedAt), 0)),
		Labels:          i.Labels,
	}
	if d.Labels == nil {
		d.Labels = noLabels
	}
	return d
}

// noLabels is shown as {} and never changed.
var noLabels = map[string]string{}

func wireLimits(l *runtimes.Limits) protocol.Limits {
	return protocol.Limits{
		MemoryMB:        orNull(float64(l.MemoryBytes) / (1 << 20)),
		ProcessMemoryMB: orNull(float64(l.ProcessMemoryBytes) / (1 << 20)),
		CPUs:            orNull(l.CPUs),
		Processes:       orNull(l.Processes),
		DiskMB:          orNull(float64(l.DiskBytes) / (1 << 20)),
		Inodes:          orNull(l.Inodes),
		HomeMB:          orNull(float64(l.HomeBytes) / (1 << 20)),
		TmpMB:           orNull(float64(l.TemporaryBytes) / (1 << 20)),
		ShmMB:           orNull(float64(l.SharedMemoryBytes) / (1 << 20)),
		OpenFiles:       orNull(l.OpenFiles),
		OutputBytes:     orNull(l.OutputBytes),
	}
}

// orNull is nil for zero, which means that there is no limit.
func orNull[T int64 | float64](v T) *T {
	if v <= 0 {
		return nil
	}
	limit := v // only a limit that is there costs memory
	return &limit
}

func wireIsolation(i runtimes.Isolation) protocol.Isolation {
	layers := make([]string, 0, len(i.Layers))
	for _, layer := range i.Layers {
		layers = append(layers, string(layer))
	}
	return protocol.Isolation{Score: i.Score, Layers: layers}
}

// executionPage converts at most limit executions of a session: those behind
// the one with the id after, or all when it is "".
func executionPage(all []actors.ExecutionInfo, after string, limit int) *protocol.ExecutionPage {
	all = behind(all, after)
	p := &protocol.ExecutionPage{Executions: make([]protocol.Execution, 0, min(len(all), limit))}
	for i := range all {
		if i == limit {
			p.NextCursor = all[i-1].ID
			break
		}
		e := &all[i]
		wire := protocol.Execution{
			ExecutionID: e.ID, State: e.State.String(), Type: e.Type, CommandName: e.CommandName,
			Background: e.Background, FirstSeq: e.FirstSeq, NextSeq: e.NextSeq,
		}
		if !e.StartedAt.IsZero() {
			wire.StartedAt = wireTime(e.StartedAt)
		}
		p.Executions = append(p.Executions, wire)
	}
	return p
}

// behind returns the executions that follow one. When it is kept no longer,
// that is told by the time in the ids, which sort by it.
func behind(all []actors.ExecutionInfo, after string) []actors.ExecutionInfo {
	if after == "" {
		return all
	}
	at := slices.IndexFunc(all, func(e actors.ExecutionInfo) bool { return e.ID == after })
	if at < 0 {
		at = slices.IndexFunc(all, func(e actors.ExecutionInfo) bool { return e.ID > after }) - 1
	}
	if at < -1 {
		return nil
	}
	return all[at+1:]
}

// snapshot converts the state of a log.
func snapshot(s *output.Snapshot) *protocol.ExecutionSnapshot {
	return &protocol.ExecutionSnapshot{
		State: s.State.String(), FirstSeq: s.FirstSeq, NextSeq: s.NextSeq,
		DroppedBytes: protocol.DroppedBytes{
			Stdout: s.DroppedBytes(runtimes.Stdout),
			Stderr: s.DroppedBytes(runtimes.Stderr),
			PTY:    s.DroppedBytes(runtimes.Terminal),
		},
	}
}

// wireLanguages lists languages.
func wireLanguages(all []sessions.Language) *protocol.LanguageList {
	list := &protocol.LanguageList{}
	for _, l := range all {
		wire := protocol.Language{
			Name: l.Language.String(), Aliases: append([]string{}, l.Language.Aliases()...), Runtimes: []string{},
		}
		for _, t := range l.Runtimes {
			wire.Runtimes = append(wire.Runtimes, t.String())
		}
		if l.Default != 0 {
			name := l.Default.String()
			wire.Default = &name
		}
		list.Languages = append(list.Languages, wire)
	}
	return list
}

// wireRuntimes lists runtimes.
func wireRuntimes(all []sessions.Runtime) *protocol.RuntimeList {
	list := &protocol.RuntimeList{Runtimes: make([]protocol.Runtime, 0, len(all))}
	for i := range all {
		r, a := &all[i], &all[i].Availability
		wire := protocol.Runtime{
			RuntimeType:  r.Type.String(),
			Available:    a.Available,
			Version:      a.Version,
			ToolVersions: a.Tools,
			Languages:    languageNames(a.Languages),
			StartupMs:    float64(r.Figures.Startup.Microseconds()) / 1000,
			MemoryMB:     float64(r.Figures.Memory*10>>20) / 10,
			Measured:     r.Measured,
			Isolation:    wireIsolation(a.Isolation),
			Capabilities: wireCapabilities(a, r.Stateful),
			Pool:         protocol.Pool{Warm: r.Warm, Target: r.Target},
		}
		for j := range r.Pools {
			wire.Pools = append(wire.Pools, wirePool(&r.Pools[j]))
		}
		if a.Strongest.Score > a.Isolation.Score {
			strongest := wireIsolation(a.Strongest)
			wire.Strongest = &strongest
		}
		if wire.ToolVersions == nil {
			wire.ToolVersions = map[string]string{}
		}
		if !a.Available {
			wire.Reason = a.Reason
		}
		list.Runtimes = append(list.Runtimes, wire)
	}
	return list
}

// wirePool describes a pool.
func wirePool(p *sessions.Pool) protocol.LanguagePool {
	wire := protocol.LanguagePool{
		Language: p.Language.String(), Image: p.Image, Warm: p.Warm, Target: p.Target, Hits: p.Hits,
		MemoryMB: float64(p.MemoryBytes*10>>20) / 10, Reason: p.Reason,
	}
	for _, n := range p.Misses {
		wire.Misses += n
	}
	return wire
}

// fileCommands are what every runtime can do.
var fileCommands = []string{
	protocol.TypeWriteFile, protocol.TypeReadFile, protocol.TypeCreateDirectory, protocol.TypeCopyFile,
	protocol.TypeMoveFile, protocol.TypeDeleteFile, protocol.TypeListDirectory,
}

func wireCapabilities(a *runtimes.Availability, stateful []runtimes.Language) protocol.Capabilities {
	c := protocol.Capabilities{Commands: append([]string{}, fileCommands...), PTY: a.Terminal, Stateful: languageNames(stateful)}
	if a.Processes {
		c.Commands = append(c.Commands, protocol.TypeExecuteShell)
	}
	if len(stateful) > 0 {
		c.Commands = append(c.Commands, protocol.TypeExecuteCode)
	}
	return c
}

// createOf is what the params of session.create ask for.
func createOf(p *protocol.SessionCreate) (sessions.Create, error) {
	r := sessions.Create{
		Language: p.Language, IdleTimeout: minutes(p.IdleTimeoutMinutes), MaxLifetime: minutes(p.MaxLifetimeMinutes),
		MemoryMB: p.MemoryLimitMB, CPUs: p.CPUs, Processes: p.ProcessLimit, DiskMB: p.DiskLimitMB,
		Env: p.Env, Image: p.DockerImage, Labels: p.Labels, KillOnDisconnect: p.KillOnDisconnect, ClientToken: p.ClientToken,
	}
	if p.RuntimePreference != "" {
		preference, ok := runtimes.ParsePreference(string(p.RuntimePreference))
		if !ok {
			return r, paramError("runtimePreference", "is not known")
		}
		r.Preference = &preference
	}
	if p.RuntimeType != "" {
		var ok bool
		if r.Runtime, ok = runtimes.ParseType(string(p.RuntimeType)); !ok {
			return r, paramError("runtimeType", "is not known")
		}
	}
	if p.Network == "internet" {
		r.Network = runtimes.Internet
	}
	return r, nil
}

// minutes is an optional number of minutes; the longest duration stands for what
// no duration can be.
func minutes(v *float64) *time.Duration {
	if v == nil {
		return nil
	}
	d := time.Duration(math.MaxInt64)
	if n := *v * float64(time.Minute); n < math.MaxInt64 {
		d = time.Duration(max(n, 0))
	}
	return &d
}

// millisecondsOf is an optional number of milliseconds, likewise.
func millisecondsOf(v *int64) *time.Duration {
	if v == nil {
		return nil
	}
	d := time.Duration(math.MaxInt64)
	if *v < math.MaxInt64/int64(time.Millisecond) {
		d = time.Duration(max(*v, 0)) * time.Millisecond
	}
	return &d
}

// dimension is that of a terminal, which must be given.
func dimension(member string, v *int64) (uint16, error) {
	if v == nil {
		return 0, paramError(member, "is required")
	}
	return uint16(min(max(*v, 0), math.MaxUint16)), nil
}
