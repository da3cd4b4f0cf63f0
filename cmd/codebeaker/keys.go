package main

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/transport"
)

// keysCommand manages the API keys of a server, while it runs or not.
func keysCommand() *cobra.Command {
	root := &cobra.Command{Use: "keys", Short: "Manage the API keys of a server"}
	addFlags(root.PersistentFlags())
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { // what does not matter here is not shown
		f.Hidden = f.Name != "keys-file" && f.Name != "data-dir" && f.Name != configFlag
	})
	open := func(cmd *cobra.Command) (*transport.Keys, error) {
		c, err := loadConfig(settingsOf(cmd.Flags()))
		if err != nil {
			return nil, err
		}
		file := c.keysFile()
		if err := os.MkdirAll(filepath.Dir(file), 0o711); err != nil {
			return nil, err
		}
		return transport.OpenKeys(file)
	}
	root.AddCommand(
		addKeyCommand(open),
		&cobra.Command{
			Use: "list", Short: "List the keys", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				keys, err := open(cmd)
				if err != nil {
					return err
				}
				list, err := keys.List()
				if err != nil {
					return err
				}
				table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tNAME\tCREATED\tROLES\tEXPIRES\tLIMITS")
				for i := range list {
					key := &list[i]
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, key.Created.Format(time.RFC3339),
						rolesOf(key), expiryOf(key), limitsOf(key))
				}
				return table.Flush()
			},
		},
		&cobra.Command{
			Use: "remove ID", Short: "Remove a key; its sessions are out of reach at once", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				keys, err := open(cmd)
				if err != nil {
					return err
				}
				if err := keys.Remove(args[0]); err != nil {
					return err
				}
				if keys.Empty() {
					fmt.Fprintln(cmd.ErrOrStderr(), "that was the last key: nobody may enter the server now, until \"codebeaker keys add NAME\" makes one\n"+
						"(a server that nobody needs a key for is started with --no-keys, or on loopback without a keys file)")
				}
				return nil
			},
		},
	)
	return root
}
