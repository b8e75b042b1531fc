// Package splice joins the backend's response onto what was sent before it
// came: given the items sent and the backend's stream in any chunks, it says
// what the visitor still has to get.
//
// It guarantees: what is sent and what is passed on make the backend's page,
// byte by byte if the stream repeats what was sent, else as the same document
// once the edits are done; or the state is Differs, and the page has to be
// loaded again, whatever came out before. The result does not depend on the
// chunking, nor does what comes out, but for a page that ends in Differs. It is
// pure: no HTTP, and no tree; while comparing it is a compare and nothing else,
// without allocation.
//
// # A worked example
//
// From three visits it was learned that a page begins with a title that changes,
// a stylesheet and a script. The title may come late, so these six items were
// sent (sequence.go), before the backend answered:
//
//	<!doctype html>  <html>  <head>  ⏎  <link rel=stylesheet href=a.css>  <script src=a.js></script>
//
// Then the backend writes, in two chunks:
//
//	<!doctype html><html><head><ti
//	tle>Hi</title>⏎<link rel=stylesheet href=a.css><script src=a.js></script></head><body>…
//
// Compare (splice.go). The first chunk equals what was sent for 27 bytes; where a
// line break was sent it has a `<`. The state is Merging. The three items before
// are met; a document.Scanner is set up as if it had read them, and gets what the
// stream has from there: `<ti`. That is no whole item yet, so nothing comes out.
//
// Merge (merge.go). With the second chunk the scanner yields items. The title is
// none of those sent and pending; its class is inert, so it may come behind what
// waits (the stylesheet, the script): it comes out. The line break, the
// stylesheet and the script are met, and swallowed. Now nothing that was sent is
// pending: the state is Joined, and the rest of the chunk, `</head><body>…`,
// passes, as does all that follows. The outcome is `merged`: the same document,
// with the title behind the script.
//
// Had the backend written `<script src=b.js>`, that would have found a script
// pending that it may not overtake: Differs. Had it written another stylesheet,
// that would have come out as a replacement for the pending one; at the end the
// Edits say to put the one in the place of the other: `repaired` (stale.go). And
// had it left out the stylesheet, the end of the head would have found it stale;
// the Edits then say to drop it.
//
// # With a body
//
// What was sent may go on into the body, to one of its plain points (package
// document). Then the items of the head that come late cannot be put there by the
// parser any more: they are held until the head of the stream ends, let out together
// where the body was cut, and Edits move them (late.go). After that the stream is
// compared with the body, byte by byte.
//
// Suppose that this was sent, and that the entry b has become c meanwhile:
//
//	…</head><body><nav>…</nav><main><ul><li>a</li><li>b</li></ul><form><input>
//	…</head><body><nav>…</nav><main><ul><li>a</li><li>c</li></ul><form>…
//
// The page has to go back to a point before the difference, and on from there with
// the backend's bytes (rewind.go). What the parser does with these depends on which
// elements are open. So it must be a point whose open elements are still open where
// the page was cut: not the one behind <li>a</li>, since that <ul> is closed by now,
// but the one behind <main>. Out comes
//
//	</form><script>…</script><ul><li>a</li><li>c</li></ul><form>…
//
// of which the end tag closes what is open beyond <main>, the script removes the UL and
// the FORM in front of itself, and itself, and the rest is the stream from that point on.
// If what would have to be removed holds a script, or anything else that has had its
// effect, the state is Differs.
//
// Behind the joint the Splicer may go on reading, only to measure how much of the
// sequence the response would have borne out (Depth).
package splice
