package transport

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

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
