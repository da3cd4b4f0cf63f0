package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/actors/output"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
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
		Workspace:     workspaceRoot,
		Config: protocol.SessionConfig{
			IdleTimeoutMinutes: wireMinutes(i.IdleTimeout),
			MaxLifetimeMinutes: wireMinutes(i.MaxLifetime),
		},
		Limits:    wireLimits(&i.Limits),
		Isolation: wireIsolation(i.Isolation),
		Pooled:    i.Pooled,
	}
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
		MemoryMB:    orNull(float64(l.MemoryBytes) / (1 << 20)),
		CPUs:        orNull(l.CPUs),
		Processes:   orNull(l.Processes),
		DiskMB:      orNull(float64(l.DiskBytes) / (1 << 20)),
		Inodes:      orNull(l.Inodes),
		HomeMB:      orNull(float64(l.HomeBytes) / (1 << 20)),
		TmpMB:       orNull(float64(l.TemporaryBytes) / (1 << 20)),
		ShmMB:       orNull(float64(l.SharedMemoryBytes) / (1 << 20)),
		OpenFiles:   orNull(l.OpenFiles),
		OutputBytes: orNull(l.OutputBytes),
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

// create converts the params of session.create.
func (v *converter) create(owner string, p *protocol.SessionCreate) (r actors.CreateRequest, err error) {
	r.Owner, r.KillOnDisconnect = owner, p.KillOnDisconnect
	for _, step := range []func(*actors.CreateRequest, *protocol.SessionCreate) error{
		v.language, v.choice, v.durations, v.limits, v.network, v.image, v.names,
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

func (v *converter) language(r *actors.CreateRequest, p *protocol.SessionCreate) error {
	if p.Language == "" {
		return paramError("language", "is required")
	}
	if err := text("language", p.Language, maxIDBytes); err != nil {
		return err
	}
	language, ok := runtimes.ParseLanguage(p.Language)
	if !ok {
		return &unknownLanguageError{v.served()}
	}
	r.Language = language
	return nil
}

func (v *converter) choice(r *actors.CreateRequest, p *protocol.SessionCreate) error {
	r.Preference = runtimes.Balanced
	if p.RuntimePreference != "" {
		preference, ok := runtimes.ParsePreference(string(p.RuntimePreference))
		if !ok {
			return paramError("runtimePreference", "is not known")
		}
		r.Preference = preference
	}
	if p.RuntimeType != "" {
		runtime, ok := runtimes.ParseType(string(p.RuntimeType))
		if !ok {
			return paramError("runtimeType", "is not known")
		}
		r.Runtime = runtime
	}
	return nil
}

func (v *converter) durations(r *actors.CreateRequest, p *protocol.SessionCreate) (err error) {
	r.IdleTimeout, err = minutes("idleTimeoutMinutes", p.IdleTimeoutMinutes,
		min(defaultIdleMinutes, v.policy.MaxIdleTimeout.Minutes()), v.policy.MaxIdleTimeout)
	if err != nil {
		return err
	}
	r.MaxLifetime, err = minutes("maxLifetimeMinutes", p.MaxLifetimeMinutes,
		min(defaultLifetimeMinutes, v.policy.MaxLifetime.Minutes()), v.policy.MaxLifetime)
	return err
}

func (v *converter) limits(r *actors.CreateRequest, p *protocol.SessionCreate) error {
	most := &v.policy
	memory, err := integer("memoryLimitMB", p.MemoryLimitMB, min(defaultMemoryMB, most.MaxMemoryMB), minMemoryMB, most.MaxMemoryMB)
	if err != nil {
		return err
	}
	disk, err := integer("diskLimitMB", p.DiskLimitMB, min(defaultDiskMB, most.MaxDiskMB), 1, most.MaxDiskMB)
	if err != nil {
		return err
	}
	r.Limits.MemoryBytes, r.Limits.DiskBytes, r.DiskAsked = memory<<20, disk<<20, p.DiskLimitMB != nil
	r.Limits.Processes, err = integer("processLimit", p.ProcessLimit, min(defaultProcesses, most.MaxProcesses), 1, most.MaxProcesses)
	if err != nil {
		return err
	}
	r.Limits.CPUs, err = float("cpus", p.CPUs, min(defaultCPUs, most.MaxCPUs), minCPUs, most.MaxCPUs)
	return err
}

func (v *converter) network(r *actors.CreateRequest, p *protocol.SessionCreate) error {
	if p.Network != "internet" {
		return nil
	}
	if v.policy.DenyInternet {
		return paramError("network", "internet is not allowed on this server: use none")
	}
	r.Network = runtimes.Internet
	return nil
}

// image checks dockerImage, which implies the runtime Docker.
func (v *converter) image(r *actors.CreateRequest, p *protocol.SessionCreate) error {
	if p.DockerImage == nil {
		return nil
	}
	image, err := required("dockerImage", p.DockerImage, maxImageBytes)
	if err != nil {
		return err
	}
	full, ok := v.policy.Images.Allowed(image)
	if !ok {
		return paramError("dockerImage", "is not among the images that this server's configuration allows")
	}
	if r.Runtime != 0 && r.Runtime != runtimes.Docker {
		return paramError("dockerImage", "contradicts runtimeType %v", r.Runtime)
	}
	r.Image, r.Runtime = full, runtimes.Docker
	return nil
}

// names converts what the client says about the session.
func (v *converter) names(r *actors.CreateRequest, p *protocol.SessionCreate) (err error) {
	if r.Env, err = environment("env", p.Env); err != nil {
		return err
	}
	if r.Labels, err = labels(p.Labels); err != nil {
		return err
	}
	if p.ClientToken != nil {
		r.ClientToken, err = required("clientToken", p.ClientToken, maxTokenBytes)
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

// extend converts the params of session.extend; an absent member is zero.
func (v *converter) extend(p *protocol.SessionExtend) (r actors.Extend, err error) {
	if p.IdleTimeoutMinutes != nil {
		if r.IdleTimeout, err = minutes("idleTimeoutMinutes", p.IdleTimeoutMinutes, 0, v.policy.MaxIdleTimeout); err != nil {
			return r, err
		}
	}
	if p.MaxLifetimeMinutes != nil {
		r.MaxLifetime, err = minutes("maxLifetimeMinutes", p.MaxLifetimeMinutes, 0, v.policy.MaxLifetime)
	}
	return r, err
}

// isCursor matches the ids of sessions: a node and a ULID.
var isCursor = regexp.MustCompile(`^[0-9A-Za-z-]+\.[0-9A-Z]{26}$`)

// list converts the params of session.list.
func (v *converter) list(owner string, p *protocol.SessionList) (actors.ListRequest, error) {
	r := actors.ListRequest{Owner: owner}
	limit, err := integer("limit", p.Limit, defaultPageSessions, 1, maxPageSessions)
	if err != nil {
		return r, err
	}
	r.Limit = int(limit)
	if p.Cursor != nil {
		if r.After, err = required("cursor", p.Cursor, maxIDBytes); err == nil && !isCursor.MatchString(r.After) {
			err = paramError("cursor", "is not a nextCursor of this server")
		}
		if err != nil {
			return r, err
		}
	}
	r.Labels, err = labels(p.Labels)
	return r, err
}

// timeout converts timeoutMs. Nil is preset; zero is none.
func (v *converter) timeout(p *int64, preset time.Duration) (time.Duration, error) {
	if p == nil {
		return preset, nil
	}
	most := v.policy.MaxTimeout.Milliseconds()
	ms, err := integer("timeoutMs", p, 0, 1, most)
	return time.Duration(ms) * time.Millisecond, err
}
