// Package store keeps the pages that were learned, by key.
//
// It guarantees: what it holds stays within a number of bytes; the pages that
// are asked for least often give way first; it starts no goroutine. It is safe
// for concurrent use.
package store
