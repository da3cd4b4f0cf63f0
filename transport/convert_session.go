package transport

import (
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
