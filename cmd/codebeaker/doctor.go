package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/host"
)

// doctorTimeout bounds the whole look.
const doctorTimeout = 2 * time.Minute

// doctorCommand says what this machine offers and how to get the rest. It
// works beside a running server: it looks from a directory of its own.
func doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say what is available here, what is missing, and how to get it", Args: cobra.NoArgs,
	}
	settings := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	addFlags(settings)
	cmd.Flags().AddFlagSet(settings)
	verbose := cmd.Flags().Bool("verbose", false, "say also which step failed, and its error as the server's log would")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(settings)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), doctorTimeout)
		defer cancel()
		return examine(ctx, c, *verbose, cmd.OutOrStdout())
	}
	return cmd
}

func examine(ctx context.Context, c Config, verbose bool, out io.Writer) error {
	temporary, err := os.MkdirTemp("", "codebeaker-doctor-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := os.Chmod(temporary, 0o711); err != nil {
		return err
	}
	dir, err := openDataDir(temporary)
	if err != nil {
		return err
	}
	defer dir.Close()
	if c.ToolsDir == "" {
		c.ToolsDir = host.FindTools()
	}
	h, err := host.Open(host.Options{
		Names: c.Runtimes, DataDir: dir.path, Mark: dir.mark, ToolsDir: c.ToolsDir, Guest: c.Guest,
		DockerHost: c.DockerHost, ImageTag: c.ImageTag, Storage: c.Storage, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer h.Close()
	registry := runtimes.NewRegistry(h.Runtimes...)
	fmt.Fprintf(out, "codebeaker %s on this machine:\n", buildVersion())
	registry.Probe(ctx)
	for _, offer := range registry.Offers() {
		describeOffer(out, offer, verbose)
	}
	describeLanguages(out, registry)
	if progress := h.ImageProgress(); progress != "" {
		fmt.Fprintf(out, "\n%s\n", progress)
	}
	use, missing := h.Groups()
	fmt.Fprintf(out, "\ncontrol groups  %s\n", use)
	if missing != "" {
		fmt.Fprintf(out, "    %s\n", missing)
	}
	if enforced, reason := h.Quota(); !enforced {
		fmt.Fprintf(out, "\ndisk limits are not enforced: %s\n", reason)
	}
	if possible, reason := h.OnDisk(); !possible {
		fmt.Fprintf(out, "\na diskLimitMB above half of memoryLimitMB gives no more than that: %s\n", reason)
	}
	if why := host.NoExec(c.DataDir); why != "" {
		fmt.Fprintf(out, "\n%s\n", why)
	}
	if available, reason := h.Internet(); !available {
		fmt.Fprintf(out, "\nboxes cannot have network internet: %s\n", reason)
	}
	return nil
}

func describeOffer(out io.Writer, offer runtimes.Offer, verbose bool) {
	a, name := offer.Availability, offer.Runtime.Type().String()
	if !a.Available {
		fmt.Fprintf(out, "\n- %s is not available: %s\n", name, a.Reason)
		for i := range a.Problems {
			if p := &a.Problems[i]; i > 0 {
				fmt.Fprintf(out, "    also       %s\n", p.Reason)
			}
			if verbose {
				describeCause(out, &a.Problems[i])
			}
		}
		return
	}
	fmt.Fprintf(out, "\n+ %s %s, isolation %d of 10\n", name, a.Version, a.Isolation.Score)
	var languages, layers, tools []string
	for _, l := range a.Languages {
		languages = append(languages, l.String())
	}
	for _, layer := range a.Isolation.Layers {
		layers = append(layers, string(layer))
	}
	for tool, version := range a.Tools {
		tools = append(tools, tool+" "+version)
	}
	fmt.Fprintf(out, "    languages  %s\n", strings.Join(languages, ", "))
	fmt.Fprintf(out, "    tools      %s\n", strings.Join(slices.Sorted(slices.Values(tools)), ", "))
	fmt.Fprintf(out, "    layers     %s\n", strings.Join(layers, ", "))
	switch {
	case a.Strongest.Score > a.Isolation.Score:
		fmt.Fprintf(out, "    security   isolation %d of 10 for sessions that prefer Security and have no network\n", a.Strongest.Score)
	case a.Advice != "":
		fmt.Fprintf(out, "    security   %s\n", a.Advice)
	}
	for i := range a.Problems {
		p := &a.Problems[i]
		var without []string
		for _, l := range p.Languages {
			without = append(without, l.String())
		}
		fmt.Fprintf(out, "    without    %s: %s\n", strings.Join(without, ", "), p.Reason)
		if verbose {
			describeCause(out, p)
		}
	}
}

// describeCause tells what the log would.
func describeCause(out io.Writer, p *runtimes.Problem) {
	fmt.Fprintf(out, "      step     %s\n", p.Step)
	if p.Err != nil {
		fmt.Fprintf(out, "      error    %s\n", strings.ReplaceAll(p.Err.Error(), "\n", "\n               "))
	}
}

// describeLanguages says what a session would get, and what it cannot get yet.
func describeLanguages(out io.Writer, registry *runtimes.Registry) {
	fmt.Fprintln(out, "\nlanguages:")
	for _, l := range runtimes.Languages() {
		rt := registry.Select(l, runtimes.Balanced)
		if rt != nil {
			fmt.Fprintf(out, "  %-11s %s\n", l, rt.Type())
			continue
		}
		var could []string
		for _, t := range l.Runtimes() {
			if registry.Offer(t).Runtime != nil {
				could = append(could, t.String())
			}
		}
		if len(could) == 0 {
			fmt.Fprintf(out, "  %-11s not served: none of these runtimes does\n", l)
			continue
		}
		fmt.Fprintf(out, "  %-11s not served: it needs %s\n", l, strings.Join(could, " or "))
	}
}
