package stream

import (
	"fmt"
	"io"
	"slices"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// target is the most that a ratio should be.
const target = 1.05

// A Result is what the part has found.
type Result struct {
	ChunkBytes int    `json:"chunk_bytes"`
	Interval   string `json:"interval"`
	Rows       []Line `json:"rows"`
}

// A Line is a row in figures. Ratios are Headstart's delay over plain's.
type Line struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind"`
	Protocol  string  `json:"protocol"`
	Plain     Delays  `json:"plain_us"`
	Headstart Delays  `json:"headstart_us"`
	Ratio     float64 `json:"ratio"` // of the medians
	RatioP99  float64 `json:"ratio_p99"`
	// Spread and SpreadP99 are the quarter and the three-quarter point of the ratios
	// of single rounds.
	Spread    [2]float64 `json:"ratio_spread"`
	SpreadP99 [2]float64 `json:"ratio_p99_spread"`
	Target    float64    `json:"target"`
	// Verdict says whether both ratios meet the target.
	*stats.Verdict
}

// Delays are quantiles of how long chunks take, in microseconds.
type Delays struct {
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Count int     `json:"count"`
}

func newDelays(values []float64) Delays {
	return Delays{stats.Quantile(values, 0.5), stats.Quantile(values, 0.95), stats.Quantile(values, 0.99), len(values)}
}

func (d Delays) String() string { return fmt.Sprintf("%.0f / %.0f / %.0f", d.P50, d.P95, d.P99) }

func newResult(rows []*row) *Result {
	result := &Result{ChunkBytes: chunkSize, Interval: interval.String()}
	for _, r := range rows {
		l := Line{ID: r.ID(), Kind: r.kind.what, Protocol: r.protocol, Target: target}
		base, ours := r.sides[0].rounds, r.sides[1].rounds
		if r.sides[0].site != plain {
			base, ours = ours, base
		}
		l.Plain, l.Headstart = newDelays(slices.Concat(base...)), newDelays(slices.Concat(ours...))
		rounds, roundsP99 := stats.Ratios(ours, base, 0.5), stats.Ratios(ours, base, 0.99)
		l.Spread, l.SpreadP99 = stats.Spread(rounds), stats.Spread(roundsP99)
		l.Ratio, l.RatioP99 = l.Headstart.P50/l.Plain.P50, l.Headstart.P99/l.Plain.P99
		l.Verdict = stats.AtMost(target, l.Ratio, rounds).And(stats.AtMost(target, l.RatioP99, roundsP99))
		result.Rows = append(result.Rows, l)
	}
	return result
}

// Markdown writes the result as a table.
func (r *Result) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "From the backend's write to the client's read, microseconds, p50 / p95 / p99. "+
		"A chunk of %d bytes each %s.\n\n", r.ChunkBytes, r.Interval); err != nil {
		return err
	}
	t := stats.Table{Columns: []string{"kind", "protocol", "chunks:", "plain:", "Headstart:", "ratio, p50:", "of rounds", "ratio, p99:", "of rounds", "target", "met"}}
	for _, l := range r.Rows {
		t.Add(l.Kind, l.Protocol, fmt.Sprint(l.Plain.Count), l.Plain.String(), l.Headstart.String(),
			fmt.Sprintf("**%.2f**", l.Ratio), stats.Range(l.Spread), fmt.Sprintf("**%.2f**", l.RatioP99), stats.Range(l.SpreadP99), fmt.Sprintf("≤ %.2f", l.Target), stats.Met(l.Verdict))
	}
	return t.Write(w)
}
