package store

import (
	"crypto/sha256"
	"slices"

	"github.com/maypok86/otter/v2"

	"github.com/headstart-proxy/headstart/internal/opening"
)

const (
	// maxHosts is how many hosts a handler may have, minHosts how many it may have
	// however little memory there is.
	maxHosts = 1024
	minHosts = 4
	// maxRooms is how many handlers are remembered when they are gone, so that
	// nothing is lost over a reload.
	maxRooms = 256
)

// Room holds the hosts of one handler. Those that are asked for least often give
// way, and their pages with them.
type Room struct {
	store *Store
	hosts *otter.Cache[hostKey, *opening.Host]
	used  uint64 // when it was last asked for, in rooms
}

// hostKey is a hash of a host's name, which may be long.
type hostKey [16]byte

func keyOfHost(name string) hostKey {
	sum := sha256.Sum256([]byte(name))
	return hostKey(sum[:16])
}

// divide gives each room its part of what hosts may take: an eighth of all memory.
func (s *Store) divide() {
	if len(s.rooms) == 0 {
		return
	}
	n := s.maximum.Load() / 8 / opening.MaxHostSize / uint64(len(s.rooms))
	for _, r := range s.rooms {
		r.hosts.SetMaximum(min(max(n, minHosts), maxHosts))
	}
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
	hosts := otter.Must(&otter.Options[hostKey, *opening.Host]{
		MaximumSize: maxHosts,
		Executor:    func(f func()) { f() },
		OnDeletion:  func(e otter.DeletionEvent[hostKey, *opening.Host]) { e.Value.Close() },
	})
	if len(s.rooms) >= maxRooms {
		s.dropRoom()
	}
	r := &Room{store: s, hosts: hosts, used: s.turn}
	s.rooms[handler] = r
	s.divide()
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
	key := keyOfHost(name)
	if h, ok := r.hosts.GetIfPresent(key); ok {
		return h
	}
	h, _ := r.hosts.Compute(key, func(old *opening.Host, found bool) (*opening.Host, otter.ComputeOp) {
		if found {
			return old, otter.CancelOp
		}
		return opening.NewHost(&r.store.shared), otter.WriteOp
	})
	return h
}

// Find returns a host by name, nil if it is not there, and notes that it was asked for.
func (r *Room) Find(name string) *opening.Host {
	h, _ := r.hosts.GetIfPresent(keyOfHost(name))
	return h
}

// Hosts returns the number of hosts.
func (r *Room) Hosts() int { return r.hosts.EstimatedSize() }
