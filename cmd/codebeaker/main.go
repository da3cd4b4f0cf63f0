// Command codebeaker is the code-execution engine: the server, and the command
// line around it.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/runtimes/host"
)

func main() {
	host.RunRelay()
	err := newCommand().ExecuteContext(context.Background())
	for _, complaint := range complaints(err) {
		fmt.Fprintln(os.Stderr, "codebeaker:", complaint)
	}
	os.Exit(codeOf(err))
}

// version is set by the release build: -ldflags '-X main.version=…'.
var version = ""

// buildVersion is what the binary says of itself.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "0.1.0-dev"
}

// newCommand makes the root of the command line.
func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "codebeaker",
		Short:         "Run code of many languages in isolated sessions over WebSocket JSON-RPC",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		serveCommand(), doctorCommand(), keysCommand(), versionCommand(),
		execCommand(), runCommand(), shellCommand(), replCommand(), sessionsCommand(), usageCommand(), auditCommand(), policyCommand())
	return root
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "codebeaker %s %s/%s %s\n", buildVersion(), runtime.GOOS, runtime.GOARCH, runtime.Version())
		},
	}
}
