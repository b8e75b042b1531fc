// Package buffer lends memory for as long as one response: what a response needs
// once, some ten KiB, is the most of what the garbage collector would have to do.
package buffer

import "sync"

// MaxKept is the largest buffer that is used again, in bytes: it holds an opening of
// the default size, and a chunk of reverse_proxy.
const MaxKept = 128 << 10

var pool = sync.Pool{New: func() any { return new([]byte) }}

// Buffer is borrowed memory. The zero value has none. It belongs to one goroutine at a
// time, and is not copied.
type Buffer struct {
	// Bytes may be appended to once Borrow was called.
	Bytes []byte
	owner *[]byte // nil if nothing is borrowed
}

// Borrow makes sure that Bytes are borrowed. They are empty at first.
func (b *Buffer) Borrow() {
	if b.owner == nil {
		b.owner = pool.Get().(*[]byte)
		b.Bytes = (*b.owner)[:0]
	}
}

// Return gives the memory back, if there is any. Nobody may look at the bytes any
// more: they will be those of another response.
func (b *Buffer) Return() {
	if b.owner != nil && cap(b.Bytes) <= MaxKept {
		*b.owner = b.Bytes[:0]
		pool.Put(b.owner)
	}
	*b = Buffer{}
}
