package testbrowser

import "regexp"

var (
	addressInPage = regexp.MustCompile(`https?://localhost:\d+`)
	headInPage    = regexp.MustCompile(`(?s)<head>.*</head>`)
	spaceInHead   = regexp.MustCompile(`>\s+<`)
)

// Unplaced takes out of a page, or a message about one, which port of localhost it
// came from, and out of its head the white space between elements: what comes late is
// put in without it. Pages of a site with Headstart and of the plain one beside it are
// the same then.
func Unplaced(text string) string {
	text = addressInPage.ReplaceAllString(text, "http://localhost")
	return headInPage.ReplaceAllStringFunc(text, func(head string) string {
		return spaceInHead.ReplaceAllString(head, "><")
	})
}
