package browser

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/headstart-proxy/headstart/internal/chromium"
	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// lighthouseLimit bounds one run of Lighthouse.
const lighthouseLimit = 3 * time.Minute

// audits are what Lighthouse is asked for, beside its score, in the order of columns.
var audits = []struct{ id, name string }{
	{"first-contentful-paint", "FCP"},
	{"largest-contentful-paint", "LCP"},
	{"speed-index", "Speed Index"},
	{"total-blocking-time", "TBT"},
}

// score is the metric of the performance score, 0 to 100.
const score = "score"

// LighthouseRow is what Lighthouse tells of a front end.
type LighthouseRow struct {
	Site     string `json:"site"`
	Link     string `json:"link"`
	Delay    int64  `json:"delay_ms"`
	FrontEnd string `json:"front_end"`
	// Runs hold the "score", 0 to 100, and audits by their id, in milliseconds.
	Runs []map[string]float64 `json:"runs"`
}

// runLighthouse runs Lighthouse on the groups' middle one, plain and shell in turns.
func (m *measurement) runLighthouse(ctx context.Context, s *runningSite, b *Browser, groups []group) error {
	g := groups[len(groups)/2]
	var rows []*LighthouseRow
	var fronts []frontEnd
	for _, f := range frontEnds {
		if f.id != plain && f.id != shell {
			continue
		}
		fronts = append(fronts, f)
		rows = append(rows, &LighthouseRow{Site: g.site, Link: g.kind.id, Delay: g.delay.Milliseconds(), FrontEnd: f.id})
		if err := s.teach(ctx, f, g.delay); err != nil {
			return err
		}
	}
	for round := range m.Rounds {
		m.say("%s: Lighthouse, round %d of %d", g.id(), round+1, m.Rounds)
		for i, f := range fronts {
			args := lighthouseArgs(s.url(f, g.delay), g.kind, b.rules, s.stage.certificate)
			run, err := runLighthouse(ctx, m.lighthouse, args)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil { // it is somebody else's: the rest is no worse without
				m.note("LIGHTHOUSE FAILED: %s, %s: %v", g.id(), f.id, err)
				continue
			}
			rows[i].Runs = append(rows[i].Runs, run)
		}
	}
	m.result.Lighthouse = append(m.result.Lighthouse, rows...)
	return nil
}

// lighthouseArgs are its arguments. The link is there, so it is told to slow nothing
// down.
func lighthouseArgs(url string, kind linkKind, rules []string, certificate *x509.Certificate) []string {
	flags := []string{
		"--headless=new", "--no-sandbox", "--disable-quic", "--disable-dev-shm-usage",
		"--ignore-certificate-errors-spki-list=" + chromium.KeyHash(certificate),
		`--host-resolver-rules="` + strings.Join(rules, ",") + `"`, // split at spaces
	}
	args := []string{
		url, "--quiet", "--output=json", "--output-path=stdout", "--only-categories=performance",
		"--throttling-method=provided", "--chrome-flags=" + strings.Join(flags, " "),
	}
	if !kind.mobile {
		args = append(args, "--preset=desktop")
	}
	return args
}

// runLighthouse runs it once.
func runLighthouse(ctx context.Context, path string, args []string) (map[string]float64, error) {
	chrome, err := chromium.Find()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lighthouseLimit)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // what the user has installed
	cmd.Env = append(os.Environ(), "CHROME_PATH="+chrome)
	cmd.Stderr = &stderr
	cmd.WaitDelay = Patience
	out, err := cmd.Output()
	if err != nil {
		text := strings.TrimSpace(stderr.String())
		return nil, fmt.Errorf("%w: %s", err, text[strings.LastIndexByte(text, '\n')+1:])
	}
	return readLighthouse(out)
}

// readLighthouse reads its report.
func readLighthouse(report []byte) (map[string]float64, error) {
	var r struct {
		RuntimeError struct{ Message string }
		Categories   struct{ Performance struct{ Score *float64 } }
		Audits       map[string]struct{ NumericValue *float64 }
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return nil, fmt.Errorf("reading its report: %w", err)
	}
	if r.RuntimeError.Message != "" {
		return nil, errors.New(r.RuntimeError.Message)
	}
	if r.Categories.Performance.Score == nil {
		return nil, errors.New("its report has no performance score")
	}
	values := map[string]float64{score: 100 * *r.Categories.Performance.Score}
	for _, a := range audits {
		value := r.Audits[a.id].NumericValue
		if value == nil {
			return nil, fmt.Errorf("its report has no %s", a.id)
		}
		values[a.id] = *value
	}
	return values, nil
}

// writeLighthouse writes the table, nothing if there is none.
func (r *Result) writeLighthouse(w io.Writer) error {
	table := stats.Table{Columns: []string{"site", "link", "delay:", "front end", "score:"}}
	for _, a := range audits {
		table.Columns = append(table.Columns, a.name+":")
	}
	for _, row := range r.Lighthouse {
		if len(row.Runs) == 0 {
			continue
		}
		cells := make([]string, 0, len(table.Columns))
		cells = append(cells, row.Site, row.Link, strconv.FormatInt(row.Delay, 10), nameOf(row.FrontEnd), fmt.Sprintf("%.0f", row.median(score)))
		for _, a := range audits {
			cells = append(cells, fmt.Sprintf("%.0f", row.median(a.id)))
		}
		table.Add(cells...)
	}
	if len(table.Rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprint(w, "Lighthouse, medians. The links are as above, the CPU is as fast as it is.\n\n"); err != nil {
		return err
	}
	return table.Write(w)
}

func (r *LighthouseRow) median(metric string) float64 {
	values := make([]float64, 0, len(r.Runs))
	for _, run := range r.Runs {
		values = append(values, run[metric])
	}
	return stats.Median(values)
}
