package opening

import "maps"

// table is a map that gives memory back when most of what it held is gone, which
// maps of Go never do. The zero value is empty and ready.
type table[K comparable, V any] struct {
	entries map[K]V
	peak    int // the most entries since the map was made
}

// minShrink is how many entries a map must have held to be made anew.
const minShrink = 64

func (t *table[K, V]) get(key K) (value V, ok bool) {
	value, ok = t.entries[key]
	return value, ok
}

func (t *table[K, V]) put(key K, value V) {
	if t.entries == nil {
		t.entries = make(map[K]V)
	}
	t.entries[key] = value
	t.peak = max(t.peak, len(t.entries))
}

func (t *table[K, V]) delete(key K) {
	delete(t.entries, key)
	switch n := len(t.entries); {
	case n == 0:
		*t = table[K, V]{}
	case t.peak > minShrink && n < t.peak/2:
		entries := make(map[K]V, n) // maps.Clone would keep the room
		maps.Copy(entries, t.entries)
		t.entries, t.peak = entries, n
	}
}
