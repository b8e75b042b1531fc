package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A report is all that a run yields, as -json writes it.
type report struct {
	Started time.Time         `json:"started"`
	Machine machine           `json:"machine"`
	Time    string            `json:"time"`
	Rounds  int               `json:"rounds"`
	Delays  []string          `json:"backend_delays"`
	Only    string            `json:"only,omitempty"`
	Parts   map[string]result `json:"parts"`
}

func newReport(ctx context.Context, o settings, started time.Time) report {
	r := report{
		Started: started.Round(time.Second),
		Machine: thisMachine(ctx),
		Time:    o.time.String(),
		Rounds:  o.rounds,
		Only:    o.only.String(),
		Parts:   make(map[string]result),
	}
	for _, delay := range o.delays {
		r.Delays = append(r.Delays, delay.String())
	}
	return r
}

// header writes what holds for all tables.
func (r report) header(w io.Writer) error {
	m := r.Machine
	system := []string{fmt.Sprintf("%d cores", m.Cores), m.System}
	if m.CPU != "" {
		system = append([]string{m.CPU}, system...)
	}
	if m.OS != "" {
		system = append(system, m.OS)
	}
	settings := fmt.Sprintf("%s in %d rounds, backend delays %s", r.Time, r.Rounds, strings.Join(r.Delays, ", "))
	if r.Only != "" {
		settings += fmt.Sprintf(", only `%s`", r.Only)
	}
	_, err := fmt.Fprintf(w, "# Headstart, measured\n\n- %s\n- %s, Caddy %s, Headstart %s\n- %s: %s\n\n",
		strings.Join(system, ", "), m.Go, m.Caddy, m.Headstart, r.Started.Format(time.DateTime), settings)
	return err
}

// measure measures one part after the other, and writes each when it is done.
func (r report) measure(ctx context.Context, o settings, out, progress io.Writer) error {
	for _, p := range o.parts {
		fmt.Fprintf(progress, "%s: starting\n", p.name)
		found, err := p.run(ctx, o, o.timeOf(p), progress)
		switch {
		case ctx.Err() != nil:
			return errors.New("interrupted")
		case err != nil:
			return fmt.Errorf("%s: %w", p.name, err)
		}
		r.Parts[p.name] = found
		if _, err := fmt.Fprintf(out, "## %s\n\n", p.title); err != nil {
			return err
		}
		if err := found.Markdown(out); err != nil {
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
