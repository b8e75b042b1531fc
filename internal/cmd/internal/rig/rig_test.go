package rig

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tests start this program as its own child.
func TestMain(m *testing.M) {
	BeChild()
	os.Exit(m.Run())
}

// A child that cannot carry out an order says why, and goes on.
func TestChild(t *testing.T) {
	c, err := StartChild(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ask(Order{Caddyfile: "http://:0 {\n\tno_such_directive\n}"}); err == nil ||
		!strings.Contains(err.Error(), "no_such_directive") || errors.Is(err, ErrDied) {
		t.Errorf("error %v", err)
	}
	if a, err := c.Ask(Order{}); err != nil || a.Goroutines == 0 || a.Heap != 0 {
		t.Errorf("answer %+v, error %v", a, err)
	}
	folder := t.TempDir()
	if a, err := c.Ask(Order{Collect: true, Profiles: folder}); err != nil || a.Heap == 0 {
		t.Errorf("answer %+v, error %v", a, err)
	}
	for _, name := range []string{"heap.pprof", "goroutine.pprof"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, error %v", name, info, err)
		}
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ask(Order{}); !errors.Is(err, ErrDied) {
		t.Errorf("a dead child: error %v", err)
	}
}

// A port that is taken meanwhile does no harm; a child that has died is left alone.
func TestOnFreePorts(t *testing.T) {
	taken := errors.New("taken")
	for _, test := range []struct {
		errs  []error // of open, try by try
		want  error
		tries int
	}{
		{[]error{nil}, nil, 1},
		{[]error{taken, taken, nil}, nil, 3},
		{[]error{taken, taken, taken, nil}, taken, 3},
		{[]error{ErrDied, nil}, ErrDied, 1},
	} {
		chosen, opened := 0, 0
		err := OnFreePorts(func() error { chosen++; return nil }, func() error { opened++; return test.errs[opened-1] })
		if !errors.Is(err, test.want) || chosen != test.tries || opened != test.tries {
			t.Errorf("%v: error %v, chosen %d times, opened %d times", test.errs, err, chosen, opened)
		}
	}
}
