package module

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/store"
)

// pool holds the one state of the process. It lives as long as a config uses it,
// so that openings survive a reload and go with the last handler.
var pool = caddy.NewUsagePool()

const poolKey = "headstart"

// state is what handlers share, over reloads. Keys begin with the identity of a
// handler, so no handler finds what another has learned.
type state struct {
	store *store.Store
	lot   recovery.Lot

	mu    sync.Mutex // protects sites
	sites map[string]*site
}

// site is what lasts of one handler over reloads.
type site struct {
	room   *store.Room
	brakes brakes
}

// siteIn returns the site of a handler. Like its identity it is known at the first
// request only.
func (h *Handler) siteIn(r *http.Request) *site {
	h.siteOnce.Do(func() { h.site = h.state.site(h.identityIn(r)) })
	return h.site
}

// maxSites is how many handlers are remembered when they are gone.
const maxSites = 256

// site returns that of a handler, by its identity.
func (s *state) site(identity string) *site {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.sites[identity]; found != nil {
		return found
	}
	if len(s.sites) >= maxSites {
		clear(s.sites) // no more than brakes are lost
	}
	made := &site{room: s.store.Room(identity)}
	s.sites[identity] = made
	return made
}

// loadState returns the state, and counts one more user of it.
func loadState() (*state, error) {
	v, _, err := pool.LoadOrNew(poolKey, func() (caddy.Destructor, error) {
		s, err := store.New(DefaultMaxMemory)
		if err != nil {
			return nil, err
		}
		st := &state{store: s, sites: make(map[string]*site)}
		collected.Store(st)
		return st, nil
	})
	if err != nil {
		return nil, fmt.Errorf("loading shared state: %w", err)
	}
	return v.(*state), nil
}

// releaseState ends one use of the state.
func releaseState() error {
	_, err := pool.Delete(poolKey)
	return err
}

// Destruct is called when the last handler goes.
func (s *state) Destruct() error {
	collected.CompareAndSwap(s, nil)
	s.lot.Close()
	return nil
}
