package django

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 8 * time.Minute // run.sh builds Caddy, perhaps from nothing
	stopLimit  = 30 * time.Second

	// The status of run.sh if Django, gunicorn or uvicorn is missing.
	statusMissing = 69

	// Milliseconds per page, above Headstart's min_wait: a page that is faster
	// is never sent early.
	delay = 120
)

// planet is run.sh with all that it started.
type planet struct {
	cmd    *exec.Cmd
	output *watcher
	ended  chan struct{} // closed when run.sh has ended
	ports  map[string]int
	temp   string // TMPDIR of run.sh
}

// start runs run.sh until it says that it is ready. It skips the test if Django
// is not installed.
func start(t *testing.T, gateURL string) *planet {
	t.Helper()
	p := &planet{
		output: &watcher{mark: []byte("\nReady."), seen: make(chan struct{})},
		ended:  make(chan struct{}),
		temp:   t.TempDir(),
		ports: freePorts(t, "WSGI_PORT", "ASGI_PORT", "PLAIN_WSGI_PORT",
			"HEADSTART_WSGI_PORT", "PLAIN_ASGI_PORT", "HEADSTART_ASGI_PORT", "HTTPS_PORT"),
	}
	p.cmd = exec.Command("./run.sh")
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.WaitDelay = stopLimit
	p.cmd.Env = append(os.Environ(), "GATE_URL="+gateURL, "TMPDIR="+p.temp, fmt.Sprintf("DELAY_MS=%d", delay))
	for name, port := range p.ports {
		p.cmd.Env = append(p.cmd.Env, fmt.Sprintf("%s=%d", name, port))
	}
	if err := p.cmd.Start(); err != nil {
		skip(t, fmt.Sprintf("cannot run run.sh: %v", err))
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // the status is read from ProcessState
	}()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("output of run.sh:\n%s", p.output)
		}
	})

	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	select {
	case <-p.output.seen:
	case <-p.ended:
		if p.cmd.ProcessState.ExitCode() == statusMissing {
			skip(t, p.output.String())
		}
		t.Fatalf("run.sh ended before it was ready: %v", p.cmd.ProcessState)
	case <-ctx.Done():
		t.Fatalf("run.sh is not ready after %v", startLimit)
	}
	return p
}

// stop ends run.sh as `kill` does, and waits for it. It may be called twice.
func (p *planet) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("stopping run.sh: %v", err)
	}
	select {
	case <-p.ended:
	case <-time.After(stopLimit):
		t.Errorf("run.sh still runs %v after SIGTERM", stopLimit)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// url is the address of one of the servers, without a slash at the end.
func (p *planet) url(name string) string {
	return fmt.Sprintf("http://127.0.0.1:%d", p.ports[name])
}

// markSources reads all files of the example. Go repeats a cached result until
// something changes that the test itself has read; what Python and Caddy read
// does not count.
func markSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		_, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// skip skips the test, or fails it where nothing may be skipped.
func skip(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("HEADSTART_NO_SKIP") == "1" {
		t.Fatalf("HEADSTART_NO_SKIP=1, and the Django example cannot run: %s", reason)
	}
	t.Skipf("SKIPPED, THE DJANGO EXAMPLE WAS NOT TESTED: %s", reason)
}

// freePorts finds a free port for each name.
func freePorts(t *testing.T, names ...string) map[string]int {
	t.Helper()
	ports := make(map[string]int, len(names))
	for _, name := range names {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // all at once in the end, so that no port is given twice
		ports[name] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// watcher keeps what is written to it, and tells when it has seen the mark.
type watcher struct {
	mark []byte
	seen chan struct{}

	mu    sync.Mutex // protects all below
	text  bytes.Buffer
	found bool
	more  chan struct{} // closed at the next write; nil if nobody waits
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if !w.found && bytes.Contains(w.text.Bytes(), w.mark) {
		w.found = true
		close(w.seen)
	}
	if w.more != nil {
		close(w.more)
		w.more = nil
	}
	return len(p), nil
}

// since returns what was written after so many bytes, and a channel that is closed
// when there is more.
func (w *watcher) since(bytes int) (text string, more <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.more == nil {
		w.more = make(chan struct{})
	}
	return string(w.text.Bytes()[bytes:]), w.more
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(w.text.String())
}

// gate is the server that every query of the slow database asks before it goes
// on. It answers at once, except while it is held.
type gate struct {
	server  *httptest.Server
	waiting chan struct{} // has a value after a query began to wait

	mu   sync.Mutex
	held chan struct{} // closed to let the queries go on; nil while not held
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{waiting: make(chan struct{}, 1)}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

func (g *gate) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held == nil {
		return
	}
	select {
	case g.waiting <- struct{}{}:
	default:
	}
	select {
	case <-held:
	case <-r.Context().Done():
	}
}

// hold makes all queries wait until open is called or the test ends.
func (g *gate) hold(t *testing.T) (open func()) {
	t.Helper()
	held := make(chan struct{})
	g.mu.Lock()
	g.held = held
	g.mu.Unlock()
	select {
	case <-g.waiting: // left over from an earlier hold
	default:
	}
	open = sync.OnceFunc(func() {
		g.mu.Lock()
		g.held = nil
		g.mu.Unlock()
		close(held)
	})
	t.Cleanup(open)
	return open
}

// awaitQuery returns when a query waits at the held gate.
func (g *gate) awaitQuery(ctx context.Context, t *testing.T) {
	t.Helper()
	select {
	case <-g.waiting:
	case <-ctx.Done():
		t.Fatal("no query came to the gate")
	}
}
