package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

func sessionsCommand() *cobra.Command {
	var r remote
	root := &cobra.Command{
		Use: "sessions", Short: "List the sessions of a server, or close some", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.listSessions(cmd.Context(), cmd.OutOrStdout()) },
	}
	r.addServerFlags(root)
	root.AddCommand(&cobra.Command{
		Use: "close ID...", Short: "Close sessions; one that is not there is closed already", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, ids []string) error {
			c, err := r.dial(cmd.Context())
			if err != nil {
				return err
			}
			defer c.Close()
			for _, id := range ids {
				if err := c.CloseSession(cmd.Context(), id); err != nil {
					return fmt.Errorf("session %s: %w", id, err)
				}
			}
			return nil
		},
	})
	return root
}

func (r *remote) listSessions(ctx context.Context, out io.Writer) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	all, err := allSessions(ctx, c)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(out, all)
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "SESSION\tLANGUAGE\tRUNTIME\tSTATE\tAGE\tIDLE\tCOMMANDS")
	for _, s := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", s.SessionID, s.Language, s.RuntimeType, s.State,
			minutes(s.LifetimeMinutes), minutes(s.IdleMinutes), s.ExecutionCount)
	}
	return table.Flush()
}

// allSessions reads page after page.
func allSessions(ctx context.Context, c *client.Client) ([]protocol.SessionDetail, error) {
	all := []protocol.SessionDetail{}
	var p protocol.SessionList
	for {
		page, err := c.List(ctx, p)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Sessions...)
		if page.NextCursor == "" {
			return all, nil
		}
		p.Cursor = &page.NextCursor
	}
}

func minutes(m float64) time.Duration {
	return time.Duration(m * float64(time.Minute)).Round(time.Second)
}
