package load

import (
	"fmt"
	"io"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// A Result is what the part has found.
type Result struct {
	PageBytes int    `json:"page_bytes"`
	Rows      []Line `json:"rows"`
}

// A Line is a row in figures. Ratios are Headstart's over plain.
type Line struct {
	ID          string  `json:"id"`
	Kind        string  `json:"kind"`
	Coding      string  `json:"coding"`
	Connections int     `json:"connections"`
	Plain       Figures `json:"plain"`
	Headstart   Figures `json:"headstart"`
	// RateRatio is that of the medians of the rounds, Spread the quarter and the
	// three-quarter point of the ratios of single rounds.
	RateRatio float64    `json:"rate_ratio"`
	Spread    [2]float64 `json:"rate_spread"`
	// CPURatio is that of all CPU time per request; 0 if the system does not tell.
	CPURatio  float64    `json:"cpu_ratio,omitempty"`
	CPUSpread [2]float64 `json:"cpu_spread"`
	Target    target     `json:"target"`
	// Verdict says whether the ratio meets the target; nil without one.
	*stats.Verdict
}

// Figures are those of one side.
type Figures struct {
	Rate     float64   `json:"requests_per_second"`           // the median of the rounds
	CPU      float64   `json:"cpu_us_per_request,omitempty"`  // of Caddy, over all rounds
	Requests int       `json:"requests"`                      // of all rounds
	Rates    []float64 `json:"requests_per_second_of_rounds"` // in order
	CPUs     []float64 `json:"cpu_us_per_request_of_rounds"`  // in order
}

func newFigures(rounds []turns) Figures {
	var f Figures
	var all turns
	for _, t := range rounds {
		all = all.plus(t)
		f.Rates, f.CPUs = append(f.Rates, t.rate()), append(f.CPUs, t.cpuPer())
	}
	f.Rate, f.CPU, f.Requests = stats.Median(f.Rates), all.cpuPer(), all.requests
	return f
}

func newResult(rows []*row) *Result {
	result := &Result{PageBytes: stage.PageSize}
	for _, r := range rows {
		result.Rows = append(result.Rows, newLine(r))
	}
	return result
}

func newLine(r *row) Line {
	n := len(r.rounds)
	plain, headstart := make([]turns, 0, n), make([]turns, 0, n)
	rates, cpus := make([]float64, 0, n), make([]float64, 0, n)
	for _, round := range r.rounds {
		plain, headstart = append(plain, round.plain), append(headstart, round.headstart)
		rates = append(rates, round.headstart.rate()/round.plain.rate())
		if round.plain.cpu > 0 {
			cpus = append(cpus, round.headstart.cpuPer()/round.plain.cpuPer())
		}
	}
	l := Line{
		ID: r.ID(), Kind: r.kind.what, Coding: r.coding(), Connections: r.connections,
		Plain: newFigures(plain), Headstart: newFigures(headstart),
		Spread: stats.Spread(rates), CPUSpread: stats.Spread(cpus), Target: r.kind.target,
	}
	l.RateRatio = l.Headstart.Rate / l.Plain.Rate
	if l.Plain.CPU > 0 {
		l.CPURatio = l.Headstart.CPU / l.Plain.CPU
	}
	switch {
	case l.Target.Rate > 0:
		l.Verdict = stats.AtLeast(l.Target.Rate, l.RateRatio, rates)
	case l.Target.CPU > 0 && l.CPURatio > 0:
		l.Verdict = stats.AtMost(l.Target.CPU, l.CPURatio, cpus)
	}
	return l
}

// Markdown writes the result as a table.
func (r *Result) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "HTTP/1.1, a page of %d bytes from a backend that answers at once.\n\n", r.PageBytes); err != nil {
		return err
	}
	t := stats.Table{Columns: []string{
		"kind", "coding", "conn.:", "plain, req/s:", "Headstart, req/s:", "ratio:", "spread",
		"CPU plain, µs:", "CPU Headstart, µs:", "CPU ratio:", "CPU spread", "target", "met",
	}}
	for _, l := range r.Rows {
		cpu := []string{"", "", "", ""} // where the system does not tell
		if l.CPURatio > 0 {
			cpu = []string{
				fmt.Sprintf("%.0f", l.Plain.CPU), fmt.Sprintf("%.0f", l.Headstart.CPU),
				fmt.Sprintf("**%.2f**", l.CPURatio), stats.Range(l.CPUSpread),
			}
		}
		t.Add(l.Kind, l.Coding, fmt.Sprint(l.Connections),
			fmt.Sprintf("%.0f", l.Plain.Rate), fmt.Sprintf("%.0f", l.Headstart.Rate),
			fmt.Sprintf("**%.2f**", l.RateRatio), stats.Range(l.Spread),
			cpu[0], cpu[1], cpu[2], cpu[3], l.Target.String(), stats.Met(l.Verdict))
	}
	return t.Write(w)
}

// String says what is wanted, "" if nothing is.
func (t target) String() string {
	switch {
	case t.Rate > 0:
		return fmt.Sprintf("rate ≥ %.2f", t.Rate)
	case t.CPU > 0:
		return fmt.Sprintf("CPU ≤ %.2f", t.CPU)
	default:
		return ""
	}
}
