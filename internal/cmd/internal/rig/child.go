package rig

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
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what the Caddyfile names

	_ "github.com/headstart-proxy/headstart" // so is the directive
	"github.com/headstart-proxy/headstart/internal/cmd/internal/cputime"
)

// childArg is the only argument of a child.
const childArg = "serve-caddy"

// BeChild makes a command be the Caddy that another one drives, if it was started as
// such: then it does not return. The main of a command that starts a child begins with
// it, the TestMain of its tests, too. Caddy has a process of its own so that its CPU time
// and memory can be told from those of the clients and the backend.
func BeChild() {
	if len(os.Args) != 2 || os.Args[1] != childArg {
		return
	}
	if err := runChild(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", filepath.Base(os.Args[0]), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Patience bounds every single wait.
const Patience = 10 * time.Second

// Parent and child talk in JSON values, by the child's standard input and
// output: an order, then its answer. The child ends with its input.
type (
	// Order says what to do before answering. The zero value asks for nothing but
	// the answer.
	Order struct {
		// Caddyfile replaces the configuration; "" leaves it as it is.
		Caddyfile string `json:"caddyfile,omitempty"`
		// Collect is whether to collect garbage and fill in Heap.
		Collect bool `json:"collect,omitempty"`
		// Profiles is a folder to write profiles of heap and goroutines to; ""
		// writes none.
		Profiles string `json:"profiles,omitempty"`
	}
	// Answer is the state of the child when the order was carried out.
	Answer struct {
		// Error says why it was not; "" if it was.
		Error string `json:"error,omitempty"`
		// CPU is what the child has used since its start; 0 if unknown.
		CPU time.Duration `json:"cpu"`
		// Goroutines is how many there are.
		Goroutines int `json:"goroutines"`
		// Heap is how many bytes are reachable; 0 without Collect.
		Heap uint64 `json:"heap"`
	}
)

// runChild carries out orders until there are no more.
func runChild(in io.Reader, out io.Writer) error {
	signal.Ignore(os.Interrupt) // it is for the parent, which ends in
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o Order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return caddy.Stop()
		} else if err != nil {
			return fmt.Errorf("reading an order: %w", err)
		}
		if err := answers.Encode(carryOut(o)); err != nil {
			return fmt.Errorf("answering: %w", err)
		}
	}
}

func carryOut(o Order) Answer {
	var a Answer
	if err := loadConfig(o.Caddyfile); err != nil {
		a.Error = err.Error()
	}
	if o.Collect {
		// What finalizers and cleanups let go of takes a second collection.
		runtime.GC()
		runtime.GC()
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		a.Heap = memory.HeapAlloc
	}
	if o.Profiles != "" {
		if err := writeProfiles(o.Profiles); err != nil {
			a.Error = err.Error()
		}
	}
	a.CPU, a.Goroutines = cputime.Used(), runtime.NumGoroutine()
	return a
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

func writeProfiles(folder string) error {
	for _, name := range []string{"heap", "goroutine"} {
		file, err := os.Create(filepath.Join(folder, name+".pprof")) //nolint:gosec // the folder is the caller's own
		if err != nil {
			return fmt.Errorf("writing profiles: %w", err)
		}
		err = pprof.Lookup(name).WriteTo(file, 0)
		if err := errors.Join(err, file.Close()); err != nil {
			return fmt.Errorf("writing profiles: %w", err)
		}
	}
	return nil
}

// Globals returns the global options of a Caddyfile for a child: nothing leaves the
// machine, and nothing stays on it outside a folder. more are further options.
func Globals(folder, more string) string { return fmt.Sprintf(globals, folder, more) }

// QuietGlobals are those of a child that logs nothing and ends at once.
func QuietGlobals(folder string) string {
	return Globals(folder, "grace_period 1s\n\tlog {\n\t\toutput discard\n\t}")
}

const globals = `{
	admin off
	persist_config off
	storage file_system %q
	storage_check off
	storage_clean_interval off
	skip_install_trust
	local_certs
	auto_https disable_redirects
	default_bind 127.0.0.1
	%s
}
`

// A Child is a Caddy, seen from its parent. It is for one goroutine at a time.
type Child struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
	stderr  bytes.Buffer // of a child whose parent does not want it; read only after it has ended
}

// StartChild starts this very program as a Caddy without configuration. It is
// killed when ctx ends. What it logs goes to stderr; if that is nil, the last lines of it
// are in the error of a child that has died.
func StartChild(ctx context.Context, stderr io.Writer) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	c := &Child{cmd: exec.CommandContext(ctx, self, childArg)} //nolint:gosec // it starts itself
	c.cmd.Stderr = stderr
	if stderr == nil {
		c.cmd.Stderr = &c.stderr
	}
	c.cmd.WaitDelay = Patience
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

// ErrDied is wrapped by the error of a child that does not answer.
var ErrDied = errors.New("the Caddy under test ended")

// Ask gives an order and waits for its answer. An error that does not wrap
// [ErrDied] is the child's own: it goes on.
func (c *Child) Ask(o Order) (Answer, error) {
	var a Answer
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

// lastLines is how many lines of a child that has died are in its error.
const lastLines = 5

// died waits for the child to end, so that all it wrote is there.
func (c *Child) died(err error) error {
	c.Close()
	err = fmt.Errorf("%w: %w", ErrDied, err)
	if text := strings.TrimSpace(c.stderr.String()); text != "" {
		lines := strings.Split(text, "\n")
		err = fmt.Errorf("%w\n%s", err, strings.Join(lines[max(len(lines)-lastLines, 0):], "\n"))
	}
	return err
}

// Close ends the child, by itself if it can. It may be called again.
func (c *Child) Close() {
	c.in.Close()
	stuck := time.AfterFunc(Patience, func() { _ = c.cmd.Process.Kill() })
	defer stuck.Stop()
	_ = c.cmd.Wait()
}
