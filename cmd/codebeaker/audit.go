package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// openAudit opens the audit log, where one is wanted.
func (p *Program) openAudit(keys *transport.Keys) (err error) {
	c := &p.config
	p.apiKeys = keys
	if c.AuditLog == "" {
		return nil
	}
	p.audit, err = audit.Open(audit.Options{
		Path: c.AuditLog, MaxBytes: int64(c.AuditMB) << 20, MaxAge: c.AuditAge, Keep: c.AuditKeep, Sync: c.AuditSync, Logger: p.log,
	})
	return err
}

// auditFlows records the flows of sessions, where there is an audit log.
func (p *Program) auditFlows() func(session, owner string, flow runtimes.NetworkFlow) {
	if p.audit == nil {
		return nil
	}
	return func(session, owner string, flow runtimes.NetworkFlow) {
		sessions.AuditFlow(p.audit, session, owner, flow)
	}
}

// watchKeys records the changes of the keys file, which other processes make.
func (p *Program) watchKeys(ctx context.Context) {
	if p.audit == nil {
		return
	}
	p.audit.Add(audit.Record{Event: audit.Started, Name: buildVersion()}, nil)
	defer p.audit.Add(audit.Record{Event: audit.Stopped}, nil)
	known, _ := p.apiKeys.List()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if now, err := p.apiKeys.List(); err == nil {
			p.recordKeys(known, now)
			known = now
		}
	}
}

// recordKeys records what has changed from one list of keys to the next.
func (p *Program) recordKeys(before, after []transport.Key) {
	old := map[string]*transport.Key{}
	for i := range before {
		old[before[i].ID] = &before[i]
	}
	for i := range after {
		key := &after[i]
		was := old[key.ID]
		delete(old, key.ID)
		switch {
		case was == nil:
			p.audit.Add(keyRecord(audit.KeyAdded, key), nil)
		case !reflect.DeepEqual(was, key):
			p.audit.Add(keyRecord(audit.KeyChanged, key), nil)
		}
	}
	for _, key := range old {
		p.audit.Add(keyRecord(audit.KeyRemoved, key), nil)
	}
}

func keyRecord(event string, key *transport.Key) audit.Record {
	return audit.Record{
		Event: event, Key: key.ID, Name: key.Name,
		Reason: fmt.Sprintf("roles %s, expires %s, limits %s", rolesOf(key), expiryOf(key), limitsOf(key)),
	}
}

// auditFilter is which records are shown.
type auditFilter struct {
	since, until, key, session, event string
	from, to                          time.Time
	json                              bool
}

// auditCommand shows an audit log and checks it.
func auditCommand() *cobra.Command {
	var f auditFilter
	root := &cobra.Command{
		Use: "audit", Short: "Show the audit log of a server, or check that nobody has changed it", Args: cobra.NoArgs,
	}
	addFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(flag *pflag.Flag) {
		flag.Hidden = flag.Name != "audit-log" && flag.Name != configFlag
	})
	path := func(cmd *cobra.Command) (string, error) {
		c, err := loadConfig(settingsOf(cmd.Flags()))
		if err == nil && c.AuditLog == "" {
			err = errors.New("which log? name it with --audit-log or in the configuration")
		}
		return c.AuditLog, err
	}
	flags := root.Flags()
	flags.StringVar(&f.since, "since", "", "from then on: a time before now such as 2h or 7d, or a date such as 2027-01-31T12:00:00Z")
	flags.StringVar(&f.until, "until", "", "before then, in the same forms")
	flags.StringVar(&f.key, "key", "", "of the key with that id")
	flags.StringVar(&f.session, "session", "", "of that session")
	flags.StringVar(&f.event, "event", "", "of these kinds, separated by commas: create, execute, file, refused, keyAdded and so on")
	flags.BoolVar(&f.json, "json", false, "print the lines as they are")
	root.RunE = func(cmd *cobra.Command, _ []string) (err error) {
		if f.from, err = parsePast(f.since, time.Now()); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
		if f.to, err = parsePast(f.until, time.Now()); err != nil {
			return fmt.Errorf("--until: %w", err)
		}
		file, err := path(cmd)
		if err != nil {
			return err
		}
		return f.show(file, cmd.OutOrStdout())
	}
	root.AddCommand(&cobra.Command{
		Use: "verify", Short: "Check that no line was changed, taken out or put in", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := path(cmd)
			if err != nil {
				return err
			}
			s, err := audit.Read(file, nil)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d records in %d files, from %d to %d, %d lost; the last line is %s\n",
				s.Records, s.Files, s.First, s.Last, s.Lost, s.Head)
			return nil
		},
	})
	return root
}

func (f *auditFilter) shows(r *audit.Record) bool {
	return (f.from.IsZero() || !r.Time.Before(f.from)) && (f.to.IsZero() || r.Time.Before(f.to)) &&
		(f.key == "" || r.Key == f.key) && (f.session == "" || r.Session == f.session) &&
		(f.event == "" || strings.Contains(","+f.event+",", ","+r.Event+","))
}

func (f *auditFilter) show(file string, out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	if !f.json {
		fmt.Fprintln(table, "TIME\tEVENT\tKEY\tSESSION\tWHAT\tOUTCOME\tMS")
	}
	_, err := audit.Read(file, func(r *audit.Record, line []byte) error {
		if !f.shows(r) {
			return nil
		}
		if f.json {
			_, err := fmt.Fprintf(out, "%s\n", line)
			return err
		}
		what := r.Program
		for _, more := range []string{r.Type, r.Path, r.Destination, r.Language, r.Limit, r.Rule, strings.Join(r.Marks, ","), r.Name} {
			if more != "" && more != r.Program {
				what = strings.TrimSpace(what + " " + more)
			}
		}
		who := r.Key
		if who == "" {
			who = r.Address
		}
		outcome := r.Outcome
		if r.Count > 0 {
			outcome = strings.TrimSpace(fmt.Sprintf("%s x%d", outcome, r.Count))
		}
		// A name is a client's: it must not move the cursor of who reads it.
		_, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", r.Time.Format(time.RFC3339), r.Event, who, r.Session, visible(what), outcome, r.DurationMs)
		return err
	})
	return errors.Join(err, table.Flush())
}

// visible shows what would not be seen, or would be more than seen.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) {
		return fmt.Sprintf("%q", text)
	}
	return text
}

// parsePast reads a time before now or a date.
func parsePast(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var days int
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d), nil
	}
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) {
		return now.AddDate(0, 0, -days), nil
	}
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is neither a time before now such as 2h or 7d nor a date such as 2027-01-31", text)
}
