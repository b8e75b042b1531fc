// Package stats is what the parts of the bench need to say of their figures: medians
// and other quantiles, and tables in markdown.
package stats

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Median returns the median of values, 0 if there are none.
func Median(values []float64) float64 { return Quantile(values, 0.5) }

// Quantile returns a quantile of values, from 0 to 1, between the two nearest of them
// where it lies between; 0 if there are none. The values are not changed.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Spread returns the quarter and the three-quarter point of values.
func Spread(values []float64) [2]float64 {
	return [2]float64{Quantile(values, 0.25), Quantile(values, 0.75)}
}

// Range is how a spread is written.
func Range(spread [2]float64) string { return fmt.Sprintf("%.2f…%.2f", spread[0], spread[1]) }

// Ratios returns for each round the ratio of a quantile of a to that of b. Rounds in
// which b has none are left out.
func Ratios(a, b [][]float64, q float64) []float64 {
	ratios := make([]float64, 0, len(a))
	for i := range min(len(a), len(b)) {
		if of := Quantile(b[i], q); of > 0 {
			ratios = append(ratios, Quantile(a[i], q)/of)
		}
	}
	return ratios
}

// Table is a table in markdown. Columns whose name ends with a colon are aligned to the
// right; the colon is not shown.
type Table struct {
	Columns []string
	Rows    [][]string
}

// Add appends a row, a cell for each column.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Write writes the table, with an empty line behind.
func (t *Table) Write(w io.Writer) error {
	var b strings.Builder
	names, rules := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, name := range t.Columns {
		var right bool
		if names[i], right = strings.CutSuffix(name, ":"); right {
			rules[i] = "--:"
		} else {
			rules[i] = "---"
		}
	}
	for _, cells := range append([][]string{names, rules}, t.Rows...) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
