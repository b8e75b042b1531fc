package django

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StreamedPath is the URL path of the index as it is cut by hand into parts: the
// head and the masthead go out at once, the rest when the database has answered.
const StreamedPath = "/streamed/"

const (
	// startTimeout bounds how long filling the database and the start take.
	startTimeout = time.Minute
	// stopTimeout is how long the server may take to end before it is killed.
	stopTimeout = 10 * time.Second
)

// ErrMissing is wrapped by the error of Start if Django or gunicorn is not installed;
// the error says how to get them.
var ErrMissing = errors.New("no Python with django and gunicorn")

// A glob, since files that begin with "_" are left out otherwise. It leaves out caches.
//
//go:embed planet/*.py planet/feeds.json planet/static planet/templates
var app embed.FS

// Server is the planet on gunicorn (WSGI), without Caddy in front. run.sh starts the
// whole example.
type Server struct {
	// Addr is where it listens, as host and port.
	Addr string

	dir    string // the app, and its database
	cmd    *exec.Cmd
	output bytes.Buffer  // of gunicorn; read only after it has ended
	ended  chan struct{} // closed when gunicorn has ended
}

// Start starts the planet on a free loopback port, with its own database, which takes
// so long for each page; delay is at least 0. ctx bounds the start alone, as a minute
// does; Close ends the server. PYTHON may name the interpreter, as for run.sh.
func Start(ctx context.Context, delay time.Duration) (*Server, error) {
	if delay < 0 {
		return nil, fmt.Errorf("django: the delay must be 0 or more, not %v", delay)
	}
	python, err := findPython(ctx)
	if err != nil {
		return nil, fmt.Errorf("django: %w", err)
	}
	s := &Server{ended: make(chan struct{})}
	if s.dir, err = os.MkdirTemp("", "headstart-django-"); err != nil {
		return nil, fmt.Errorf("django: making a folder: %w", err)
	}
	if err := s.start(ctx, python, delay); err != nil {
		return nil, errors.Join(fmt.Errorf("django: %w", err), s.Close())
	}
	return s, nil
}

// findPython returns the interpreter. Debian's packages belong to Debian's own, which
// need not be the first on the path.
func findPython(ctx context.Context) (string, error) {
	candidates := []string{"/usr/bin/python3", "python3"}
	if p := os.Getenv("PYTHON"); p != "" {
		candidates = []string{p}
	}
	for _, p := range candidates {
		if exec.CommandContext(ctx, p, "-c", "import django, gunicorn").Run() == nil { //nolint:gosec // the user's own
			return p, nil
		}
	}
	return "", fmt.Errorf("%w (tried: %s); on Debian: apt-get install python3-django gunicorn; elsewhere: set PYTHON to an interpreter that has them",
		ErrMissing, strings.Join(candidates, ", "))
}

func (s *Server) start(ctx context.Context, python string, delay time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("not ready after %v", startTimeout))
	defer cancel()
	if err := os.CopyFS(s.dir, app); err != nil {
		return fmt.Errorf("writing the app: %w", err)
	}
	seed := s.python(exec.CommandContext(ctx, python, "-m", "planet.seed"), 0)
	if text, err := seed.CombinedOutput(); err != nil {
		return fmt.Errorf("filling the database: %w\n%s", err, text)
	}

	// gunicorn takes over an open port, so that nobody else can take it before.
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	s.Addr = listener.Addr().String()
	port, err := listener.File()
	listener.Close()
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	defer port.Close()

	// As in run.sh, and more threads: browsers keep several connections.
	gunicorn := exec.Command(python, "-m", "gunicorn", "--bind", "fd://3", "--threads", "16",
		"--keep-alive", "150", "--graceful-timeout", "1", "--log-level", "warning", "planet.wsgi")
	gunicorn.ExtraFiles = []*os.File{port}
	gunicorn.Stdout, gunicorn.Stderr = &s.output, &s.output
	s.cmd = s.python(gunicorn, delay)
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		return fmt.Errorf("starting gunicorn: %w", err)
	}
	go func() {
		defer close(s.ended)
		_ = s.cmd.Wait()
	}()
	return s.await(ctx)
}

// python sets where a command of the app runs, and with which settings.
func (s *Server) python(cmd *exec.Cmd, delay time.Duration) *exec.Cmd {
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(),
		"DATABASE="+filepath.Join(s.dir, "planet.sqlite3"),
		"DELAY_MS="+strconv.FormatFloat(delay.Seconds()*1000, 'f', -1, 64),
		"GATE_URL=", "PYTHONDONTWRITEBYTECODE=1")
	cmd.WaitDelay = stopTimeout
	return cmd
}

// await returns when the server answers. Until it does, the port is open already, and
// keeps the request.
func (s *Server) await(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.ended:
			cancel(fmt.Errorf("gunicorn has ended: %s", &s.output))
		case <-ctx.Done():
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Addr+"/static/icon.svg", nil)
	if err != nil {
		return fmt.Errorf("asking gunicorn: %w", err)
	}
	r.Close = true // a connection that is kept would hold up its end
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("asking gunicorn: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking gunicorn: status %d: %w", response.StatusCode, err)
	}
	return nil
}

// Close ends the server, and removes its database. It may be called again.
func (s *Server) Close() error {
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.ended:
		case <-time.After(stopTimeout):
			_ = s.cmd.Process.Kill()
			<-s.ended
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("django: removing the database: %w", err)
	}
	return nil
}
