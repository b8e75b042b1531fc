// Package recovery writes the markup with which a page that was committed too
// early corrects itself in front of the visitor.
//
// It guarantees: the markup is complete in itself wherever a head may be cut; what
// it holds from a backend (a redirect's URL, attributes and text by which elements
// are found) is data, escaped for where it stands; it leads away from the page at
// most once, since the marker cookie keeps the reload from being committed again.
//
// The response that made a page load again is parked in a Lot meanwhile, bounded
// in bytes and time: the reload collects it, once, and nobody else can.
//
// The script is `type=module async`: it runs at once, where a classic script or
// a meta refresh waits for stylesheets that are still loading. Only what has to be
// done before the page's next script runs is classic, and all that stands behind a
// body, where the place of the script says what it is about.
package recovery
