// Command soak drives traffic as it is on a bad day through a real Caddy with
// Headstart, for as long as it is told to, and checks every single response:
//
//	go run ./internal/cmd/soak -for 20m
//
// Visitors of many networks (browsers, signed-in users, crawlers, tools) ask for
// hundreds of pages on four hosts, by HTTP/1.1, HTTP/2 and HTTP/3. Some leave early
// or read slowly. Meanwhile the backend is deployed anew, has bad spells (errors,
// redirects, cookies, answers that break off) and refuses connections, and Caddy
// gets a new configuration each second.
//
// The backend remembers what it answered to each request. Its visitor must end up
// with just that: the same bytes, the same document, or, where the page loads
// itself again or goes elsewhere, what a browser gets that does as the recovery
// script says. What is an abort must look like one, and an error page must be
// complete. Nobody may get anything that was made for a signed-in user, and no
// nonce may come twice. What plain reverse_proxy would have served may not fail.
// Memory and goroutines of Caddy at the end are compared with those after a quarter
// of the time, both without traffic.
//
// The exit status is 1 if anything is wrong. An interrupt ends the run early, with
// its report.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

func main() {
	rig.BeChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends it at once
	exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func exit(err error) {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	default:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run writes the report to out; messages meanwhile go to progress.
func run(ctx context.Context, args []string, out, progress io.Writer) error {
	s := &soak{say: func(format string, args ...any) { fmt.Fprintf(progress, format+"\n", args...) }}
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.DurationVar(&s.length, "for", 20*time.Minute, "how long to drive traffic")
	flags.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "where chance begins; what happens still depends on timing, too")
	flags.Float64Var(&s.rate, "rate", 60, "visits a `second`")
	flags.IntVar(&s.conns, "conns", 32, "the most visits at once")
	flags.StringVar(&s.folder, "keep", "", "write the bytes of wrong responses, and profiles of Caddy at the end, to this `folder`")
	jsonFile := flags.String("json", "", "write the report to this `file`, too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case flags.NArg() > 0:
		return fmt.Errorf("unknown argument %q; there are only flags, see -help", flags.Arg(0))
	case s.length < time.Second:
		return errors.New("-for: at least 1s is needed")
	case s.rate <= 0 || s.rate > 10_000:
		return errors.New("-rate: must be more than 0, and at most 10000")
	case s.conns < 1:
		return errors.New("-conns: at least 1 is needed")
	}
	if s.folder != "" {
		if err := os.MkdirAll(s.folder, 0o750); err != nil {
			return fmt.Errorf("-keep: %w", err)
		}
	}
	if *jsonFile != "" { // an error shows before twenty minutes have passed
		if err := create(*jsonFile, func(io.Writer) error { return nil }); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	s.say("seed %d, %s, %g visits a second, %d at once", s.seed, s.length, s.rate, s.conns)
	if err := s.run(ctx); err != nil {
		return err
	}
	r := s.report()
	if *jsonFile != "" {
		if err := create(*jsonFile, r.json); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	if err := r.markdown(out); err != nil {
		return err
	}
	if r.Wrong > 0 {
		return fmt.Errorf("%d things are wrong", r.Wrong)
	}
	return nil
}
