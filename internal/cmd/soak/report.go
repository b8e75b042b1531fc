package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// How much Caddy may have grown between the two samples without traffic, in a run
// that is long enough to say anything.
const (
	enough          = time.Minute
	moreGoroutines  = 25
	moreHeap        = 12 << 20 // bytes
	heapPerPageByte = 2        // … and so much for what Headstart says its pages take more
)

// A report is all that a run yields, as -json writes it.
type report struct {
	Started   time.Time `json:"started"`
	Go        string    `json:"go"`
	Caddy     string    `json:"caddy"`
	System    string    `json:"system"`
	Cores     int       `json:"cores"`
	Seed      uint64    `json:"seed"`
	Rate      float64   `json:"rate"`
	Conns     int       `json:"conns"`
	Seconds   float64   `json:"seconds"`
	Requests  int       `json:"requests"`
	Committed int       `json:"committed"`
	Reloads   int       `json:"reloads"`
	Deploys   int       `json:"deploys"`
	Spells    int       `json:"bad_spells"`
	Downs     int       `json:"downs"`
	// EarlyMS and BackendMS are medians over the same responses: of the visitors'
	// time to the first byte, and of Caddy's to the backend's header.
	EarlyMS   float64                   `json:"early_ttfb_ms"`
	BackendMS float64                   `json:"backend_ttfb_ms"`
	Counts    map[string]map[string]int `json:"counts"`
	Samples   []sample                  `json:"samples"`
	Compared  bool                      `json:"growth_compared"`
	Wrong     int                       `json:"wrong"`
	Faults    []fault                   `json:"faults"`
}

func (s *soak) report() report {
	compared := s.compare()
	version, _ := caddy.Version()
	t := s.tally
	wrong := t.total("fault")
	requests := t.total("level")
	t.mu.Lock()
	defer t.mu.Unlock()
	return report{
		Started: s.started.Round(time.Second), Go: runtime.Version(), Caddy: version,
		System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
		Seed: s.seed, Rate: s.rate, Conns: s.conns, Seconds: time.Since(s.started).Seconds(),
		Requests: requests, Committed: t.counts["level"]["head"],
		Reloads: s.reloads, Deploys: s.deploys, Spells: s.spells, Downs: len(s.origin.downs),
		EarlyMS: median(t.early), BackendMS: median(t.header),
		Counts: t.counts, Samples: s.samples, Compared: compared,
		Wrong: wrong, Faults: t.faults,
	}
}

// compare looks for growth. It reports false if the run was too short for that.
func (s *soak) compare() bool {
	var warm, end *sample
	for i := range s.samples {
		switch s.samples[i].When {
		case "warm":
			warm = &s.samples[i]
		case "end":
			end = &s.samples[i]
		}
	}
	if warm == nil || end == nil || end.Seconds < enough.Seconds() {
		return false
	}
	if end.Goroutines > warm.Goroutines+moreGoroutines {
		s.tally.find(fault{What: faultLeak, Detail: fmt.Sprintf("%d goroutines, %d when warm", end.Goroutines, warm.Goroutines)})
	}
	room := moreHeap + heapPerPageByte*max(end.PageBytes-warm.PageBytes, 0)
	if float64(end.Heap) > float64(warm.Heap)+room {
		s.tally.find(fault{What: faultLeak, Detail: fmt.Sprintf("a heap of %s, %s when warm", mebibytes(float64(end.Heap)), mebibytes(float64(warm.Heap)))})
	}
	return true
}

func mebibytes(n float64) string { return fmt.Sprintf("%.1f MiB", n/(1<<20)) }

func (r report) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(r)
}

// tables are those of Counts, in the order of the report.
var tables = [][2]string{
	{"level", "requests by level"},
	{"outcome", "early requests by outcome"},
	{"audience", "early requests by audience"},
	{"reason", "other requests by reason"},
	{"again", "requests after a recovery"},
	{"backend", "what the backend answered"},
	{"retried", "retried on another connection"},
	{"log", "in Caddy's log"},
	{"fault", "wrong"},
}

// markdown writes the report for people.
func (r report) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, Caddy %s, %s, %d cores, %s. Seed %d, %g visits a second, %d at once, %.0f s.\n\n",
		r.Go, r.Caddy, r.System, r.Cores, r.Started.Format(time.DateTime), r.Seed, r.Rate, r.Conns, r.Seconds)
	fmt.Fprintf(&b, "| | |\n|---|--:|\n| requests | %d |\n| sent early | %d |\n| deploys | %d |\n| bad spells | %d |\n"+
		"| times without a backend | %d |\n| reloads of the configuration | %d |\n"+
		"| first byte of early responses, median | %.1f ms |\n| … their backend's header, median | %.1f ms |\n",
		r.Requests, r.Committed, r.Deploys, r.Spells, r.Downs, r.Reloads, r.EarlyMS, r.BackendMS)
	for _, table := range tables {
		rows := r.Counts[table[0]]
		fmt.Fprintf(&b, "| **%s** | |\n", table[1])
		for _, row := range sorted(rows) {
			fmt.Fprintf(&b, "| %s | %d |\n", row, rows[row])
		}
	}
	b.WriteString("\n| Caddy | after | requests | goroutines | heap | pages | they take |\n|---|--:|--:|--:|--:|--:|--:|\n")
	for _, s := range r.Samples {
		fmt.Fprintf(&b, "| %s | %.0f s | %d | %d | %s | %.0f | %s |\n", s.When, s.Seconds, s.Requests, s.Goroutines,
			mebibytes(float64(s.Heap)), s.Pages, mebibytes(s.PageBytes))
	}
	if !r.Compared {
		fmt.Fprintf(&b, "\nToo short to say whether Caddy grows: that takes %s.\n", enough)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "\n**%s**: %s\n", f.What, f.Detail)
		for _, line := range []string{f.Request, f.Verdict, f.Backend} {
			if line != "" {
				fmt.Fprintf(&b, "- %s\n", line)
			}
		}
	}
	fmt.Fprintf(&b, "\n%d things are wrong.\n", r.Wrong)
	_, err := io.WriteString(w, b.String())
	return err
}
