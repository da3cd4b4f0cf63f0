package transport

import (
	"context"
	"errors"
	"time"

	"github.com/codebeaker/codebeaker/actors"
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

func sessionCreate(c *call, params jsonrpc.Raw) error {
	var p protocol.SessionCreate
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if p.KillOnDisconnect && c.conn.ws == nil {
		return paramError("killOnDisconnect", "needs a WebSocket: a POST /rpc ends with its reply")
	}
	r, err := c.conn.server.convert.create(c.conn.owner, &p)
	if err != nil {
		return err
	}
	go c.create(r)
	return nil
}

// create makes a session, which takes its time. The connection is attached
// before the reply is queued, so that it misses no event of the session, and
// events wait for the reply.
func (c *call) create(r actors.CreateRequest) {
	defer c.recovered()
	cn := c.conn
	ctx := cn.ctx
	if cn.ws == nil && len(c.id) == 0 {
		ctx = cn.server.base // nobody waits for it: its POST may be over before it
	}
	s, info, err := cn.server.system.Create(ctx, r)
	if err != nil {
		c.finish(nil, err)
		return
	}
	object := sessionObject(info)
	if cn.ws == nil {
		c.finish(&object, nil)
		return
	}
	cn.holdEvents(s.ID())
	c.session, c.after = s, (*call).releaseEvents
	cn.tell(s, func() { s.Send(&actors.Call{Request: &actors.Attach{Sink: cn}, Caller: nobody{}}) })
	c.finish(&object, nil)
}

func (c *call) releaseEvents() { c.conn.releaseEvents(c.session.ID()) }

// decodeSession decodes the params of a method that needs a session only.
func decodeSession(params jsonrpc.Raw) (id string, err error) {
	var p protocol.SessionRef
	if err := decodeParams(params, &p); err != nil {
		return "", err
	}
	return p.SessionID, identifier("sessionId", p.SessionID)
}

var getInfo = &actors.GetInfo{}

func sessionGet(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	c.convert = toDetail
	return c.send(id, getInfo)
}

func toDetail(c *call, result any) (any, error) {
	info, err := resultOf[*actors.Info](result)
	if err != nil {
		return nil, err
	}
	c.detail = sessionDetail(info, time.Now())
	return &c.detail, nil
}

func toSession(c *call, result any) (any, error) {
	info, err := resultOf[*actors.Info](result)
	if err != nil {
		return nil, err
	}
	c.detail.Session = sessionObject(info)
	return &c.detail.Session, nil
}

func toEmpty(*call, any) (any, error) { return &protocol.Empty{}, nil }

func sessionList(c *call, params jsonrpc.Raw) error {
	var p protocol.SessionList
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	r, err := c.conn.server.convert.list(c.conn.owner, &p)
	if err != nil {
		return err
	}
	go c.list(r)
	return nil
}

func (c *call) list(r actors.ListRequest) {
	defer c.recovered()
	infos, next, err := c.conn.server.system.List(r)
	if err != nil {
		c.finish(nil, err)
		return
	}
	now := time.Now()
	page := &protocol.SessionPage{Count: len(infos), Sessions: make([]protocol.SessionDetail, 0, len(infos)), NextCursor: next}
	for _, info := range infos {
		page.Sessions = append(page.Sessions, sessionDetail(info, now))
	}
	if most := c.room(); most > 0 {
		fitSessions(page, most)
	}
	c.finish(page, nil)
}

func sessionAttach(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	s, err := c.conn.lookup(id)
	if err != nil {
		return err
	}
	c.convert = toSession
	cn := c.conn
	if !cn.tell(s.Session, func() { c.sendTo(s.Session, &actors.Attach{Sink: cn}) }) {
		return context.Cause(cn.ctx)
	}
	return nil
}

func sessionDetach(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	c.convert = toEmpty
	return c.send(id, &actors.Detach{Sink: c.conn})
}

func sessionExtend(c *call, params jsonrpc.Raw) error {
	var p protocol.SessionExtend
	if err := decodeParams(params, &p); err != nil {
		return err
	}
	if err := identifier("sessionId", p.SessionID); err != nil {
		return err
	}
	r, err := c.conn.server.convert.extend(&p)
	if err != nil {
		return err
	}
	c.convert = toSession
	return c.send(p.SessionID, &r)
}

// sessionClose is idempotent: an unknown session, or another key's, gets the
// same answer as one that is closed.
func sessionClose(c *call, params jsonrpc.Raw) error {
	id, err := decodeSession(params)
	if err != nil {
		return err
	}
	s, err := c.conn.lookup(id)
	switch {
	case errors.Is(err, actors.ErrSessionNotFound), errors.Is(err, actors.ErrSessionClosed):
		c.finish(&protocol.SessionGone{SessionID: id, Closed: true}, nil)
		return nil
	case err != nil:
		return err
	}
	closer := &closing{call: c, id: id}
	s.Send(&actors.Call{Request: &actors.Close{}, Caller: closer})
	return nil
}

// closing is the Caller of a session.close.
type closing struct {
	call *call
	id   string
}

// Reply is actors.Caller's.
func (c *closing) Reply(_ any, err error) {
	c.call.conn.forget(c.id)
	if err != nil && !errors.Is(err, actors.ErrSessionClosed) {
		c.call.finish(nil, err)
		return
	}
	c.call.finish(&protocol.SessionGone{SessionID: c.id, Closed: true}, nil)
}
