package recovery

import (
	"net/http"
	"slices"
	"strings"
)

// The marker cookie. Its value is prefix and a ticket, or nothing.
const (
	markerSecure = "__Host-headstart"
	markerPlain  = "headstart"
	markerAge    = "10" // seconds: ParkTime; longer than a reload takes to start
	prefix       = "reload."
)

// NoTicket is a ticket with which nothing can be collected.
const NoTicket = "none"

func marker(secure bool, ticket string) string {
	if secure {
		return markerSecure + "=" + prefix + ticket + ";path=/;max-age=" + markerAge + ";samesite=lax;secure"
	}
	return markerPlain + "=" + prefix + ticket + ";path=/;max-age=" + markerAge + ";samesite=lax"
}

// TakeMarker takes the marker cookie off a request header, so that neither the
// backend nor a rule sees it, and returns its ticket, "" if it was not there.
// secure is whether the request came by https, which has another marker than
// http. Where it was, the header's Cookie values are replaced, not changed in
// place. Other cookies keep their bytes.
func TakeMarker(h http.Header, secure bool) (ticket string) {
	marker := markerPlain + "=" + prefix
	if secure {
		marker = markerSecure + "=" + prefix
	}
	if !slices.ContainsFunc(h["Cookie"], func(line string) bool { return strings.Contains(line, marker) }) {
		return ""
	}
	kept := make([]string, 0, len(h["Cookie"]))
	for _, line := range h["Cookie"] {
		pairs := make([]string, 0, 8)
		for pair := range strings.SplitSeq(line, ";") {
			// A site may have a cookie called headstart of its own.
			if value, ok := strings.CutPrefix(strings.TrimSpace(pair), marker); ok && value != "" {
				ticket = value
				continue
			}
			pairs = append(pairs, pair)
		}
		if rest := strings.TrimLeft(strings.Join(pairs, ";"), " "); rest != "" {
			kept = append(kept, rest)
		}
	}
	switch {
	case ticket == "": // a part of another cookie
	case len(kept) == 0:
		delete(h, "Cookie")
	default:
		h["Cookie"] = kept
	}
	return ticket
}
