// Command bench measures what Headstart costs and gains on this machine, part by
// part, against what would be used without it, and prints one table per part. See
// README.md for how to read them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

func main() {
	rig.BeChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	exit(err)
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures and writes the tables to out; messages meanwhile go to progress. What
// was measured before an error is written, too.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	o, err := readSettings(args, progress)
	if err != nil {
		return err
	}
	r := newReport(ctx, o, time.Now()) // before there is a file, which git would see as a change
	var file *os.File
	if o.json != "" { // an error shows before minutes have passed
		if file, err = os.Create(o.json); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
		defer func() {
			if closeErr := file.Close(); err == nil && closeErr != nil {
				err = fmt.Errorf("-json: %w", closeErr)
			}
		}()
	}

	if err := r.header(out); err != nil {
		return err
	}
	err = r.measure(ctx, o, out, progress)
	if file != nil {
		if jsonErr := r.json(file); jsonErr != nil {
			err = errors.Join(err, fmt.Errorf("-json: %w", jsonErr))
		}
	}
	return err
}
