package sessions

import (
	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/policy"
)

// PolicyError refuses what a rule of the operator's policy forbids.
type PolicyError struct {
	Rule, Reason string
	Marks        []string
}

// Error gives the operator's sentence.
func (e *PolicyError) Error() string { return "refused by this server's policy: " + e.Reason }

// permit asks the rules.
// Errors: *PolicyError, which is recorded.
func (c *Conn) permit(r *policy.Request, session string) (policy.Decision, error) {
	r.Key, r.Address = c.owner, ""
	if c.from != nil {
		r.Address = *c.from
	}
	d := c.local.rules.Check(r, c.local.log)
	if !d.Refused {
		return d, nil
	}
	err := &PolicyError{d.Rule, d.Reason, d.Marks}
	c.Refused(err, session)
	return d, err
}

// permitCreate asks the rules about a create.
func (c *Conn) permitCreate(r *actors.CreateRequest) (policy.Decision, error) {
	if c.local.rules == nil {
		return policy.Decision{}, nil
	}
	q := policy.Request{
		On: policy.OnCreate, Language: r.Language.String(), Image: r.Image, Network: networkName(r.Network),
		MemoryMB: r.Limits.MemoryBytes >> 20, DiskMB: r.Limits.DiskBytes >> 20, Processes: r.Limits.Processes, CPUs: r.Limits.CPUs,
		Labels: r.Labels,
	}
	if r.Runtime != 0 {
		q.Runtime = r.Runtime.String()
	}
	return c.permit(&q, "")
}

// permitExecute asks the rules about a command, and has it recorded.
// Errors: *PolicyError, *AuditError.
func (s *LocalSession) permitExecute(call *actors.Call, r *actors.Execute) error {
	var d policy.Decision
	if s.conn.local.rules != nil {
		q := policy.Request{
			On: policy.OnExecute, Language: s.Session.Info().Language.String(), Runtime: s.runtime.String(),
			Type: r.Type, Background: r.Background,
		}
		switch command := r.Command.(type) {
		case *runtimes.Command:
			q.Program, q.Args, q.Content = command.Name, command.Args, command.Stdin
		case *actors.Cell:
			q.Language, q.Content = command.Language.String(), []byte(command.Code)
		default:
			q.Path, q.Destination, q.Content = pathsOf(r.Command)
		}
		q.Size = int64(len(q.Content))
		var err error
		if d, err = s.conn.permit(&q, s.ID()); err != nil {
			return err
		}
	}
	return s.auditExecute(call, r, d)
}
