package transport

import (
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/jsonrpc"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func initialize(c *call, params jsonrpc.Raw) error {
	var p protocol.Initialize
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	s, cn := c.conn.server, c.conn
	if p.MaxMessageBytes != nil {
		most, err := integer(protocol.MaxMessageMember, p.MaxMessageBytes, 0, protocol.MinMaxMessage, int64(s.mostMessage()))
		if err != nil {
			return err
		}
		cn.bound(int(most))
	}
	limits := s.wireLimits()
	limits.MaxMessageBytes = cn.most()
	c.finish(&protocol.Initialized{
		ServerInfo:      s.info(),
		ProtocolVersion: protocol.Version,
		Limits:          limits,
	}, nil)
	return nil
}

// noParams checks the params of a method that has none.
func noParams(params jsonrpc.Raw) error { return decodeParams(params, &protocol.Empty{}) }

func discover(c *call, params jsonrpc.Raw) error {
	if err := noParams(params); err != nil {
		return err
	}
	c.finish(c.conn.server.document, nil)
	return nil
}

func languageList(c *call, params jsonrpc.Raw) error {
	if err := noParams(params); err != nil {
		return err
	}
	c.finish(wireLanguages(c.conn.server.registry), nil)
	return nil
}

func runtimeList(c *call, params jsonrpc.Raw) error {
	if err := noParams(params); err != nil {
		return err
	}
	s := c.conn.server
	c.finish(wireRuntimes(s.registry.Offers(), s.options.Pools), nil)
	return nil
}

// wireLanguages lists every language with the runtimes that serve it now.
func wireLanguages(r *runtimes.Registry) *protocol.LanguageList {
	list := &protocol.LanguageList{}
	for _, l := range runtimes.Languages() {
		wire := protocol.Language{Name: l.String(), Aliases: append([]string{}, l.Aliases()...), Runtimes: []string{}}
		for _, t := range l.Runtimes() {
			if offer := r.Offer(t); offer.Runtime != nil && offer.Availability.Serves(l) {
				wire.Runtimes = append(wire.Runtimes, t.String())
			}
		}
		if chosen := r.Select(l, runtimes.Balanced); chosen != nil {
			name := chosen.Type().String()
			wire.Default = &name
		}
		list.Languages = append(list.Languages, wire)
	}
	return list
}

// wireRuntimes lists the runtimes with what they offer now.
func wireRuntimes(offers []runtimes.Offer, pools Pools) *protocol.RuntimeList {
	list := &protocol.RuntimeList{Runtimes: make([]protocol.Runtime, 0, len(offers))}
	for i := range offers {
		o, a := &offers[i], &offers[i].Availability
		wire := protocol.Runtime{
			RuntimeType:  o.Runtime.Type().String(),
			Available:    a.Available,
			Version:      a.Version,
			ToolVersions: a.Tools,
			Languages:    languageNames(a.Languages),
			StartupMs:    float64(o.Figures.Startup.Microseconds()) / 1000,
			MemoryMB:     float64(o.Figures.Memory*10>>20) / 10,
			Measured:     o.Measured,
			Isolation:    wireIsolation(a.Isolation),
			Capabilities: wireCapabilities(a),
		}
		if wire.ToolVersions == nil {
			wire.ToolVersions = map[string]string{}
		}
		if !a.Available {
			wire.Reason = a.Reason
		}
		if pools != nil {
			wire.Pool.Warm, wire.Pool.Target = pools.Pool(o.Runtime.Type())
		}
		list.Runtimes = append(list.Runtimes, wire)
	}
	return list
}

// fileCommands are what every runtime can do.
var fileCommands = []string{
	protocol.TypeWriteFile, protocol.TypeReadFile, protocol.TypeCreateDirectory, protocol.TypeCopyFile,
	protocol.TypeMoveFile, protocol.TypeDeleteFile, protocol.TypeListDirectory,
}

func wireCapabilities(a *runtimes.Availability) protocol.Capabilities {
	c := protocol.Capabilities{Commands: append([]string{}, fileCommands...), PTY: a.Terminal, Stateful: languageNames(a.Stateful)}
	if a.Processes {
		c.Commands = append(c.Commands, protocol.TypeExecuteShell)
	}
	return c
}
