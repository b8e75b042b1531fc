package opening

import "time"

// maxURLs is how many URLs a page with a shared key remembers.
const maxURLs = 1024

// urlSet is a bounded set of hashes of URLs that have answered with the page. The oldest
// gives way that nobody has asked for lately. A nil set is empty.
type urlSet struct {
	urls map[uint64]urlState
	ring []uint64 // in the order of arrival; next is the oldest once full
	next int
}

type urlState struct {
	at    instant // when it answered the last time; 0 if it does not any more
	asked bool    // it was, since it was last looked at
}

// has reports whether a URL has answered within a time, and notes that it was asked
// for.
func (s *urlSet) has(url uint64, now instant, within time.Duration) bool {
	if s == nil {
		return false
	}
	u, ok := s.urls[url]
	if ok && !u.asked {
		u.asked = true
		s.urls[url] = u
	}
	return ok && u.at != 0 && now.since(u.at) <= within
}

// add notes that a URL has answered.
func (s *urlSet) add(url uint64, now instant) {
	if u, ok := s.urls[url]; ok {
		u.at = max(u.at, now)
		s.urls[url] = u
		return
	}
	if s.urls == nil {
		s.urls = make(map[uint64]urlState)
	}
	s.urls[url] = urlState{at: now}
	if len(s.ring) < maxURLs {
		s.ring = append(s.ring, url)
		return
	}
	for s.urls[s.ring[s.next]].asked { // ends: each is passed once
		s.urls[s.ring[s.next]] = urlState{at: s.urls[s.ring[s.next]].at}
		s.next = (s.next + 1) % maxURLs
	}
	delete(s.urls, s.ring[s.next])
	s.ring[s.next] = url
	s.next = (s.next + 1) % maxURLs
}

// remove notes that a URL does not answer with the page any more. It keeps its place.
func (s *urlSet) remove(url uint64) {
	if s == nil {
		return
	}
	if u, ok := s.urls[url]; ok {
		u.at = 0
		s.urls[url] = u
	}
}

func (s *urlSet) size() int {
	if s == nil {
		return 0
	}
	return 56 * len(s.ring)
}
