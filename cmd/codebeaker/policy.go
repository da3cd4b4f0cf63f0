package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport/policy"
)

// openPolicy reads the operator's rules, where there are some.
func (p *Program) openPolicy() (err error) {
	if p.config.PolicyFile == "" {
		return nil
	}
	if p.rules, err = policy.Open(p.config.PolicyFile); err == nil {
		p.log.Info("policy", "file", p.config.PolicyFile, "rules", p.rules.Len())
	}
	return err
}

// reloadOnHangup reads the policy again and opens the audit log again at each
// SIGHUP, as long as there is one of them.
func (p *Program) reloadOnHangup(ctx context.Context) {
	if p.rules == nil && p.audit == nil {
		return
	}
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-hangups:
			p.reload()
		case <-ctx.Done():
			return
		}
	}
}

// reload keeps the rules that hold when the file has become wrong.
func (p *Program) reload() {
	p.audit.Reopen()
	if p.rules == nil {
		return
	}
	if err := p.rules.Reload(); err != nil {
		p.log.Error("the policy is wrong; the rules of before hold", "error", err)
		return
	}
	p.log.Info("policy read again", "file", p.config.PolicyFile, "rules", p.rules.Len())
}

// policyCommand checks a file of rules.
func policyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "policy FILE", Short: "Check a file of rules, as a server would read it", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := policy.Open(args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d rules\n", f.Len())
			return nil
		},
	}
}
