package request

// Reason says in one short fixed word why a response was not committed. It is a
// metric label and a log field. The zero value means that nothing stands in the
// way.
type Reason string

// Why a request is not a document navigation that may be answered early.
const (
	Method        Reason = "method"         // not GET
	Protocol      Reason = "protocol"       // HTTP/1.0, Upgrade or CONNECT
	Body          Reason = "body"           // the request has a body
	Range         Reason = "range"          // Range or If-Range
	Conditional   Reason = "conditional"    // If-None-Match and the like
	Authorization Reason = "authorization"  // credentials
	Prefetch      Reason = "prefetch"       // prefetch, prerender, preload of a service worker
	HardReload    Reason = "hard_reload"    // Cache-Control: no-cache asks for the plain truth
	NotHTML       Reason = "not_html"       // Accept does not name text/html
	NotNavigation Reason = "not_navigation" // no document navigation
	Marked        Reason = "marked"         // the reload of a recovery
	NotClean      Reason = "not_clean"      // something that could shape the page unseen
)
