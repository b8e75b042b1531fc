package browser

import (
	"fmt"
	"io"
	"strconv"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// Markdown writes the tables: for each site and link the medians of each front end,
// then the ratios that have targets, then those of Lighthouse.
func (r *Result) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Medians of %d visits each, in turns. Times are milliseconds since the navigation "+
		"began: a click on a link, with an empty cache and without a connection to the site. *Old page usable* is "+
		"from the click until the `pagehide` event of the page with the link.\n\n", r.Rounds); err != nil {
		return err
	}
	for _, site := range sites {
		for _, kind := range linkKinds {
			if err := r.writeRows(w, site, kind); err != nil {
				return err
			}
		}
	}
	if err := r.writeRatios(w); err != nil {
		return err
	}
	if err := r.writeLighthouse(w); err != nil {
		return err
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintf(w, "- %s\n", note); err != nil {
			return err
		}
	}
	return nil
}

// writeRows writes the table of a site and a link, nothing if it was not measured.
func (r *Result) writeRows(w io.Writer, site string, kind linkKind) error {
	table := stats.Table{Columns: []string{"delay:", "front end"}}
	for _, m := range metrics {
		table.Columns = append(table.Columns, m.name+":")
	}
	for _, row := range r.Rows {
		if row.Site != site || row.Link != kind.id {
			continue
		}
		cells := make([]string, 0, len(table.Columns))
		cells = append(cells, strconv.FormatInt(row.Delay, 10), nameOf(row.FrontEnd))
		for _, m := range metrics {
			cells = append(cells, format(m.id, row.median(m.id)))
		}
		table.Add(cells...)
	}
	if len(table.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "**%s**, %s\n\n", site, kind.name); err != nil {
		return err
	}
	return table.Write(w)
}

func (r *Result) writeRatios(w io.Writer) error {
	table := stats.Table{Columns: []string{"site", "link", "delay:", "of", "to", "metric", "ratio:", "spread", "target", "met"}}
	for _, ratio := range r.Ratios {
		table.Add(ratio.Site, ratio.Link, strconv.FormatInt(ratio.Delay, 10), ratio.Of, ratio.To, nameOfMetric(ratio.Metric),
			fmt.Sprintf("**%.2f**", ratio.Ratio), stats.Range(ratio.Spread), fmt.Sprintf("≤ %.2f", ratio.Target), stats.Met(ratio.Verdict))
	}
	if len(table.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprint(w, "Ratios of medians; *spread* is the middle half of the ratios of the single rounds.\n\n"); err != nil {
		return err
	}
	return table.Write(w)
}

// format writes a value of a metric.
func format(metric string, value float64) string {
	if metric == cls {
		return fmt.Sprintf("%.3f", value)
	}
	return fmt.Sprintf("%.0f", value)
}

func nameOf(id string) string {
	for _, f := range frontEnds {
		if f.id == id {
			return f.name
		}
	}
	return id
}

func nameOfMetric(id string) string {
	for _, m := range metrics {
		if m.id == id {
			return m.name
		}
	}
	return id
}
