package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// usageCommand shows what a key uses of a server.
func usageCommand() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use: "usage", Short: "Show what your key uses of a server now, and what it may", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return r.showUsage(cmd.Context(), cmd.OutOrStdout()) },
	}
	r.addServerFlags(cmd)
	return cmd
}

func (r *remote) showUsage(ctx context.Context, out io.Writer) error {
	c, err := r.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	u, err := c.Usage(ctx)
	if err != nil {
		return err
	}
	if r.json {
		return printJSON(out, u)
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tNOW\tLIMIT")
	for _, row := range []struct {
		what  string
		now   float64
		limit *float64
	}{
		{"sessions", float64(u.Sessions), u.Limits.Sessions},
		{"memory (MB)", u.MemoryMB, u.Limits.MemoryMB},
		{"processors", u.CPUs, u.Limits.CPUs},
		{"disk (MB)", u.DiskMB, u.Limits.DiskMB},
		{"calls a second", u.CallsPerSecond, u.Limits.CallsPerSecond},
	} {
		fmt.Fprintf(table, "%s\t%s\t%s\n", row.what, number(row.now), limit(row.limit))
	}
	fmt.Fprintf(table, "creates a second\t\t%s\n", limit(u.Limits.CreatesPerSecond))
	fmt.Fprintf(table, "bytes a second\t\t%s\n", limit(u.Limits.BytesPerSecond))
	return table.Flush()
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func limit(v *float64) string {
	if v == nil {
		return "none"
	}
	return number(*v)
}
