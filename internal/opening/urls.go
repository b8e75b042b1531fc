package opening

// maxURLs is how many URLs a page with a shared key remembers.
const maxURLs = 1024

// urlSet is a bounded set of URL hashes; the oldest gives way. The zero value is
// empty.
type urlSet struct {
	set  map[uint64]struct{}
	ring []uint64 // in the order of arrival; next is the oldest once full
	next int
}

func (s *urlSet) has(url uint64) bool {
	if s == nil {
		return false
	}
	_, ok := s.set[url]
	return ok
}

func (s *urlSet) add(url uint64) {
	if s.has(url) {
		return
	}
	if s.set == nil {
		s.set = make(map[uint64]struct{})
	}
	s.set[url] = struct{}{}
	if len(s.ring) < maxURLs {
		s.ring = append(s.ring, url)
		return
	}
	delete(s.set, s.ring[s.next])
	s.ring[s.next] = url
	s.next = (s.next + 1) % maxURLs
}

func (s *urlSet) size() int {
	if s == nil {
		return 0
	}
	return 48 * len(s.ring)
}
