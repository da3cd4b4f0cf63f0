package docker

import "sync"

// claims are the names of containers and volumes that somebody answers for.
// Whatever bears our mark and is not claimed is left over, and is removed.
type claims struct {
	mu    sync.Mutex
	names map[string]*Environment // nil while it is being made
}

// claim registers a name before the engine is asked to make anything of it.
func (c *claims) claim(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		c.names = make(map[string]*Environment)
	}
	c.names[name] = nil
}

// settle says whose container the name is, once it is ready.
func (c *claims) settle(name string, env *Environment) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, claimed := c.names[name]; claimed {
		c.names[name] = env
	}
}

// drop gives a name up.
func (c *claims) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.names, name)
}

// holds reports whether the name is claimed, and by which environment.
func (c *claims) holds(name string) (env *Environment, claimed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	env, claimed = c.names[name]
	return env, claimed
}

// all are the names that are claimed now.
func (c *claims) all() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[string]bool, len(c.names))
	for name := range c.names {
		names[name] = true
	}
	return names
}

// environments are those that are ready.
func (c *claims) environments() []*Environment {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Environment
	for _, env := range c.names {
		if env != nil {
			all = append(all, env)
		}
	}
	return all
}
