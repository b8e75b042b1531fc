// Package store keeps the pages that were learned, by key.
//
// It guarantees: what it holds stays within a number of bytes, what pages share
// included; the pages and hosts that are asked for least often give way first; of a
// key that is seen once it keeps a hash when it is half full; it says when too much is read
// for learning (budget.go); it starts no goroutine.
// It is safe for concurrent use. Locks of pages and hosts are never held while the
// caches are called, for those call back under their own.
package store
