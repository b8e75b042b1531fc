package module

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/store"
)

func init() {
	caddy.RegisterModule(new(App))
}

// Default and limits of App.MaxMemory, in bytes. The lowest holds an opening of
// MaxMaxOpening, so that no handler is told to learn what can never be kept; the
// highest is more than any site has pages for.
const (
	DefaultMaxMemory = 64 << 20
	MinMaxMemory     = 1 << 20
	MaxMaxMemory     = 64 << 30
)

// App has the options that all Headstart handlers of the process share.
type App struct {
	// The most memory, in bytes, that all learned openings may take, as estimated.
	// Those that nobody asks for go first. From 1048576 (1 MiB) to 68719476736
	// (64 GiB). Default: 67108864 (64 MiB).
	MaxMemory int64 `json:"max_memory,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "headstart",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision sets the defaults.
func (a *App) Provision(caddy.Context) error {
	if a.MaxMemory == 0 {
		a.MaxMemory = DefaultMaxMemory
	}
	return nil
}

// Validate checks the options.
func (a *App) Validate() error {
	if a.MaxMemory < MinMaxMemory || a.MaxMemory > MaxMaxMemory {
		return fmt.Errorf("max_memory: %d bytes is out of range; use 1MiB to 64GiB", a.MaxMemory)
	}
	return nil
}

// Start does nothing: handlers ask for the options when they are provisioned.
func (*App) Start() error { return nil }

// Stop does nothing.
func (*App) Stop() error { return nil }

// maxMemoryIn returns the memory limit of a config.
func maxMemoryIn(ctx caddy.Context) (uint64, error) {
	app, err := ctx.AppIfConfigured("headstart")
	switch {
	case errors.Is(err, caddy.ErrNotConfigured):
		return DefaultMaxMemory, nil
	case err != nil:
		return 0, fmt.Errorf("reading the global options: %w", err)
	}
	return uint64(app.(*App).MaxMemory), nil //nolint:gosec // checked by Validate
}

// memoryLimits are the limits of the handlers that use the shared state, in the
// order in which they came. The limit of the first holds. So a config that is
// refused, or only validated, drops nothing of what the running one has learned,
// and the limit of one that replaces it holds as soon as the old one is gone.
type memoryLimits struct {
	mu    sync.Mutex // protects all below, and orders calls of SetMaximum
	users []*Handler
}

var limits memoryLimits

func (l *memoryLimits) join(h *Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users = append(l.users, h)
	l.apply(h.state.store)
}

func (l *memoryLimits) leave(h *Handler) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users = slices.DeleteFunc(l.users, func(user *Handler) bool { return user == h })
	l.apply(h.state.store)
}

func (l *memoryLimits) apply(s *store.Store) {
	if len(l.users) > 0 {
		s.SetMaximum(l.users[0].maxMemory)
	}
}

// Interface guards
var (
	_ caddy.App         = (*App)(nil)
	_ caddy.Provisioner = (*App)(nil)
	_ caddy.Validator   = (*App)(nil)
)
