package store

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// All calls at once: nothing is locked for ever, and in the end everything that
// pages took is given back.
func TestStress(t *testing.T) {
	const (
		visitors = 4
		each     = 1500
	)
	s := newStore(t, 1<<20)
	room := s.Room("handler")
	var done sync.WaitGroup
	for who := range uint64(visitors) {
		done.Go(func() {
			random := rand.New(rand.NewPCG(who, 1))
			f := &field{t: t, store: s, room: room, now: start}
			for i := range each {
				w := wave{
					host: fmt.Sprintf("%d.example", random.IntN(100)), path: fmt.Sprint(random.IntN(20)), public: true,
					document: bulk(random.IntN(30), 2000, "<script>%s</script><meta name=a content=%[1]s>"),
				}
				f.visit(w, 1+random.IntN(9), random.IntN(9) == 0)
				key := keyOf(w.host + w.path)
				switch p := s.Get(key); {
				case i%50 == 0:
					s.SetMaximum(uint64(1+random.IntN(4)) << 18)
				case i%70 == 0:
					room.Host(w.host).Close() // its pages are void
				case i%500 == 1:
					s.Room(fmt.Sprint(random.IntN(300)))
				case p == nil:
				case i%7 == 0:
					p.Cool()
				case i%11 == 0:
					p.Close()
				case i%5 == 0:
					s.Put(key, p)
				}
				_ = s.Bytes()
			}
		})
	}
	done.Wait()
	s.SetMaximum(1 << 20)
	s.pages.InvalidateAll()
	s.pages.CleanUp()
	if s.Len() != 0 || s.pages.WeightedSize() != 0 || s.warm.WeightedSize() != 0 {
		t.Errorf("%d pages of %d bytes are left, %d bytes are warm", s.Len(), s.pages.WeightedSize(), s.warm.WeightedSize())
	}
	room.hosts.InvalidateAll()
	room.hosts.CleanUp()
	if left := s.shared.Load(); left != 0 {
		t.Errorf("%d bytes are shared by nobody", left)
	}
}
