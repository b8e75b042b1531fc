// Package splice joins the backend's response onto what was sent before it
// came: given the bytes sent and the backend's stream in any chunks, it says
// what the visitor still has to get.
//
// It guarantees: until the backend has repeated all that was sent, nothing is
// passed on, so a difference is always found while the document is open at the
// end of what was sent; from then on every byte passes untouched; the result
// does not depend on the chunking. It is pure: no HTTP, no allocation, and while
// comparing it is a compare and nothing else.
//
// A worked example. Sent: `<html><head><link href=a.css>`. The backend writes
// `<html><he`, then `ad><link href=a.css><title>Hi`. The first chunk equals the
// first nine bytes sent and is swallowed; of the second, the part up to
// `a.css>` completes what was sent and is swallowed too; `<title>Hi` is the rest,
// and all later chunks are passed on whole.
package splice
