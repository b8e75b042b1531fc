package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	const request = `"ts":1793350800.25,"request":{"proto":"HTTP/2.0","method":"GET","uri":"/"}`
	for name, test := range map[string]struct {
		frontEnd, log, want string
	}{
		"plain": {
			"plain", `{` + request + `,"status":200,"upstream_ms":1203.4}`,
			`plain h2 / 200 - - 1203 -`,
		},
		"early": {
			"headstart", `{` + request + `,"status":200,"upstream_ms":1203.4,
				"headstart":{"level":"head","outcome":"exact","backend_status":200,"early_ms":0.42,"backend_header_ms":1204.1}}`,
			`headstart h2 / 200 head 0.4 1204 exact`,
		},
		"early, and the backend failed": {
			"headstart", `{` + request + `,"status":200,
				"headstart":{"level":"head","outcome":"failed","backend_status":503,"early_ms":12.34,"backend_header_ms":50.26}}`,
			`headstart h2 / 200/503 head 12.3 50.3 failed`,
		},
		"not early": {
			"headstart", `{` + request + `,"status":200,"upstream_ms":99.96,"headstart":{"level":"none","reason":"not_learned"}}`,
			`headstart h2 / 200 not_learned - 100.0 -`,
		},
		"no answer": {
			"plain", `{` + request + `,"status":502,"upstream_ms":null}`,
			`plain h2 / 502 - - - -`,
		},
		"form": {
			"plain", `{"ts":1793350800.25,"request":{"proto":"HTTP/3.0","method":"POST","uri":"/login"},"status":303}`,
			`plain h3 POST /login 303 - - - -`,
		},
		"long path": {
			"plain", `{"ts":1793350800.25,"request":{"proto":"HTTP/1.1","method":"GET","uri":"/entries/ä-very-long-name-of-an-entry"},"status":404}`,
			`plain h1.1 /entries/ä-very-long-name-of-… 404 - - - -`,
		},
		"static file": {
			"plain", `{"ts":1793350800.25,"request":{"proto":"HTTP/1.1","method":"GET","uri":"/assets/site.css?v=1"},"status":200}`,
			``,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := parseEntry(test.frontEnd, []byte(test.log))
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			report{out: &out}.show(e)
			fields := strings.Fields(out.String())
			if len(fields) > 0 {
				fields = fields[1:] // the time, in this machine's zone
			}
			if diff := cmp.Diff(test.want, strings.Join(fields, " ")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestStaticFilesAreShownOnDemand(t *testing.T) {
	var e entry
	e.Request.URI = "/assets/site.css"
	var out strings.Builder
	report{out: &out, verbose: true}.show(e)
	if !strings.Contains(out.String(), e.Request.URI) {
		t.Errorf("printed %q, want a line for %s", out.String(), e.Request.URI)
	}
}

func TestColumnsLineUp(t *testing.T) {
	var e entry
	e.Request.Method, e.Request.URI = "GET", "/"
	var out strings.Builder
	r := report{out: &out}
	r.heading()
	r.show(e)
	heading, line, _ := strings.Cut(out.String(), "\n")
	if at := strings.Index(heading, "path"); at < 0 || strings.Index(line, "/") != at {
		t.Errorf("the path does not stand below its heading:\n%s", out.String())
	}
	if at := strings.Index(heading, "outcome"); at < 0 || strings.LastIndex(line, "-") != at {
		t.Errorf("the outcome does not stand below its heading:\n%s", out.String())
	}
}

func TestUnreadableLogLine(t *testing.T) {
	if _, err := (logWriter{FrontEnd: "plain"}).Write([]byte("no JSON")); err == nil {
		t.Error("no error for a log line that is no JSON")
	}
}
