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
