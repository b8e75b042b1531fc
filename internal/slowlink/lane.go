package slowlink

import (
	"context"
	"io"
	"sync"
	"time"
)

const (
	// packetSize is the payload of one Ethernet frame: connections take turns on the
	// link after that many bytes.
	packetSize = 1460

	minQueue = 64 << 10 // bytes
	// maxUnlimited is the queue, in bytes, where no rate says what the link can hold.
	maxUnlimited = 4 << 20
)

// A packet is what was read at once, and when it arrives.
type packet struct {
	data []byte
	end  error // of the stream behind data: io.EOF, or why reading failed
	due  time.Time
}

// A lane is one direction of the link, for all connections.
type lane struct {
	delay         time.Duration
	bitsPerSecond int64

	mu   sync.Mutex
	free time.Time // when all that was sent has left
}

// send puts n bytes on the link and returns when they arrive at its other end. Due
// times never go back, so no packet overtakes another.
func (l *lane) send(now time.Time, n int) (due time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.free.Before(now) {
		l.free = now
	}
	if l.bitsPerSecond > 0 {
		bits := float64(n) * 8
		l.free = l.free.Add(time.Duration(bits / float64(l.bitsPerSecond) * float64(time.Second)))
	}
	return l.free.Add(l.delay)
}

// queue returns a queue for one connection. It holds what is under way, or the delay
// would lower the rate.
func (l *lane) queue() chan packet {
	size := int64(maxUnlimited)
	if l.bitsPerSecond > 0 {
		size = minQueue + int64(float64(l.bitsPerSecond)/8*l.delay.Seconds())
	}
	return make(chan packet, size/packetSize)
}

// take reads packets into a queue until src ends, or ctx does.
func (l *lane) take(ctx context.Context, src io.Reader, queue chan<- packet) {
	for {
		data := make([]byte, packetSize)
		n, err := src.Read(data)
		select {
		case queue <- packet{data[:n], err, l.send(time.Now(), n)}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// deliver writes packets when they are due. It returns io.EOF if all was written, and
// otherwise why not.
func deliver(ctx context.Context, dst io.Writer, queue <-chan packet) error {
	for {
		var p packet
		select {
		case p = <-queue:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		arrival := time.NewTimer(time.Until(p.due))
		select {
		case <-arrival.C:
		case <-ctx.Done():
			arrival.Stop()
			return context.Cause(ctx)
		}
		if len(p.data) > 0 {
			if _, err := dst.Write(p.data); err != nil {
				return err
			}
		}
		if p.end != nil {
			return p.end
		}
	}
}
