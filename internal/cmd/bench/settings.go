package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/scale"
	"github.com/headstart-proxy/headstart/internal/cmd/internal/rig"
)

// settings are the flags, checked.
type settings struct {
	parts  []part         // what to measure, in the order of the report
	only   *regexp.Regexp // on ids of rows
	time   time.Duration  // of all parts that have a share
	rounds int
	visits int             // of each row of the parts browser and filmstrip
	delays []time.Duration // of the backend, where the part has one
	pages  []int           // how many are learned, in part scale
	json   string          // a file, "" for none
	// filmstrip is the file of the picture, "" for none.
	filmstrip string
}

// readSettings reads the flags. Usage and complaints about single flags go to out.
func readSettings(args []string, out io.Writer) (settings, error) {
	var o settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(out)
	names := flags.String("part", strings.Join(defaultParts(), ","), "measure only these `parts`, of "+strings.Join(partNames(), ", "))
	only := flags.String("only", "", "measure only the rows whose id matches this `regexp`, such as wire/h1 or load/.*/16$")
	flags.DurationVar(&o.time, "time", 150*time.Second, "how long to measure; parts without rounds and starting take more")
	flags.IntVar(&o.rounds, "rounds", 6, "how many turns every row gets")
	delays := flags.String("delay", "5ms,50ms", "how long the backend takes, in part wire: one `delay` or more")
	pages := flags.String("pages", sizes(scale.DefaultSizes()), "how many pages are learned, in part scale: one `number` or more; with 1000000 it takes a quarter of an hour and 6 GiB")
	withBrowser := flags.Bool("browser", false, "measure part browser, too; it needs chromium and about 20 minutes")
	flags.IntVar(&o.visits, "visits", 3, "how many visits every row of the parts browser and filmstrip gets")
	flags.StringVar(&o.filmstrip, "filmstrip", "", "make a picture of pages that load, too: a PNG `file`; it needs chromium")
	flags.StringVar(&o.json, "json", "", "write all figures to this `file`, too")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	var err error
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q; there are only flags, see -help", flags.Arg(0))
	case o.rounds < 1:
		return o, errors.New("-rounds: at least 1 is needed")
	case o.visits < 1:
		return o, errors.New("-visits: at least 1 is needed")
	case o.time <= 0:
		return o, errors.New("-time: must be more than 0")
	}
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if o.delays, err = readDelays(*delays); err != nil {
		return o, err
	}
	if o.pages, err = readPages(*pages); err != nil {
		return o, err
	}
	if *withBrowser {
		*names += ",browser"
	}
	if o.filmstrip != "" {
		*names += ",filmstrip"
	}
	if o.parts, err = chooseParts(*names, o); err != nil {
		return o, err
	}
	for _, p := range o.parts { // an error shows before minutes have passed
		if p.check == nil {
			continue
		}
		if err := p.check(o); err != nil {
			return o, fmt.Errorf("part %s: %w", p.name, err)
		}
	}
	return o, nil
}

func readDelays(list string) ([]time.Duration, error) {
	const shortest, longest = 5 * time.Millisecond, rig.Patience / 2
	var delays []time.Duration
	for text := range strings.SplitSeq(list, ",") {
		delay, err := time.ParseDuration(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("-delay: %w", err)
		}
		if delay < shortest || delay > longest {
			return nil, fmt.Errorf("-delay: %s is not from %s to %s", delay, shortest, longest)
		}
		if slices.Contains(delays, delay) {
			return nil, fmt.Errorf("-delay: %s is there twice", delay)
		}
		delays = append(delays, delay)
	}
	return delays, nil
}

func readPages(list string) ([]int, error) {
	var pages []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("-pages: %w", err)
		}
		if n < scale.MinSize || n > scale.MaxSize {
			return nil, fmt.Errorf("-pages: %d is not from %d to %d", n, scale.MinSize, scale.MaxSize)
		}
		if slices.Contains(pages, n) {
			return nil, fmt.Errorf("-pages: %d is there twice", n)
		}
		pages = append(pages, n)
	}
	return pages, nil
}

// sizes is what -pages takes.
func sizes(pages []int) string {
	list := make([]string, 0, len(pages))
	for _, n := range pages {
		list = append(list, strconv.Itoa(n))
	}
	return strings.Join(list, ",")
}

// chooseParts returns the parts that are named and of which -only leaves something.
func chooseParts(list string, o settings) ([]part, error) {
	var named []string
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(partNames(), name) {
			return nil, fmt.Errorf("-part: %q is none of %s", name, strings.Join(partNames(), ", "))
		}
		named = append(named, name)
	}
	var chosen []part
	var ids []string
	for _, p := range allParts {
		if !slices.Contains(named, p.name) {
			continue
		}
		ids = append(ids, p.rows(o)...)
		if p.matches(o) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("-only: no row matches %q; rows are %s", o.only, strings.Join(ids, ", "))
	}
	return chosen, nil
}

// timeOf returns how long a part may measure.
func (o settings) timeOf(p part) time.Duration {
	shares := 0
	for _, p := range o.parts {
		shares += p.share
	}
	if shares == 0 {
		return o.time
	}
	return o.time * time.Duration(p.share) / time.Duration(shares)
}

func partNames() []string {
	names := make([]string, 0, len(allParts))
	for _, p := range allParts {
		names = append(names, p.name)
	}
	return names
}

func defaultParts() []string {
	var names []string
	for _, p := range allParts {
		if !p.extra {
			names = append(names, p.name)
		}
	}
	return names
}
