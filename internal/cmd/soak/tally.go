package main

import (
	"cmp"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// maxFaults is how many faults of one kind are described; all are counted.
const maxFaults = 10

// A tally counts. It is safe for concurrent use.
type tally struct {
	mu     sync.Mutex                // protects all below
	counts map[string]map[string]int // by table and row
	faults []fault
	nonces map[string]bool
	early  []float64 // ms until the first byte of committed responses
	header []float64 // ms until the backend's header, of the same
}

func newTally() *tally {
	return &tally{counts: make(map[string]map[string]int), nonces: make(map[string]bool)}
}

// count adds one to a row of a table.
func (t *tally) count(table, row string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countLocked(table, row)
}

func (t *tally) countLocked(table, row string) {
	if t.counts[table] == nil {
		t.counts[table] = make(map[string]int)
	}
	t.counts[table][row]++
}

// find notes a fault, and reports whether it is one of the first of its kind.
func (t *tally) find(f fault) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countLocked("fault", f.What)
	if t.counts["fault"][f.What] > maxFaults {
		return false
	}
	t.faults = append(t.faults, f)
	return true
}

// heard counts a line of Caddy's log that is no access. Numbers differ from one to
// the next.
func (t *tally) heard(line string) { t.count("log", withoutNumbers(line)) }

// judged counts a verdict.
func (t *tally) judged(v verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countLocked("level", v.Level)
	if v.Reason != "" {
		t.countLocked("reason", v.Reason)
	}
	if v.Outcome != "" {
		t.countLocked("outcome", v.Outcome)
		t.countLocked("audience", v.Audience)
	}
}

// repeated takes in the nonces of a policy, and returns one that was there before.
func (t *tally) repeated(policy string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range noncesOf(policy) {
		if t.nonces[n] {
			return n
		}
		t.nonces[n] = true
	}
	return ""
}

// time takes in how long a committed response took.
func (t *tally) time(e *evidence) {
	if !e.verdict.committed() || e.got.left || e.got.firstByte == 0 || e.verdict.Header == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.early = append(t.early, e.got.firstByte.Seconds()*1000)
	t.header = append(t.header, e.verdict.Header)
}

// total is the sum of a table's rows.
func (t *tally) total(table string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, c := range t.counts[table] {
		n += c
	}
	return n
}

// sorted returns the rows of a table, the most frequent first.
func sorted(table map[string]int) []string {
	return slices.SortedFunc(maps.Keys(table), func(a, b string) int {
		return cmp.Or(cmp.Compare(table[b], table[a]), cmp.Compare(a, b))
	})
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(values))[len(values)/2]
}

// shortened is an error without what differs each time, to count by.
func shortened(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return withoutNumbers(err.Error())
}

func withoutNumbers(s string) string {
	words := strings.Fields(s)
	for i, word := range words {
		if _, err := strconv.Atoi(strings.Trim(word, "0123456789.:[]->,/") + "0"); err == nil && word != "" {
			words[i] = "…"
		}
	}
	return strings.Join(words, " ")
}
