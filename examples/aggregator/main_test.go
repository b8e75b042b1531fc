package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// printed is an output that passes on each print. It has room for all that a
// test prints, for Caddy waits with the end of a page until its line is out.
type printed chan string

func (p printed) Write(text []byte) (int, error) {
	p <- string(text)
	return len(text), nil
}

func TestRunUntilInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	stdout := make(printed, 64)
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() { status <- run(ctx, []string{"-port", "0", "-delay", "0"}, stdout, &stderr) }()

	var text string
	select {
	case text = <-stdout:
	case got := <-status:
		t.Fatalf("exit status %d, errors %s", got, &stderr)
	}
	addresses := regexp.MustCompile(`http://localhost:\d+`).FindAllString(text, -1)
	if len(addresses) != 2 || !strings.Contains(text, "curl -k --no-buffer") {
		t.Fatalf("got\n%s\nwant two http addresses and a curl line", text)
	}
	if heading := <-stdout; !strings.HasPrefix(heading, "time ") {
		t.Fatalf("got %q, want the heading of the columns", heading)
	}
	for i, frontEnd := range []string{"plain", "headstart"} {
		visit(t, http.DefaultClient, addresses[i]+"/feeds/night-bus")
		line := strings.Fields(<-stdout)
		if len(line) != 9 || strings.Join(line[1:5], " ") != frontEnd+" h1.1 /feeds/night-bus 200" {
			t.Errorf("line %q, want nine columns with %s h1.1 /feeds/night-bus 200", line, frontEnd)
		}
	}

	interrupt()
	if got := <-status; got != exitOK || stderr.Len() != 0 {
		t.Errorf("exit status %d, errors %q; want 0 and none", got, &stderr)
	}
	if last := <-stdout; !strings.HasPrefix(last, "stopping") || len(stdout) != 0 {
		t.Errorf("printed %q and %d more after the interrupt, want that it stops", last, len(stdout))
	}
}

func TestBusyPort(t *testing.T) {
	taken, err := net.Listen("tcp", address(0))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-port", port}, &stdout, &stderr)
	if status != exitFailed || !strings.Contains(stderr.String(), "port "+port+" is in use") || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit status %d with %q, want 1 with one line about port %s", status, &stderr, port)
	}
	if stdout.Len() != 0 {
		t.Errorf("printed %q, want nothing", &stdout)
	}
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{
		{"-nothing"},
		{"-delay", "soon"},
		{"-delay", "-1s"},
		{"-delay", "2m"},
		{"-min-wait", "-1s"},
		{"-port", "-1"},
		{"-port", "65531"},
		{"extra"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), args, &stdout, &stderr)
		if status != exitUsage || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() != 0 {
			t.Errorf("%q: exit status %d, errors %q, output %q; want 2, one line, nothing", args, status, &stderr, &stdout)
		}
	}
}

func TestHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if status := run(t.Context(), []string{"-h"}, &stdout, &stderr); status != exitOK || stderr.Len() != 0 {
		t.Errorf("exit status %d, errors %q; want 0 and none", status, &stderr)
	}
	for _, name := range []string{"-delay", "-min-wait", "-csp-nonce", "-port", "-v"} {
		if !strings.Contains(stdout.String(), "  "+name) {
			t.Errorf("%s is not in the help:\n%s", name, &stdout)
		}
	}
}

func TestInterruptedStart(t *testing.T) {
	directory := t.TempDir()
	t.Setenv("TMPDIR", directory)
	t.Setenv("TMP", directory) // on Windows
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, []string{"-port", "0"}, &stdout, &stderr); status != exitOK || stderr.Len() != 0 {
		t.Errorf("exit status %d, errors %q; want 0 and none", status, &stderr)
	}
	if left, err := os.ReadDir(directory); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v (error %v), want nothing", left, err)
	}
}
