package opening

import "time"

// instant is a point in time in a third of the memory of a time.Time: pages are
// many. The zero value is long ago.
type instant int64 // nanoseconds since 1970

func instantOf(t time.Time) instant { return instant(t.UnixNano()) }

func (i instant) since(earlier instant) time.Duration { return time.Duration(i - earlier) }

func (i instant) add(d time.Duration) instant { return i + instant(d) }
