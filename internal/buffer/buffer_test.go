package buffer_test

import (
	"testing"

	"github.com/headstart-proxy/headstart/internal/buffer"
)

func TestBuffer(t *testing.T) {
	var b buffer.Buffer
	b.Return() // nothing was borrowed
	for range 3 {
		b.Borrow()
		if len(b.Bytes) != 0 {
			t.Fatalf("%q was left over", b.Bytes)
		}
		b.Bytes = append(b.Bytes, "one"...)
		b.Borrow() // it is there already
		if string(b.Bytes) != "one" {
			t.Fatalf("%q, want one", b.Bytes)
		}
		b.Return()
		if b.Bytes != nil {
			t.Fatal("the bytes can still be seen")
		}
	}
}

// Two that are in use at a time have memory of their own.
func TestApart(t *testing.T) {
	var a, b buffer.Buffer
	a.Borrow()
	b.Borrow()
	a.Bytes, b.Bytes = append(a.Bytes, "one"...), append(b.Bytes, "two"...)
	if string(a.Bytes) != "one" || string(b.Bytes) != "two" {
		t.Errorf("%q and %q, want one and two", a.Bytes, b.Bytes)
	}
}

// What has grown large is left to the garbage collector.
func TestLarge(t *testing.T) {
	var b buffer.Buffer
	b.Borrow()
	b.Bytes = make([]byte, buffer.MaxKept+1)
	b.Return()
	b.Borrow()
	if cap(b.Bytes) > buffer.MaxKept {
		t.Errorf("%d bytes were kept", cap(b.Bytes))
	}
}
