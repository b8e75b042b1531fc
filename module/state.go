package module

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/headstart-proxy/headstart/internal/recovery"
	"github.com/headstart-proxy/headstart/internal/store"
)

// maxStore is the most bytes that all openings of the process may take.
const maxStore = 64 << 20

// pool holds the one state of the process. It lives as long as a config uses it,
// so that openings survive a reload and go with the last handler.
var pool = caddy.NewUsagePool()

const poolKey = "headstart"

// state is what handlers share, over reloads. Keys begin with the identity of a
// handler, so no handler finds what another has learned.
type state struct {
	store *store.Store
	lot   recovery.Lot
}

// loadState returns the state, and counts one more user of it.
func loadState() (*state, error) {
	v, _, err := pool.LoadOrNew(poolKey, func() (caddy.Destructor, error) {
		s, err := store.New(maxStore)
		if err != nil {
			return nil, err
		}
		st := &state{store: s}
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
