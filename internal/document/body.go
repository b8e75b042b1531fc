package document

import (
	"bytes"
	"strings"
)

// Body is the first part of what stands behind the items of a head: from </head>
// on, or from the first start tag of the body if there is no such tag. Its bytes
// are the document's own.
type Body struct {
	// Bytes end at the last point; there are none without points.
	Bytes []byte
	// Points are where the document may be cut, in order.
	Points []Point
	// Marks are what matters of what stands in Bytes, in order.
	Marks []Mark
	// Nodes are what the parser makes of Bytes, as far as it makes it inside the
	// body element, which is the first; in the order in which they begin. ScanPoints
	// leaves them out.
	Nodes []Node
	// Nonces are the values of all nonce attributes, each once, the first 16.
	Nonces []string
	End    End
}

// Point is a plain point: behind a tag or a comment, where the open elements are
// html, body and others of which none is a formatting element, a table or part of
// one, select, option, template or svg; where no formatting element waits to be
// opened again; and where the parser does the same with what follows as it would
// if elements had come and gone in between.
type Point struct {
	Offset int   // in Bytes
	Open   int32 // the innermost open element, in Nodes
}

// Mark is an element that scripts, or recovery, have to heed.
type Mark struct {
	Offset int // in Bytes, where its tag begins
	Traits Traits
}

// Node is an element, a text or a comment.
type Node struct {
	Name   string // in lower case; "#text" or "#comment"
	Parent int32  // in Nodes; -1 for the body element
	Offset int    // where it begins in Bytes
}

// Limits of a Body.
const (
	maxPoints = 60_000
	maxDepth  = 256 // open elements
)

// ScanBody reads b, which follows the last item of a head that ends with HeadEnd or
// Implied. complete says that b is all of the document. stop are names of
// elements, or ids with a # in front: the Body ends before the first such start
// tag, if it is not in a template or noscript. b is not changed; the Body keeps parts
// of it.
//
// No tree is built: the open elements are followed as the parser does it (HTML
// Standard, section 13.2.6), as long as they are opened and closed in good order.
// The Body ends before the first markup for which that is not modelled, with the
// reason.
func ScanBody(b []byte, complete bool, stop []string) Body {
	return scanBody(b, complete, stop, &tree{keep: true})
}

// ScanPoints is ScanBody without the nodes, which take more memory than all else.
func ScanPoints(b []byte, complete bool, stop []string) Body {
	return scanBody(b, complete, stop, &tree{})
}

func scanBody(b []byte, complete bool, stop []string, t *tree) Body {
	s := newBodyScan(b, t)
	defer s.close()
	s.points = make([]Point, 0, min(bytes.Count(b, []byte(">")), maxPoints/16))
	for _, name := range stop {
		if id, found := strings.CutPrefix(name, "#"); found {
			s.stopIDs = append(s.stopIDs, id)
		} else {
			s.stopNames = append(s.stopNames, lowerName([]byte(name)))
		}
	}
	s.run()
	switch {
	case s.end != "":
	case complete && s.lex.raw != "":
		s.end = Unclosed
	default:
		s.end = Truncated
	}
	return s.body()
}

// IsStop reports whether an item is the comment <!--headstart:stop-->, behind which
// nothing is to be sent early.
func IsStop(item Item) bool {
	return item.Kind == Comment && isStop(item.Raw)
}

// isStop looks at the bytes of a comment. White space may stand around the words.
func isStop(raw []byte) bool {
	text := bytes.TrimSuffix(bytes.TrimPrefix(raw, []byte("<!--")), []byte("-->"))
	return string(bytes.Trim(text, " \t\n\f\r")) == "headstart:stop"
}
