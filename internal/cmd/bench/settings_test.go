package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// Which parts are measured, and for how long.
func TestReadSettings(t *testing.T) {
	for args, want := range map[string]string{
		"-time 15s":                                     "wire 4s, load 8s, stream 3s",
		"-part wire -time 15s":                          "wire 15s",
		"-part stream,wire -time 7s":                    "wire 4s, stream 3s",
		"-only ^load/head -time 15s":                    "load 15s",
		"-only h3 -time 7s":                             "wire 4s, stream 3s",
		"-part scale -pages 20,40 -only scale/20$":      "scale 2m30s",
		"-only wire/h1/head/20ms -delay 20ms -time 15s": "wire 15s",
	} {
		o, err := readSettings(append(strings.Fields(args), "-part", partOf(args)), new(bytes.Buffer))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		var got []string
		for _, p := range o.parts {
			got = append(got, p.name+" "+o.timeOf(p).String())
		}
		if got := strings.Join(got, ", "); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}

// partOf returns the parts that the arguments name, else those of the stage: others
// take the time that they take.
func partOf(args string) string {
	if _, rest, found := strings.Cut(args, "-part "); found {
		return strings.Fields(rest)[0]
	}
	return "wire,load,stream"
}

func TestReadDelays(t *testing.T) {
	o, err := readSettings([]string{"-delay", "5ms, 1s"}, new(bytes.Buffer))
	if err != nil || len(o.delays) != 2 || o.delays[1] != time.Second {
		t.Errorf("%v, error %v", o.delays, err)
	}
}

func TestReadPages(t *testing.T) {
	o, err := readSettings([]string{"-pages", "1000, 20"}, new(bytes.Buffer))
	if err != nil || len(o.pages) != 2 || o.pages[1] != 20 {
		t.Errorf("%v, error %v", o.pages, err)
	}
	if o, err = readSettings(nil, new(bytes.Buffer)); err != nil || len(o.pages) != 3 {
		t.Errorf("%v, error %v", o.pages, err)
	}
}

// Every part has a name, rows and a heading of its own.
func TestAllParts(t *testing.T) {
	seen := make(map[string]bool)
	o, err := readSettings(nil, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range allParts {
		if seen[p.name] || seen[p.title] || len(p.rows(o)) == 0 {
			t.Errorf("part %q, %q, rows %q", p.name, p.title, p.rows(o))
		}
		seen[p.name], seen[p.title] = true, true
		for _, id := range p.rows(o) {
			if seen[id] && id != p.name || !strings.HasPrefix(id, p.name) {
				t.Errorf("part %s: row %s", p.name, id)
			}
			seen[id] = true
		}
	}
}
