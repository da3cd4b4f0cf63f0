package guestlink

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/internal/guestlink/frame"
)

// Start starts a program; see runtimes.Environment. The sink may be called
// before Start returns.
func (l *Link) Start(ctx context.Context, cmd runtimes.Command, sink runtimes.Sink) (runtimes.Process, error) {
	switch err := context.Cause(ctx); {
	case l.Err() != nil:
		return nil, runtimes.ErrEnvironmentLost
	case err != nil:
		return nil, err
	}
	p := newProcess(l, cmd, sink)
	if l.groups != nil && l.groups.run.Full() {
		return p.refuse("the limit of processes is reached", runtimes.ProcessLimit), nil
	}
	if err := p.makeGroup(); err != nil {
		if l.Err() != nil { // the groups went with it
			return nil, runtimes.ErrEnvironmentLost
		}
		l.log.Error("a program has no control group and is not started", "reason", err)
		return p.refuse("the server could not make a control group for the program"), nil
	}
	payload, reason := p.startPayload(cmd)
	if reason != "" {
		p.abort()
		return p.refuse(reason), nil
	}
	l.share.Begin()
	p.late = time.AfterFunc(replyTimeout, func() { l.fail(protocolError("no answer to a Start for %v", replyTimeout)) })
	if !l.register(p) {
		p.late.Stop()
		l.share.End()
		p.abort()
		return nil, runtimes.ErrEnvironmentLost
	}
	if p.group != nil {
		p.group.known = true // before another may have it
	}
	l.writer.send(frame.Header{Kind: frame.KindStart, Execution: p.id}, payload, p.tasks...)
	p.begin(cmd)
	return p, nil
}

// refuse ends an execution of which the agent has not heard.
func (p *process) refuse(reason string, hit ...runtimes.Limit) *process {
	p.ended = true
	p.sink.Exited(runtimes.Exit{Status: runtimes.CouldNotStart, Message: reason, LimitsHit: hit})
	return p
}

// register gives the process its number, unless the link has ended.
func (l *Link) register(p *process) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.processes == nil {
		return false
	}
	l.last++
	for l.last == 0 || l.processes[l.last] != nil {
		l.last++
	}
	p.id = l.last
	if p.limits.OutputBytes >= 0 {
		p.outputLeft = smallest(l.outputLimit, p.outputLeft)
	}
	l.processes[p.id] = p
	return true
}

// smallest is the smaller limit, where zero is none.
func smallest(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// makeGroup gives the process its control group, where there are some.
func (p *process) makeGroup() error {
	groups := p.link.groups
	if groups == nil {
		return nil
	}
	made, err := groups.take()
	if err != nil {
		return fmt.Errorf("make the group of an execution: %w", err)
	}
	p.group = made
	p.refusedBefore = groups.run.RefusedByLimit()
	if p.hasOwnLimits() {
		err = p.limitGroup(groups.memoryLimit())
	}
	if err == nil && !made.known {
		p.tasks, err = made.Tasks()
	}
	if err != nil {
		p.abort()
		return fmt.Errorf("limit the group of an execution: %w", err)
	}
	return nil
}

// abort gives up what was made for a program that is not to be started.
func (p *process) abort() {
	closeAll(p.tasks)
	p.leaveGroup(false)
}

// leaveGroup gives back the group. It is renewable when its processes have all
// ended and nothing has been set for this execution alone.
func (p *process) leaveGroup(renewable bool) {
	if p.group == nil {
		return
	}
	p.act(func() { p.left = true })
	p.link.groups.giveBack(p.group, renewable)
}

// startPayload encodes the command, or says why it cannot be started.
func (p *process) startPayload(cmd runtimes.Command) (payload []byte, reason string) {
	spec := frame.Start{
		Args: append([]string{cmd.Name}, cmd.Args...), Dir: cmd.Dir, Env: cmd.Env,
		Input: cmd.OpenStdin || len(cmd.Stdin) > 0, Channel: cmd.Channel, Limits: p.agentLimits(cmd.Limits),
	}
	if p.group != nil {
		spec.Slot, spec.Descriptors = p.group.slot, len(p.tasks)
	}
	if cmd.Terminal != nil {
		spec.Terminal = &frame.Size{Columns: cmd.Terminal.Columns, Rows: cmd.Terminal.Rows}
		spec.Input = true
	}
	for _, text := range append(append([]string{cmd.Dir}, spec.Args...), cmd.Env...) {
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return nil, "the name, the arguments, the variables and the directory must be text without a zero byte"
		}
	}
	payload, err := json.Marshal(spec)
	if err != nil || len(payload) > frame.MaxControl {
		return nil, "the arguments and the environment are too long"
	}
	return payload, ""
}
