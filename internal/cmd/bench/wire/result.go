package wire

import (
	"fmt"
	"io"
	"slices"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stage"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// A measure is a point of a response, timed from the start of the request.
type measure int

const (
	firstByte   measure = iota // of the body
	headEnd                    // the last byte of </head>
	backendByte                // the first byte that is not in the opening
	lastByte                   // of the body
	measures
)

var measureNames = [measures]string{"first byte", "`</head>`", "first backend byte", "last byte"}

// applies tells whether a measure says something of a side: respond sends an opening
// only.
func applies(s side, m measure) bool { return s != respondSide || m == firstByte }

// target is for the ratio to respond of the first byte.
const target = 1.15

// A Result is what the part has found.
type Result struct {
	PageBytes    int    `json:"page_bytes"`
	OpeningBytes []int  `json:"opening_bytes"` // of head and shell, of rows that were measured
	Rows         []Line `json:"rows"`
}

// A Line is one measure of a row.
type Line struct {
	ID       string `json:"id"`
	Protocol string `json:"protocol"`
	Level    string `json:"level"`
	Delay    string `json:"backend_delay"`
	Measure  string `json:"measure"`
	// Times are in microseconds. Respond has none but of the first byte.
	Plain     Times  `json:"plain_us"`
	Bare      Times  `json:"bare_flush_us"`
	Respond   *Times `json:"respond_us,omitempty"`
	Headstart Times  `json:"headstart_us"`
	// Ratios are Headstart's over the other's, of respond by p50 and p99.
	ToPlain      float64 `json:"ratio_to_plain"`
	ToBare       float64 `json:"ratio_to_bare_flush"`
	ToRespond    float64 `json:"ratio_to_respond,omitempty"`
	ToRespondP99 float64 `json:"ratio_to_respond_p99,omitempty"`
	// Spreads are the quarter and the three-quarter point of the ratios of single
	// rounds.
	SpreadToRespond    [2]float64 `json:"ratio_to_respond_spread"`
	SpreadToRespondP99 [2]float64 `json:"ratio_to_respond_p99_spread"`
	Target             float64    `json:"target,omitempty"` // the most that the ratios to respond should be
	// Verdict says whether both meet it; nil without one.
	*stats.Verdict
}

// Times are quantiles of the visits to one side.
type Times struct {
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Count int     `json:"count"`
}

func newTimes(rounds [][]float64) Times {
	values := slices.Concat(rounds...)
	return Times{stats.Quantile(values, 0.5), stats.Quantile(values, 0.95), stats.Quantile(values, 0.99), len(values)}
}

func (t Times) String() string {
	return fmt.Sprintf("%.2f / %.2f / %.2f", t.P50/1000, t.P95/1000, t.P99/1000)
}

func newResult(rows []*row) *Result {
	result := &Result{PageBytes: stage.PageSize}
	for _, level := range levels {
		for _, r := range rows {
			if r.level == level {
				result.OpeningBytes = append(result.OpeningBytes, r.opening)
				break
			}
		}
	}
	for _, r := range rows {
		for m := range measures {
			result.Rows = append(result.Rows, newLine(r, m))
		}
	}
	return result
}

func newLine(r *row, m measure) Line {
	l := Line{
		ID: r.ID(), Protocol: r.protocol, Level: r.level, Delay: r.delay.String(), Measure: measureNames[m],
		Plain: newTimes(r.marks[plainSide][m]), Bare: newTimes(r.marks[bareSide][m]), Headstart: newTimes(r.marks[headstartSide][m]),
	}
	l.ToPlain, l.ToBare = l.Headstart.P50/l.Plain.P50, l.Headstart.P50/l.Bare.P50
	if applies(respondSide, m) {
		times := newTimes(r.marks[respondSide][m])
		l.Respond, l.Target = &times, target
		ours, base := r.marks[headstartSide][m], r.marks[respondSide][m]
		rounds, roundsP99 := stats.Ratios(ours, base, 0.5), stats.Ratios(ours, base, 0.99)
		l.SpreadToRespond, l.SpreadToRespondP99 = stats.Spread(rounds), stats.Spread(roundsP99)
		l.ToRespond, l.ToRespondP99 = l.Headstart.P50/times.P50, l.Headstart.P99/times.P99
		l.Verdict = stats.AtMost(target, l.ToRespond, rounds).And(stats.AtMost(target, l.ToRespondP99, roundsP99))
	}
	return l
}

// Markdown writes the result as a table.
func (r *Result) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Milliseconds, p50 / p95 / p99. Page %d bytes, openings %d bytes.\n\n", r.PageBytes, r.OpeningBytes); err != nil {
		return err
	}
	t := stats.Table{Columns: []string{
		"to", "protocol", "level", "delay:", "plain:", "respond:", "bare flush:", "Headstart:",
		"÷ plain:", "÷ bare flush:", "÷ respond, p50:", "of rounds", "÷ respond, p99:", "of rounds", "target", "met",
	}}
	for m := range measures {
		for _, l := range r.Rows {
			if l.Measure != measureNames[m] {
				continue
			}
			respond, ratio, ratioP99, spread, spreadP99, target := "", "", "", "", "", ""
			if l.Respond != nil {
				respond, target = l.Respond.String(), fmt.Sprintf("≤ %.2f", l.Target)
				spread, spreadP99 = stats.Range(l.SpreadToRespond), stats.Range(l.SpreadToRespondP99)
				ratio, ratioP99 = fmt.Sprintf("**%.2f**", l.ToRespond), fmt.Sprintf("**%.2f**", l.ToRespondP99)
			}
			t.Add(l.Measure, l.Protocol, l.Level, l.Delay, l.Plain.String(), respond, l.Bare.String(), l.Headstart.String(),
				fmt.Sprintf("%.2f", l.ToPlain), fmt.Sprintf("%.2f", l.ToBare), ratio, spread, ratioP99, spreadP99, target, stats.Met(l.Verdict))
		}
	}
	return t.Write(w)
}
