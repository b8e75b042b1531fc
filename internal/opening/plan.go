package opening

import (
	"net/http"
	"time"

	"github.com/headstart-proxy/headstart/internal/request"
	"github.com/headstart-proxy/headstart/internal/splice"
)

// Coding says whether the backend compresses the page by itself.
type Coding uint8

// The codings.
const (
	UnknownCoding Coding = iota // it was not asked yet
	Plain                       // it was asked to, and did not
	Encoded                     // it does
)

// Visit is one request, as a Page has to know it.
type Visit struct {
	Header   http.Header // of the request
	Audience request.Audience
	Voter    Voter
	Way      string // which matchers the request passes: pages of other ways are others' pages
	Learn    bool   // the request is clean: its response may teach
	// Hints says that a 103 response may be sent.
	Hints bool
	// Discreet says that outer handlers tell the browser to tell others less of the page
	// than it would in a request that a 103 response starts.
	Discreet bool
	// NeedsPlain says that the visitor accepts compression, and nothing outside
	// compresses. A page that the backend compresses is then not committed.
	NeedsPlain bool
}

// Plan is what to do with one request.
type Plan struct {
	// Early is sent at once, under Headers; nil if Reason says why not.
	Early      *Early
	Reason     Reason
	Differs    string // the header behind HeaderDiffers
	Headers    Headers
	Charset    string   // to be named in Content-Type, if Headers name none
	Nonces     []string // what stands for nonces in Early and Headers
	Links      []string // Link values to be sent with Headers, if these do not hold them, the most urgent first
	Strictness Strictness
	// Hints are Link values that may be sent in a 103 response, the most urgent first, and
	// Policies what goes with them; to who may be given the page, committed or not.
	// There is no limit of their number here. Hintable says that what the operator wants
	// to be hinted may be.
	Hints    []string
	Policies []string
	Hintable bool
	// ImportMap says that the page has an import map, or may have.
	ImportMap bool
	// Unknown says that nothing is known of the page, and its host's hints may be sent.
	Unknown bool
	// Checks says that the Answer should tell what the response asks for, and ChecksBody
	// that it should do so of its body, too: for what was hinted, or once was.
	Checks, ChecksBody bool
	// Within is how many steps hold all that asks for what was hinted, and WithinBody all
	// of that which is in the body: if a response bears them out, it or its body need not be
	// looked at for that, which costs a hundred times as much.
	Within, WithinBody int

	// Varies is whether the page depends on request headers.
	Varies bool
	// Observe is whether the response should be observed in full.
	Observe bool
	// Expected is what the response should be compared with, if it is not
	// committed; nil if there is nothing, or no need.
	Expected *splice.Sequence
	// Learned is whether enough is known of the page to commit it to somebody.
	Learned bool
	// Warmed is what the page takes in memory that Cool gives back, in bytes, if
	// Decide had to make it; else 0.
	Warmed int
}

// Answer is what the backend answered to one request.
type Answer struct {
	// Reason says why the response taught nothing or was not as expected; "" if
	// it was good.
	Reason Reason
	// Observation is the response's opening, if it was observed. The Page keeps
	// it and copies its items and its body.
	Observation *Observation
	// Depth is how many steps of Expected the response bears out, -1 if they were
	// not compared; Expected is from the Plan. A response with a Reason may be
	// compared, too.
	Depth      int
	Expected   *splice.Sequence
	Asked      *Asked        // what the response asks for; nil if that is not known
	Vary       []string      // from VaryNames
	Wait       time.Duration // until the backend's header
	Strictness Strictness
	Coding     Coding // UnknownCoding if the request did not ask for one
}
