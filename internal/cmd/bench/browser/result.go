package browser

import (
	"slices"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// Result is what was measured.
type Result struct {
	Rounds int `json:"rounds"`
	// Notes are what a reader of the figures has to know.
	Notes  []string `json:"notes,omitempty"`
	Rows   []*Row   `json:"rows"`
	Ratios []Ratio  `json:"ratios"`
	// Lighthouse is empty where it is not installed.
	Lighthouse []*LighthouseRow `json:"lighthouse,omitempty"`
}

// Row is a front end behind a link, in front of a backend.
type Row struct {
	Site     string `json:"site"`
	Link     string `json:"link"`
	Delay    int64  `json:"delay_ms"` // of the backend, milliseconds
	FrontEnd string `json:"front_end"`
	// Visits are in the order of their rounds.
	Visits []Visit `json:"visits"`
}

// Visit is one load of the page.
type Visit struct {
	// Values are by metric: milliseconds since the navigation began, but for "cls".
	Values map[string]float64 `json:"values"`
	// Raw is what they are made of.
	Raw *raw `json:"raw,omitempty"`
}

// Ratio compares two front ends.
type Ratio struct {
	Site   string `json:"site"`
	Link   string `json:"link"`
	Delay  int64  `json:"delay_ms"`
	Metric string `json:"metric"`
	Of     string `json:"of"`
	To     string `json:"to"`
	// Ratio is that of the medians.
	Ratio float64 `json:"ratio"`
	// Spread is the middle half of the ratios of the single rounds.
	Spread [2]float64 `json:"spread"`
	// Target is what Ratio should be at most.
	Target float64 `json:"target"`
	*stats.Verdict
}

func newResult(o Options) *Result { return &Result{Rounds: o.Rounds} }

// all returns the values of a metric, by round.
func (r *Row) all(metric string) []float64 {
	values := make([]float64, 0, len(r.Visits))
	for _, v := range r.Visits {
		values = append(values, v.Values[metric])
	}
	return values
}

func (r *Row) median(metric string) float64 { return stats.Median(r.all(metric)) }

// row returns the row of another front end beside this one, nil if there is none.
func (r *Result) row(beside *Row, frontEnd string) *Row {
	i := slices.IndexFunc(r.Rows, func(o *Row) bool {
		return o.Site == beside.Site && o.Link == beside.Link && o.Delay == beside.Delay && o.FrontEnd == frontEnd
	})
	if i < 0 {
		return nil
	}
	return r.Rows[i]
}

// compare fills in the ratios that have targets.
func (r *Result) compare() {
	for _, t := range targets {
		for _, of := range r.Rows {
			to := r.row(of, t.to)
			if of.FrontEnd != t.of || to == nil || to.median(t.metric) == 0 {
				continue
			}
			ratio := of.median(t.metric) / to.median(t.metric)
			var single []float64
			a, b := of.all(t.metric), to.all(t.metric)
			for i := range min(len(a), len(b)) {
				if b[i] != 0 {
					single = append(single, a[i]/b[i])
				}
			}
			r.Ratios = append(r.Ratios, Ratio{
				Site: of.Site, Link: of.Link, Delay: of.Delay, Metric: t.metric, Of: t.of, To: t.to,
				Ratio: ratio, Spread: stats.Spread(single),
				Target: t.atMost, Verdict: stats.AtMost(t.atMost, ratio, single),
			})
		}
	}
}
