package module_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// texts walks everything that can be reached from root and gives each string and
// each slice of bytes to visit, with the way to it. It knows nothing of what it
// walks, and unexported fields are no obstacle, so it goes on working when the
// packages that it looks into are written anew.
//
// It keeps to two customs. A field mu protects the fields of its struct, and what
// hangs on them; it is locked meanwhile. A container that hides its memory behind
// unsafe pointers has a method All or Range; what these give is walked instead.
// Functions hide what they hold.
func texts(root any, visit func(way, text string)) {
	w := memoryWalk{visit: visit, seen: make(map[memorySpot]bool)}
	w.walk("state", reflect.ValueOf(root))
}

type memoryWalk struct {
	visit func(way, text string)
	seen  map[memorySpot]bool
}

// A memorySpot is a value by its place. A struct and its first field share an
// address, and slices of one array share bytes.
type memorySpot struct {
	at   unsafe.Pointer
	kind reflect.Type
	size int
}

func (w memoryWalk) first(at unsafe.Pointer, kind reflect.Type, size int) bool {
	spot := memorySpot{at, kind, size}
	known := w.seen[spot]
	w.seen[spot] = true
	return !known
}

func (w memoryWalk) walk(way string, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		w.visit(way, v.String())
	case reflect.Pointer:
		if !v.IsNil() && (v.Elem().Kind() == reflect.Struct || w.first(v.UnsafePointer(), v.Type(), 0)) {
			w.walk(way, v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			w.walk(way, v.Elem())
		}
	case reflect.Map:
		if !v.IsNil() && w.first(v.UnsafePointer(), v.Type(), 0) {
			for i := v.MapRange(); i.Next(); {
				w.walk(way+" key", i.Key())
				w.walk(way+"["+name(i.Key())+"]", i.Value())
			}
		}
	case reflect.Slice:
		// Up to its capacity: what was cut off is still there.
		if v = v.Slice(0, v.Cap()); v.Len() > 0 && w.first(v.UnsafePointer(), v.Type(), v.Len()) {
			w.list(way, v)
		}
	case reflect.Array:
		w.list(way, v)
	case reflect.Struct:
		w.fields(way, v)
	default:
	}
}

func (w memoryWalk) list(way string, v reflect.Value) {
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		if v.Kind() == reflect.Slice {
			w.visit(way, string(v.Bytes()))
		}
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Uint32, reflect.Uint64, reflect.Float64:
	default:
		for i := range v.Len() {
			w.walk(fmt.Sprintf("%s[%d]", way, i), v.Index(i))
		}
	}
}

// fields walks a struct, under its lock if it has one.
func (w memoryWalk) fields(way string, v reflect.Value) {
	if v.Type().PkgPath() == "sync/atomic" {
		w.atomicPointer(way, v)
		return
	}
	if !v.CanAddr() { // the value of a map or an interface
		copied := reflect.New(v.Type()).Elem()
		copied.Set(open(v))
		v = copied
	}
	if !w.first(v.Addr().UnsafePointer(), v.Type(), 0) || w.contents(way, v.Addr()) || v.Type().PkgPath() == "sync" { // locks, and what waits for them
		return
	}
	if mu := v.FieldByName("mu"); mu.IsValid() && mu.CanAddr() {
		if locker, ok := reflect.TypeAssert[sync.Locker](reflect.NewAt(mu.Type(), mu.Addr().UnsafePointer())); ok {
			locker.Lock()
			defer locker.Unlock()
		}
	}
	for i := range v.NumField() {
		w.walk(way+"."+v.Type().Field(i).Name, open(v.Field(i)))
	}
}

// atomicPointer walks what an atomic.Pointer[T] points to: its first field is a
// [0]*T, and holds the type.
func (w memoryWalk) atomicPointer(way string, v reflect.Value) {
	if !strings.HasPrefix(v.Type().Name(), "Pointer[") || !v.CanAddr() {
		return
	}
	load := reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).MethodByName("Load")
	w.walk(way, load.Call(nil)[0])
}

// contents walks what a container's method All or Range gives, and reports
// whether there is one.
func (w memoryWalk) contents(way string, v reflect.Value) bool {
	v = open(v)
	all := v.MethodByName("All")
	switch {
	case all.IsValid() && all.Type().NumIn() == 0 && all.Type().NumOut() == 1 && all.Type().Out(0).CanSeq2():
		all = all.Call(nil)[0]
	case v.MethodByName("Range").IsValid() && v.MethodByName("Range").Type().NumIn() == 1:
		all = v.MethodByName("Range")
	default:
		return false
	}
	yield := reflect.MakeFunc(all.Type().In(0), func(in []reflect.Value) []reflect.Value {
		w.walk(way+" key", in[0])
		w.walk(way+"["+name(in[0])+"]", in[1])
		return []reflect.Value{reflect.ValueOf(true)}
	})
	all.Call([]reflect.Value{yield})
	return true
}

// name is a key for messages.
func name(key reflect.Value) string {
	if key.Kind() != reflect.String {
		return "…"
	}
	return fmt.Sprintf("%.60q", key.String())
}

// open returns a value as if its field were exported.
func open(v reflect.Value) reflect.Value {
	if v.CanInterface() || !v.CanAddr() {
		return v
	}
	return reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
}

// TestMemoryWalk checks that nothing stays hidden from those who look for what
// must not be there.
func TestMemoryWalk(t *testing.T) {
	type node struct {
		mu    sync.Mutex
		name  string
		next  *node
		items map[string][]byte
		any   any
	}
	type value struct{ inner []string }
	first := &node{
		name: "one", items: map[string][]byte{"two": []byte("three, cut off")[:5]},
		any: map[string]any{"four": value{[]string{"five"}}},
	}
	first.next = &node{next: first, any: &sync.Map{}, name: "six"}
	first.next.any.(*sync.Map).Store("seven", []any{&value{[]string{"eight"}}, fmt.Errorf("nine: %w", errors.New("ten"))})
	var found []string
	first.mu.Lock() // what is under way is waited for
	go first.mu.Unlock()
	texts(first, func(_, text string) { found = append(found, text) })
	all := strings.Join(found, "|")
	for _, want := range []string{"one", "two", "three, cut off", "four", "five", "six", "seven", "eight", "nine: ten", "ten"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not found in %q", want, all)
		}
	}
}
