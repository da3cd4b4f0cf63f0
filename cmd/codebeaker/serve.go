package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Start the server",
		Long: "Start the server. Once clients may connect, one line \"listening on ws://…\" is printed.\n" +
			"SIGTERM or SIGINT closes every session and stops it; a second one stops it at once.",
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := loadConfig(cmd.Flags())
		if err != nil {
			return err
		}
		ownUmask()
		log, err := newLogger(c, cmd.ErrOrStderr())
		if err != nil {
			return err
		}
		ctx, stop := untilSignal(cmd.Context(), log)
		defer stop()
		p, err := newProgram(ctx, c, log)
		if err != nil {
			return err
		}
		return errors.Join(p.Run(ctx, cmd.OutOrStdout()), p.Close())
	}
	return cmd
}

// untilSignal returns a context that the first SIGTERM or SIGINT ends. The
// second ends the process.
func untilSignal(parent context.Context, log *slog.Logger) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	go func() {
		first := true
		for {
			select {
			case sig := <-signals:
				if !first {
					log.Error("stopped at once; the next start removes what is left", "signal", sig.String())
					os.Exit(1)
				}
				first = false
				log.Info("stopping", "signal", sig.String())
				cancel()
			case <-parent.Done():
				return
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// newLogger writes to w as the configuration says.
func newLogger(c Config, w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return nil, fmt.Errorf("log-level is %q: it must be debug, info, warn or error", c.LogLevel)
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}
