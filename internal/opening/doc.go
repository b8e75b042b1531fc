// Package opening keeps what is known of a page before its backend answers, and
// decides how much of it may be sent.
//
// It guarantees: an opening holds only what all of the last observations share,
// from clean requests whose senders are diverse enough for their scope; an
// audience is committed only as deep as its own last responses matched; a
// surprise takes the commit away until good responses have earned it back; no
// header on the never-replayed list, no cookie and no nonce is in it. Time is
// always a parameter.
//
// Observations are merged item by item (merge.go): what all share is stable; what
// is not may come late, if it is of a class that others may pass; where it may not,
// the opening ends. What then stands in the way is hinted, if a browser can fetch it.
// An opening that does not end in the head goes on into the body, byte by byte, to
// the last plain point that all have in common (body.go). How much of it may be sent
// is counted in steps: items of the head, then parts of the body between points.
//
// What all ask for is hinted, whether it is sent or not (hint.go); what a response did
// not ask for is not hinted again until one does (asked.go). What the pages of a host
// ask for alike is hinted to visitors of pages that nobody knows (site.go).
//
// In scope public no network alone is believed: a window holds one vote more than
// has to agree, and an outlier does not count (window.go, form.go); what one network
// shows against an opening concerns that network only, until a second one shows it
// too (doubt.go).
//
// An observation costs as much as ten requests that pass through, so what repeats one is
// counted without being read (repeat.go), and what teaches nothing new is observed ever
// more rarely (sample.go). In between responses are compared.
//
// There may be a million pages. What a window makes, its form, is dropped when
// nobody asks for it and made again from the votes; these hold a head each, in which
// what the pages of a Host share is a number (head.go, host.go). A body is held in
// blocks, which two responses share from where they are alike again (blocks.go); what
// nothing is alike of is not kept. An item that clean responses show to be gone makes
// all pages of the Host suspect that hold it.
//
// A Page is what one key stands for. It has one Opening for each combination of
// the request headers named by Vary, and each Opening has a record for each
// audience.
package opening
