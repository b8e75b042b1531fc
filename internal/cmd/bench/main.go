// Command bench measures what Headstart costs and gains on this machine: the
// time to the first byte against Caddy's own respond, and requests per second
// against the same Caddy without the directive. See README.md for how to read
// its table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == rig.ChildArg {
		exit(rig.RunChild(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
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

// run measures and writes the table to out; messages meanwhile go to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(progress)
	total := flags.Duration("time", 45*time.Second, "how long to measure; starting takes some seconds more")
	rounds := flags.Int("rounds", 10, "how many turns every row gets")
	only := flags.String("only", "", "measure only the rows whose id matches this `regexp`, such as ttfb/h1 or load/.*/16")
	delay := flags.Duration("delay", 20*time.Millisecond, "how long the backend takes where the first byte is measured")
	jsonFile := flags.String("json", "", "write the figures to this `file`, too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	rows := choose(allRows(), pattern)
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unknown argument %q; there are only flags, see -help", flags.Arg(0))
	case len(rows) == 0:
		return fmt.Errorf("-only: no row matches %q; rows are %s", *only, ids(allRows()))
	case *rounds < 1:
		return errors.New("-rounds: at least 1 is needed")
	case *total <= 0:
		return errors.New("-time: must be more than 0")
	case *delay < 5*time.Millisecond || *delay > rig.Patience/2:
		return fmt.Errorf("-delay: must be from 5ms to %s", rig.Patience/2)
	}
	var file *os.File
	if *jsonFile != "" { // an error shows before a minute has passed
		if file, err = os.Create(*jsonFile); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
		defer func() {
			if closeErr := file.Close(); err == nil && closeErr != nil {
				err = fmt.Errorf("-json: %w", closeErr)
			}
		}()
	}

	started := time.Now()
	fmt.Fprintln(progress, "starting the backend and Caddy")
	s, err := setUp(ctx, *delay)
	defer s.tearDown()
	if err == nil {
		err = measure(ctx, s, rows, *rounds, *total, func(done int) {
			fmt.Fprintf(progress, "round %d of %d\n", done+1, *rounds)
		})
	}
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case err != nil:
		return err
	}
	r := newReport(s, rows, started, *rounds)
	if file != nil {
		if err := r.json(file); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	return r.markdown(out)
}

func ids(rows []*row) string {
	list := make([]string, 0, len(rows))
	for _, r := range rows {
		list = append(list, r.id)
	}
	return strings.Join(list, ", ")
}
