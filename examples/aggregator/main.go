// Command aggregator shows what Headstart does to a slow site. It runs a feed
// aggregator that takes more than a second for each page, once behind plain
// Caddy and once behind Caddy with Headstart, and prints a line per page.
//
//	go run ./examples/aggregator
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
)

const (
	defaultPort    = 8700
	defaultDelay   = 1200 * time.Millisecond
	defaultMinWait = 30 * time.Millisecond
	maxDelay       = time.Minute
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// Once the first Ctrl-C has arrived, a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command, until ctx is done. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parseFlags(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "aggregator: %v (-h shows the flags)\n", err)
		return exitUsage
	}
	d, err := startDemo(c)
	if err != nil {
		fmt.Fprintf(stderr, "aggregator: %v\n", err)
		return exitFailed
	}
	banner(stdout, d.ports)
	r := report{out: stdout, verbose: c.verbose}
	r.heading()
	accessLog.connect(r.show)

	var failure error
	select {
	case <-ctx.Done():
	case failure = <-d.failed:
	}
	fmt.Fprintln(stdout, "stopping; pages under way may still finish")
	if err := errors.Join(failure, d.close()); err != nil {
		fmt.Fprintf(stderr, "aggregator: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// parseFlags reads the command line. Help goes to stdout and gives flag.ErrHelp.
func parseFlags(args []string, stdout io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("aggregator", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // errors are printed once, by run
	flags.IntVar(&c.port, "port", defaultPort, "first of the 6 loopback ports; 0 takes any that are free")
	flags.DurationVar(&c.delay, "delay", defaultDelay, "time that the feeds take for one page, from 0 to 1m")
	flags.DurationVar(&c.minWait, "min-wait", defaultMinWait, "pages that the site sends faster than this are not sent early")
	flags.BoolVar(&c.cspNonce, "csp-nonce", false, "send a Content-Security-Policy with a nonce per response")
	flags.BoolVar(&c.verbose, "v", false, "print requests for static files, too")
	flags.Usage = func() {} // called for errors, too
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(stdout, "A slow feed aggregator behind plain Caddy and behind Caddy with Headstart.\n\n"+
				"usage: go run ./examples/aggregator [flags]\n\n")
			flags.SetOutput(stdout)
			flags.PrintDefaults()
		}
		return config{}, err
	}
	switch {
	case flags.NArg() > 0:
		return config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case c.port < 0 || c.port > 65536-portCount:
		return config{}, fmt.Errorf("-port %d: give a number from 0 to %d", c.port, 65536-portCount)
	case c.delay < 0 || c.delay > maxDelay:
		return config{}, fmt.Errorf("-delay %s: give a time from 0 to %s", c.delay, maxDelay)
	case c.minWait < 0:
		return config{}, fmt.Errorf("-min-wait %s: give a time of 0 or more", c.minWait)
	}
	return c, nil
}

// banner prints the addresses and what to do with them.
func banner(out io.Writer, p ports) {
	fmt.Fprintf(out, `A slow feed aggregator, three times:

  the site itself       http://127.0.0.1:%[2]d
  behind plain Caddy    https://localhost:%[4]d   http://localhost:%[3]d
  and with Headstart    https://localhost:%[6]d   http://localhost:%[5]d

It reads its feeds from http://127.0.0.1:%[1]d for every page.

Try it in a browser, in a private window (a visitor with cookies teaches
nothing). It will warn of the certificate, which the demo has signed itself:

  https://localhost:%[6]d/

Or on the command line, and see the page arrive long before the backend answers:

  curl -k --no-buffer -H 'Sec-Fetch-Mode: navigate' -H 'Sec-Fetch-Dest: document' -H 'Accept: text/html' https://localhost:%[6]d/

The first 3 visits to a page teach it, the next one is early. Ctrl-C ends this.

`, p.Feeds, p.Site, p.PlainHTTP, p.PlainHTTPS, p.HeadstartHTTP, p.HeadstartHTTPS)
}
