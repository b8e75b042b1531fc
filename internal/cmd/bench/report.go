package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// A report is all that a run yields, as -json writes it.
type report struct {
	Started time.Time `json:"started"`
	Go      string    `json:"go"`
	Caddy   string    `json:"caddy"`
	System  string    `json:"system"`
	Cores   int       `json:"cores"`
	Page    int       `json:"page_bytes"`
	Opening int       `json:"opening_bytes"`
	Delay   string    `json:"backend_delay"`
	Rounds  int       `json:"rounds"`
	Rows    []line    `json:"rows"`
}

// A line is a row in figures. Ratios are Headstart over base.
type line struct {
	ID        string  `json:"id"`
	What      string  `json:"what"`
	Against   string  `json:"against"`
	Unit      string  `json:"unit"`
	Target    string  `json:"target"`
	Base      figures `json:"base"`
	Headstart figures `json:"headstart"`
	Ratio     float64 `json:"ratio"` // of the medians
	// Spread is the quarter and the three-quarter point of the ratios of the
	// single rounds.
	Spread   [2]float64 `json:"spread"`
	P99Ratio float64    `json:"p99_ratio,omitempty"`
	CPURatio float64    `json:"cpu_ratio,omitempty"`
}

// figures are those of one side.
type figures struct {
	Median float64   `json:"median"`
	P99    float64   `json:"p99,omitempty"`
	CPU    float64   `json:"cpu_us_per_request,omitempty"` // of Caddy, the median of the rounds
	Count  int       `json:"count"`                        // of values
	Rounds []float64 `json:"rounds"`                       // the median of each
}

func newReport(s *stage, rows []*row, started time.Time, rounds int) report {
	version, _ := caddy.Version()
	r := report{
		Started: started.Round(time.Second),
		Go:      runtime.Version(),
		Caddy:   version,
		System:  runtime.GOOS + "/" + runtime.GOARCH,
		Cores:   runtime.NumCPU(),
		Page:    len(s.origin.page),
		Opening: len(s.opening),
		Delay:   s.origin.delay.String(),
		Rounds:  rounds,
	}
	for _, row := range rows {
		r.Rows = append(r.Rows, newLine(row))
	}
	return r
}

func newLine(r *row) line {
	base := make([]turn, 0, len(r.rounds))
	headstart := make([]turn, 0, len(r.rounds))
	ratios := make([]float64, 0, len(r.rounds))
	for _, round := range r.rounds {
		base, headstart = append(base, round.base), append(headstart, round.headstart)
		ratios = append(ratios, stats.Median(round.headstart.values)/stats.Median(round.base.values))
	}
	l := line{
		ID: r.id, What: r.what, Against: r.against, Unit: r.unit, Target: r.target,
		Base: newFigures(base, !r.isLoad), Headstart: newFigures(headstart, !r.isLoad),
		Spread: [2]float64{stats.Quantile(ratios, 0.25), stats.Quantile(ratios, 0.75)},
	}
	l.Ratio = l.Headstart.Median / l.Base.Median
	if l.Base.P99 > 0 {
		l.P99Ratio = l.Headstart.P99 / l.Base.P99
	}
	if l.Base.CPU > 0 {
		l.CPURatio = l.Headstart.CPU / l.Base.CPU
	}
	return l
}

func newFigures(turns []turn, tail bool) figures {
	var f figures
	var all []float64
	cpu := make([]float64, 0, len(turns))
	for _, t := range turns {
		all = append(all, t.values...)
		cpu = append(cpu, microseconds(t.cpu))
		f.Rounds = append(f.Rounds, stats.Median(t.values))
	}
	f.Median, f.CPU, f.Count = stats.Median(all), stats.Median(cpu), len(all)
	if tail {
		f.P99 = stats.Quantile(all, 0.99)
	}
	return f
}

// markdown writes the report as one table under a header.
func (r report) markdown(w io.Writer) error {
	print := func(format string, args ...any) error {
		_, err := fmt.Fprintf(w, format, args...)
		return err
	}
	if err := print("%s, Caddy %s, %s, %d cores, %s. Page %d bytes, opening %d bytes, backend delay %s (first byte) or none (load), %d rounds.\n\n",
		r.Go, r.Caddy, r.System, r.Cores, r.Started.Format(time.DateTime), r.Page, r.Opening, r.Delay, r.Rounds); err != nil {
		return err
	}
	if err := print("| measured | against | base | Headstart | ratio | spread | target | p99 | p99 ratio | CPU of Caddy | CPU ratio |\n" +
		"|---|---|--:|--:|--:|---|---|--:|--:|--:|--:|\n"); err != nil {
		return err
	}
	for _, l := range r.Rows {
		p99, p99Ratio, cpu, cpuRatio := "", "", "", ""
		if l.P99Ratio > 0 {
			p99 = fmt.Sprintf("%.0f → %.0f µs", l.Base.P99, l.Headstart.P99)
			p99Ratio = fmt.Sprintf("%.2f", l.P99Ratio)
		}
		if l.CPURatio > 0 {
			cpu = fmt.Sprintf("%.0f → %.0f µs", l.Base.CPU, l.Headstart.CPU)
			cpuRatio = fmt.Sprintf("%.2f", l.CPURatio)
		}
		if err := print("| %s | %s | %.0f %s | %.0f %s | **%.2f** | %.2f…%.2f | %s | %s | %s | %s | %s |\n",
			l.What, l.Against, l.Base.Median, l.Unit, l.Headstart.Median, l.Unit,
			l.Ratio, l.Spread[0], l.Spread[1], l.Target, p99, p99Ratio, cpu, cpuRatio); err != nil {
			return err
		}
	}
	return nil
}

func (r report) json(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "\t")
	return enc.Encode(r)
}
