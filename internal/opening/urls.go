package opening

// maxURLs is how many URLs a page with a shared key remembers.
const maxURLs = 1024

// urlSet is a bounded set of URL hashes. The oldest gives way that nobody has asked
// for lately. A nil set is empty.
type urlSet struct {
	asked map[uint64]bool // whether it was, since it was last looked at
	ring  []uint64        // in the order of arrival; next is the oldest once full
	next  int
}

// has reports whether a URL is in the set, and notes that it was asked for.
func (s *urlSet) has(url uint64) bool {
	if s == nil {
		return false
	}
	asked, ok := s.asked[url]
	if ok && !asked {
		s.asked[url] = true
	}
	return ok
}

func (s *urlSet) add(url uint64) {
	if _, ok := s.asked[url]; ok {
		return
	}
	if s.asked == nil {
		s.asked = make(map[uint64]bool)
	}
	s.asked[url] = false
	if len(s.ring) < maxURLs {
		s.ring = append(s.ring, url)
		return
	}
	for s.asked[s.ring[s.next]] { // ends: each is passed once
		s.asked[s.ring[s.next]] = false
		s.next = (s.next + 1) % maxURLs
	}
	delete(s.asked, s.ring[s.next])
	s.ring[s.next] = url
	s.next = (s.next + 1) % maxURLs
}

func (s *urlSet) size() int {
	if s == nil {
		return 0
	}
	return 48 * len(s.ring)
}
