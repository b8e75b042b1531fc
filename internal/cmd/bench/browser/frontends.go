package browser

import (
	"time"

	"github.com/headstart-proxy/headstart/internal/slowlink"
)

// The front ends, in the order of their rows. Each round visits them in this order.
const (
	plain   = "plain"    // reverse_proxy
	hints   = "hints"    // Headstart, a 103 response only
	head    = "head"     // Headstart, to the end of the head
	shell   = "shell"    // Headstart, as it is by default
	stop    = "stop"     // Headstart, to the first entry: as much as split
	split   = "split"    // reverse_proxy, and the application sends its page in parts
	noDelay = "no-delay" // reverse_proxy, and a backend that answers at once
)

// A frontEnd is a way to serve a page.
type frontEnd struct {
	id    string
	name  string // in tables
	flush string // Headstart's option, "" for none
	// stopAt is its option stop_at, "" for none.
	stopAt string
	split  bool // whether the page is the one that is cut by hand
	// undelayed is whether the backend answers at once.
	undelayed bool
}

var frontEnds = []frontEnd{
	{id: plain, name: "plain `reverse_proxy`"},
	{id: hints, name: "103 only (`flush hints`)", flush: hints},
	{id: head, name: "head (`flush head`)", flush: head},
	{id: shell, name: "shell", flush: shell},
	{id: stop, name: "shell (`stop_at article`)", flush: shell, stopAt: "article"},
	{id: split, name: "split by hand", split: true},
	{id: noDelay, name: "backend without delay", undelayed: true},
}

// A target bounds the ratio of two front ends' medians.
type target struct {
	metric string
	of, to string // front ends
	atMost float64
}

var targets = []target{
	{fcp, shell, noDelay, 1.10}, // as if the backend had no delay
	{fcp, shell, split, 1.00},   // as good as cutting by hand
	{fcp, stop, split, 1.00},    // the same, with as much of the page early
	{lcp, shell, plain, 1.00},   // the main thing is never later
	{lcp, head, plain, 1.00},    // the main thing is never later
	{lcp, hints, plain, 1.00},   // the main thing is never later
}

// A linkKind is a link between the browser and Caddy, and the machine at its end.
type linkKind struct {
	id   string
	name string
	link slowlink.Link
	// slowdown is by how much the CPU is slower than this one.
	slowdown float64
	// width, height and density are those of the screen; mobile is whether it is a
	// phone's.
	width, height int64 // CSS pixels
	density       float64
	mobile        bool
	// usual is about how long a visit takes, beside the backend's delay.
	usual time.Duration
}

// The links between browser and Caddy. Pictures use the slow one, too.
var (
	SlowLink = slowlink.Link{RTT: 150 * time.Millisecond, BitsPerSecond: 1_600_000}
	fastLink = slowlink.Link{RTT: 20 * time.Millisecond, BitsPerSecond: 50_000_000}
)

// SlowPhone is by how much the CPU at the end of [SlowLink] is slower than this one.
const SlowPhone = 4

var linkKinds = []linkKind{
	{
		id: "slow", name: "slow phone: RTT 150 ms, 1.6 Mbit/s, CPU ×4",
		link:     SlowLink,
		slowdown: SlowPhone, width: 412, height: 823, density: 1.75, mobile: true, usual: 4 * time.Second,
	},
	{
		id: "fast", name: "fast: RTT 20 ms, 50 Mbit/s",
		link:     fastLink,
		slowdown: 1, width: 1350, height: 940, density: 1, usual: 2 * time.Second,
	},
}
