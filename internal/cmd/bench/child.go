package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what the Caddyfile names

	_ "github.com/headstart-proxy/headstart"
)

// childArg makes the command be the Caddy that another one measures. Caddy has a
// process of its own so that its CPU time can be told from that of the clients
// and the backend.
const childArg = "serve-caddy"

// Parent and child talk in JSON values, by the child's standard input and
// output: an order, then its answer. The child ends with its input.
type (
	order struct {
		// Caddyfile replaces the configuration; "" leaves it as it is.
		Caddyfile string `json:"caddyfile,omitempty"`
	}
	answer struct {
		Error string        `json:"error,omitempty"`
		CPU   time.Duration `json:"cpu"` // of the child since its start; 0 if unknown
	}
)

// runChild carries out orders until there are no more.
func runChild(in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt) // it is for the parent, which ends in
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return caddy.Stop()
		} else if err != nil {
			return fmt.Errorf("reading an order: %w", err)
		}
		var a answer
		if err := loadConfig(o.Caddyfile); err != nil {
			a.Error = err.Error()
		}
		a.CPU = cpuTime()
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

func loadConfig(caddyfile string) error {
	if caddyfile == "" {
		return nil
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), nil)
	if err != nil {
		return fmt.Errorf("adapting the Caddyfile: %w", err)
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("loading the configuration: %w", err)
	}
	return nil
}

// A child is the measured Caddy, seen from the parent.
type child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
	stderr  bytes.Buffer // read only after cmd has ended
}

// startChild starts this very program as a Caddy without configuration. It is
// killed when ctx ends.
func startChild(ctx context.Context) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	c := &child{cmd: exec.CommandContext(ctx, self, childArg)} //nolint:gosec // it starts itself
	c.cmd.Stderr = &c.stderr
	c.cmd.WaitDelay = patience
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("starting Caddy: %w", err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting Caddy: %w", err)
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting Caddy: %w", err)
	}
	c.orders, c.answers = json.NewEncoder(c.in), json.NewDecoder(out)
	return c, nil
}

// ask gives an order and waits for its answer.
func (c *child) ask(o order) (answer, error) {
	var a answer
	if err := c.orders.Encode(o); err != nil {
		return a, c.died(err)
	}
	if err := c.answers.Decode(&a); err != nil {
		return a, c.died(err)
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// died says why a child does not answer, by the last that it wrote.
func (c *child) died(err error) error {
	c.close()
	lines := strings.Split(strings.TrimSpace(c.stderr.String()), "\n")
	last := strings.Join(lines[max(len(lines)-5, 0):], "\n")
	return fmt.Errorf("the measured Caddy ended: %w\n%s", err, last)
}

// close ends the child, by itself if it can.
func (c *child) close() {
	c.in.Close()
	stuck := time.AfterFunc(patience, func() { _ = c.cmd.Process.Kill() })
	defer stuck.Stop()
	_ = c.cmd.Wait()
}
