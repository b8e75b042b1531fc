package main

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// A machine is where the figures come from, and what was measured there.
type machine struct {
	CPU       string `json:"cpu,omitempty"` // its model, "" if it cannot be read
	Cores     int    `json:"cores"`
	System    string `json:"system"`
	OS        string `json:"os,omitempty"` // its name, "" if it cannot be read
	Go        string `json:"go"`
	Caddy     string `json:"caddy"`
	Headstart string `json:"headstart"`
}

func thisMachine(ctx context.Context) machine {
	m := machine{
		CPU:       field("/proc/cpuinfo", "model name", ":"),
		Cores:     runtime.NumCPU(),
		System:    runtime.GOOS + "/" + runtime.GOARCH,
		OS:        field("/etc/os-release", "PRETTY_NAME", "="),
		Go:        runtime.Version(),
		Headstart: revision(ctx),
	}
	m.Caddy, _ = caddy.Version()
	return m
}

// field returns the first value of a name in a file of names and values, "" if there
// is none or no such file.
func field(file, name, separator string) string {
	text, err := os.ReadFile(file) //nolint:gosec // the names are constants
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, found := strings.Cut(line, separator)
		if found && strings.TrimSpace(key) == name {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// revision returns the commit of Headstart. What `go run` builds does not know it, so
// git is asked, which knows it in the repository, where `go run` has to be called.
func revision(ctx context.Context) string {
	set := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			set[s.Key] = s.Value
		}
	}
	id, changed := set["vcs.revision"], set["vcs.modified"] == "true"
	if id == "" {
		// The folder may be in another repository.
		out, err := exec.CommandContext(ctx, "git", "show", "HEAD:headstart.go").Output()
		if err != nil || !strings.Contains(string(out), "package headstart") {
			return "of an unknown revision"
		}
		out, err = exec.CommandContext(ctx, "git", "rev-parse", "HEAD").Output()
		if err != nil {
			return "of an unknown revision"
		}
		id = strings.TrimSpace(string(out))
		out, err = exec.CommandContext(ctx, "git", "status", "--porcelain").Output()
		changed = err == nil && len(out) > 0
	}
	id = id[:min(12, len(id))]
	if changed {
		id += " with changes"
	}
	return id
}
