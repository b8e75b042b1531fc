// Package domtest judges, in tests and the soak command only, whether a visitor ended
// up with the backend's page. Nothing else may import it.
//
// Headstart sends the first part of a head before the backend answers, leaves
// some items out, and joins the backend's document onto it. Whether the result
// is right is a question about trees, so it is asked of a tree builder: the one
// of [golang.org/x/net/html], with scripting on. The package shares no code and
// no reading of HTML with the scanner that it judges.
//
//   - [Parse] builds a tree, [Diff] compares two of them, with the freedoms that
//     a merge may take (order of harmless head items, white space, comments,
//     preloads that are no longer needed) and no others.
//   - [Repair] does to a tree what the recovery scripts do in a browser, and refuses
//     what cannot be taken back.
//   - [Leaving] says where the recovery script leads if it does not repair.
//   - [Check] takes the bytes and the outcome that Headstart claims.
//   - [Heads], [Mutations] and [Document] make pages that are alike but not
//     equal; [HTML5Lib] returns pages that are hostile.
//   - [Markup] makes contents of a body of all kinds, [MutateMarkup] bad ones.
//
// What it cannot see: timing (an early script may run before its data block has
// come), encodings (bytes are compared as they are), and how deep trees nest
// beyond the 512 elements that x/net/html builds ([ErrNotParsed]).
package domtest
