package scale

import (
	"fmt"
	"io"

	"github.com/headstart-proxy/headstart/internal/cmd/bench/stats"
)

// A Result is all that a run yields.
type Result struct {
	// Document is how large a page is, and Own how much of it no other page has, in
	// bytes.
	Document int `json:"document_bytes"`
	Own      int `json:"own_bytes"`
	// Networks is from how many networks each page is learned, with one observation each.
	Networks int    `json:"networks"`
	Rounds   int    `json:"rounds"`
	Sizes    []Size `json:"sizes"`
}

// A Size is what was measured with one number of pages.
type Size struct {
	Pages int `json:"pages"`
	// Sample is how many pages were looked up in one round, and of how many the cost of
	// learning was measured.
	Sample int `json:"sample"`
	// Get is the time until the store has found a page, Warm and Cold that until it is
	// decided what is sent: with all of it ready, and with nothing.
	Get  Times `json:"get"`
	Warm Times `json:"warm"`
	Cold Times `json:"cold"`
	// Heap is what a page takes in memory beside what is ready to be sent, in bytes, and
	// Estimate what the store believes.
	Heap     float64 `json:"heap_bytes_per_page"`
	Estimate float64 `json:"estimated_bytes_per_page"`
	// Empty is what a store without pages takes, in bytes; it depends on its limit.
	Empty int64 `json:"empty_store_bytes"`
	// Reading is what one observation costs to find and read, Learning what it costs to
	// take in.
	Reading  Cost `json:"reading"`
	Learning Cost `json:"learning"`
	Full     Full `json:"full"`
}

// Times are in ns.
type Times struct {
	Median float64 `json:"median_ns"`
	P99    float64 `json:"p99_ns"`
}

// A Cost is what one observation takes, with its part in the collection of garbage.
type Cost struct {
	CPU    float64 `json:"cpu_us"` // µs, 0 if the system does not tell
	Allocs float64 `json:"allocs"`
	Bytes  float64 `json:"allocated_bytes"`
}

// Full says how a store does that has room for half of its pages, more or less, while
// pages are asked for, popular ones more often.
type Full struct {
	// Limit is what the store may take, Estimate what it believes to take in the end, and
	// Heap what it takes, all in bytes, with what is ready to be sent.
	Limit    uint64 `json:"limit_bytes"`
	Estimate uint64 `json:"estimated_bytes"`
	Heap     int64  `json:"heap_bytes"`
	// Pages is how many are in in the end.
	Pages int `json:"pages"`
	// Shrinking is how long it takes to drop a page when the limit is lowered, in ns.
	Shrinking float64 `json:"drop_ns"`
	// Lookup is the time of a lookup that ends with a commit, and Put that of putting in a
	// page that others have to make room for.
	Lookup Times `json:"lookup"`
	Put    Times `json:"put"`
	// Committed is the share of requests that are committed, of those for pages that were
	// asked for before. Possible is what it would be if the most popular pages were in.
	Committed float64 `json:"committed"`
	Possible  float64 `json:"possible"`
}

func (f *field) figures() Size {
	return Size{
		Pages: f.size, Sample: f.sample,
		Get: timesOf(f.get), Warm: timesOf(f.warm), Cold: timesOf(f.cold),
		Heap:     float64(f.heap) / float64(f.size),
		Estimate: float64(f.estimate) / float64(f.size),
		Empty:    f.empty,
		Reading:  f.reading.each(), Learning: f.learning.each(),
		Full: f.full,
	}
}

// Markdown writes what was done, a table of what pages cost, and one of full stores.
func (r *Result) Markdown(w io.Writer) error {
	if _, err := fmt.Fprintf(w, scaleNote, r.Document, r.Own, r.Networks, r.Rounds); err != nil {
		return err
	}
	pages := stats.Table{Columns: []string{
		"pages:", "lookup, ready:", "p99:", "lookup, to be made:", "p99:", "of it in the store:", "p99:",
		"bytes per page:", "estimated:", "CPU per observation:", "of it reading:", "allocations:",
	}}
	full := stats.Table{Columns: []string{
		"pages:", "limit:", "in memory:", "estimated:", "pages left:", "lookup:", "p99:", "put:", "p99:",
		"to drop a page:", "committed:", "possible:",
	}}
	for _, s := range r.Sizes {
		pages.Add(
			number(s.Pages), micros(s.Warm.Median), micros(s.Warm.P99), micros(s.Cold.Median), micros(s.Cold.P99),
			micros(s.Get.Median), micros(s.Get.P99), fmt.Sprintf("%.0f", s.Heap), fmt.Sprintf("%.0f", s.Estimate),
			cpu(s.Reading.CPU+s.Learning.CPU), cpu(s.Reading.CPU), fmt.Sprintf("%.0f", s.Reading.Allocs+s.Learning.Allocs),
		)
		full.Add(
			number(s.Pages), mebi(float64(s.Full.Limit)), mebi(float64(s.Full.Heap)), mebi(float64(s.Full.Estimate)), number(s.Full.Pages),
			micros(s.Full.Lookup.Median), micros(s.Full.Lookup.P99), micros(s.Full.Put.Median), micros(s.Full.Put.P99),
			micros(s.Full.Shrinking), percent(s.Full.Committed), percent(s.Full.Possible),
		)
	}
	if err := pages.Write(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, fullNote, zipf, newcomers, settleTurns); err != nil {
		return err
	}
	return full.Write(w)
}

const scaleNote = "Pages of one host, %d bytes each, of which %d no other page has; each is learned from %d networks, " +
	"one observation each. The most of them are learned by a shorter way that leaves the same in memory: their response is read " +
	"once instead of each time. Costs are of the last ones, which are learned as the handler does it, one after the other. " +
	"Every page is as likely to be looked up as any other; medians of %d rounds. " +
	"A lookup is store and decision together; bytes per page are without what is ready to be sent.\n\n"

const fullNote = "The same stores with a limit of two thirds of what their pages took: about half of them have room beside what is ready to be sent. Meanwhile pages are asked for by Zipf's law with " +
	"an exponent of %g, and one request of %d is for a page that is new. Possible is what would be committed if the most popular pages were in: " +
	"which those are a store of many pages does not know after so few requests (%d times the pages that one round looks up).\n\n"

func micros(ns float64) string { return fmt.Sprintf("%.2f µs", ns/1000) }

func mebi(bytes float64) string { return fmt.Sprintf("%.1f MiB", bytes/(1<<20)) }

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

func cpu(us float64) string {
	if us == 0 {
		return "unknown"
	}
	return fmt.Sprintf("%.0f µs", us)
}

// number writes thousands apart.
func number(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", number(n/1000), n%1000)
}
