package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// spawner spawns actors of one kind. A Props of its own would cost each of them
// 240 bytes for as long as it lives, so they share one, whose producer finds
// the actor here: protoactor-go asks it before the spawn returns, and again
// only for a restart, which none of our supervisors orders.
type spawner struct {
	mu    sync.Mutex
	props *actor.Props
	next  actor.Actor
}

func newSpawner(options ...actor.PropsOption) *spawner {
	s := &spawner{}
	s.props = actor.PropsFromProducer(func() actor.Actor { return s.next }, options...)
	return s
}

// spawn starts a under a name that was never used, as a child of parent.
func (s *spawner) spawn(parent actor.SpawnerContext, a actor.Actor, name string) *actor.PID {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = a
	defer func() { s.next = nil }()
	pid, err := parent.SpawnNamed(s.props, name)
	if err != nil {
		panic(err) // the name was used
	}
	return pid
}
