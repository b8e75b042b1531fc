package main

import (
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// TestReadmeShowsTheCaddyfile keeps the README true.
func TestReadmeShowsTheCaddyfile(t *testing.T) {
	text, err := frontEnds{
		Ports:   ports{8700, 8701, 8702, 8703, 8704, 8705},
		Storage: "/tmp/headstart-demo",
		MinWait: defaultMinWait,
	}.caddyfile()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```caddyfile\n"+string(text)+"```\n") {
		t.Errorf("README.md does not show the Caddyfile as it is:\n%s", text)
	}
}

func TestCaddyfileIsFormatted(t *testing.T) {
	text, err := frontEnds{Storage: "/tmp/headstart-demo"}.caddyfile()
	if err != nil {
		t.Fatal(err)
	}
	if formatted := caddyfile.Format(text); string(formatted) != string(text) {
		t.Errorf("caddy fmt makes it\n%s", formatted)
	}
}

func TestLogWriterTakesOneArgument(t *testing.T) {
	for line, ok := range map[string]bool{
		"aggregator_demo plain":       true,
		"aggregator_demo":             false,
		"aggregator_demo plain extra": false,
	} {
		var l logWriter
		err := l.UnmarshalCaddyfile(caddyfile.NewTestDispenser(line))
		if (err == nil) != ok || ok && l.FrontEnd != "plain" {
			t.Errorf("output %s: error %v, front end %q", line, err, l.FrontEnd)
		}
	}
}
