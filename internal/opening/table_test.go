package opening

import "testing"

// A map that held much is made anew, and holds what it should.
func TestTableShrinks(t *testing.T) {
	var m table[int, int]
	for i := range 1000 {
		m.put(i, -i)
	}
	for i := range 990 {
		m.delete(i)
	}
	if m.peak > minShrink || len(m.entries) != 10 {
		t.Errorf("%d entries in a map for %d", len(m.entries), m.peak)
	}
	for i := 990; i < 1000; i++ {
		if v, ok := m.get(i); !ok || v != -i {
			t.Errorf("entry %d is %d, %v", i, v, ok)
		}
		m.delete(i)
	}
	if _, ok := m.get(999); ok || m.entries != nil {
		t.Error("an empty map keeps its room")
	}
}
