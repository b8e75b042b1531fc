package store

import (
	"slices"

	"github.com/maypok86/otter/v2"

	"github.com/headstart-proxy/headstart/internal/opening"
)

const (
	// maxHosts is how many hosts a handler may have.
	maxHosts = 1024
	// maxRooms is how many handlers are remembered when they are gone, so that
	// nothing is lost over a reload.
	maxRooms = 256
)

// Room holds the hosts of one handler. Those that are asked for least often give
// way, and their pages with them.
type Room struct {
	store *Store
	hosts *otter.Cache[string, *opening.Host]
	used  uint64 // when it was last asked for, in rooms
}

// Room returns the room of a handler, by a name that tells it from all others.
func (s *Store) Room(handler string) *Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	if r := s.rooms[handler]; r != nil {
		r.used = s.turn
		return r
	}
	hosts := otter.Must(&otter.Options[string, *opening.Host]{
		MaximumSize: maxHosts,
		Executor:    func(f func()) { f() },
		OnDeletion:  func(e otter.DeletionEvent[string, *opening.Host]) { e.Value.Close() },
	})
	if len(s.rooms) >= maxRooms {
		s.dropRoom()
	}
	r := &Room{store: s, hosts: hosts, used: s.turn}
	s.rooms[handler] = r
	return r
}

// dropRoom drops the room that was not asked for the longest.
func (s *Store) dropRoom() {
	names := make([]string, 0, len(s.rooms))
	for name := range s.rooms {
		names = append(names, name)
	}
	oldest := slices.MinFunc(names, func(a, b string) int { return int(s.rooms[a].used) - int(s.rooms[b].used) }) //nolint:gosec // small
	s.rooms[oldest].hosts.InvalidateAll()
	delete(s.rooms, oldest)
}

// Host returns a host by name. It is made if it is not there.
func (r *Room) Host(name string) *opening.Host {
	if h, ok := r.hosts.GetIfPresent(name); ok {
		return h
	}
	h, _ := r.hosts.Compute(name, func(old *opening.Host, found bool) (*opening.Host, otter.ComputeOp) {
		if found {
			return old, otter.CancelOp
		}
		return opening.NewHost(&r.store.shared), otter.WriteOp
	})
	return h
}

// Hosts returns the number of hosts.
func (r *Room) Hosts() int { return r.hosts.EstimatedSize() }

// Touch notes that a host was asked for, so that it stays.
func (r *Room) Touch(name string) { r.hosts.GetIfPresent(name) }
