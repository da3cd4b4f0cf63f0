package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport"
)

// addKeyCommand makes keys.
func addKeyCommand(open func(*cobra.Command) (*transport.Keys, error)) *cobra.Command {
	var (
		key            transport.Key
		roles, expires string
	)
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Make a key and print it: it cannot be shown again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			key.Name = args[0]
			if key.Roles, err = transport.ParseRoles(roles); err != nil {
				return fmt.Errorf("--role: %w", err)
			}
			if key.Expires, err = parseExpiry(expires, time.Now()); err != nil {
				return fmt.Errorf("--expires: %w", err)
			}
			keys, err := open(cmd)
			if err != nil {
				return err
			}
			secret, made, err := keys.Make(key)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "key %s for %s; only its digest is kept:\n", made.ID, made.Name)
			fmt.Fprintln(cmd.OutOrStdout(), secret)
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&roles, "role", "user,metrics", "what it is for: user (its own sessions), metrics (/metrics), admin (the sessions of all keys, and both)")
	flags.StringVar(&expires, "expires", "", "when it ends: a time from now such as 12h or 30d, or a date such as 2027-01-31 or 2027-01-31T12:00:00Z; empty is never")
	const instead = " instead of the server's %s; negative means no limit"
	for _, f := range []struct {
		to             *float64
		name, help, of string
	}{
		{&key.Limits.Calls, "rate", "calls a second,", "key-calls"},
		{&key.Limits.Creates, "creates", "calls of session.create a second,", "key-creates"},
		{&key.Limits.Bytes, "bytes", "bytes of messages a second,", "key-bytes"},
		{&key.Limits.Sessions, "sessions", "sessions at once,", "key-sessions"},
		{&key.Limits.MemoryMB, "memory-mb", "memory of its sessions together,", "key-memory-mb"},
		{&key.Limits.CPUs, "cpus", "processors of its sessions together,", "key-cpus"},
		{&key.Limits.DiskMB, "disk-mb", "room for files of its sessions together,", "key-disk-mb"},
	} {
		flags.Float64Var(f.to, f.name, 0, f.help+fmt.Sprintf(instead, f.of))
	}
	return cmd
}

// parseExpiry reads a time from now or a date.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	var at time.Time
	var days int
	if d, err := time.ParseDuration(text); err == nil {
		at = now.Add(d)
	} else if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && text == fmt.Sprintf("%dd", days) {
		at = now.AddDate(0, 0, days)
	} else if t, err := time.Parse(time.RFC3339, text); err == nil {
		at = t
	} else if t, err := time.Parse(time.DateOnly, text); err == nil {
		at = t
	} else {
		return at, fmt.Errorf("%q is neither a time from now such as 12h or 30d nor a date such as 2027-01-31", text)
	}
	if !at.After(now) {
		return at, errors.New("it would have ended already")
	}
	return at.UTC().Truncate(time.Second), nil
}

func rolesOf(key *transport.Key) string {
	if len(key.Roles) == 0 {
		return "user,metrics"
	}
	names := make([]string, len(key.Roles))
	for i, role := range key.Roles {
		names[i] = string(role)
	}
	return strings.Join(names, ",")
}

func expiryOf(key *transport.Key) string {
	switch {
	case key.Expires.IsZero():
		return "never"
	case key.Expired(time.Now()):
		return "expired " + key.Expires.Format(time.RFC3339)
	}
	return key.Expires.Format(time.RFC3339)
}

// limitsOf lists the limits that are the key's own.
func limitsOf(key *transport.Key) string {
	l, all := &key.Limits, []string{}
	for _, one := range []struct {
		name string
		v    float64
	}{
		{"rate", l.Calls}, {"creates", l.Creates}, {"bytes", l.Bytes}, {"sessions", l.Sessions},
		{"memory-mb", l.MemoryMB}, {"cpus", l.CPUs}, {"disk-mb", l.DiskMB},
	} {
		if one.v != 0 {
			all = append(all, one.name+"="+number(one.v))
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, " ")
}
