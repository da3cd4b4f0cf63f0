package transport

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// Enter says who a request is from, which its key must have the role for. False:
// it has been answered, with 401 when it has no valid key and 403 when the key is
// for something else.
func (g *Gate) Enter(w http.ResponseWriter, r *http.Request, role Role) (client sessions.Client, ok bool) {
	owner, ok := g.Owner(r)
	if !ok {
		g.Refuse(w, r)
		return client, false
	}
	client = sessions.Client{Owner: owner, Address: addressOf(r)}
	if owner == "" {
		return client, true
	}
	key, ok := g.keys.Find(keyOf(r))
	switch {
	case !ok: // it went this moment
		g.Refuse(w, r)
		return client, false
	case !key.Is(role):
		g.audit.AddOften(owner, audit.Record{
			Event: audit.Unauthorized, Key: owner, Address: addressOf(r), Path: r.URL.Path, Outcome: "Forbidden", Reason: "it lacks the role " + string(role),
		})
		g.answer(w, r, http.StatusForbidden, fmt.Sprintf("this key is not for that: it lacks the role %s", role))
		return client, false
	}
	client.Admin, client.Limits = key.Is(RoleAdmin), key.Limits
	return client, true
}

// addressOf is where a request comes from, for its limits: one block of 64 bits
// is one client, for whoever has it has all of its addresses.
func addressOf(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if block, err := ip.Prefix(64); err == nil {
			return block.String()
		}
	}
	return ip.String()
}
