package feeds

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// sentences are what the entries are made of. None needs the one before it.
var sentences = []string{
	"It took longer than planned, and that turned out to be the good part.",
	"I wrote the first half on paper and the second half standing up.",
	"Nobody had measured it before, so I borrowed a tape and did.",
	"The short answer is that it depends on the weather.",
	"A neighbour stopped to ask, and then stayed to help.",
	"There is an older way to do this, and it is still the better one.",
	"What I had read about it was true, but only for the first hour.",
	"The tools were few: a knife, a pencil, a length of string.",
	"By the third try my hands knew something that I did not.",
	"If you start early, you have the place to yourself.",
	"I kept a list of everything that went wrong; it fits on a card.",
	"The difference is small, and you see it only from the side.",
	"Someone had been here before and left a mark in chalk.",
	"It costs next to nothing, which is why it is worth doing twice.",
	"The light changed around four, and with it the whole plan.",
	"There were eleven of them last year and nineteen this year.",
	"You can tell by the sound when it is nearly done.",
	"I asked three people and got four answers.",
	"The instructions are on the back, where no one looks.",
	"Leave it overnight, and do not touch it in the morning either.",
	"It works best when you forget that it is there.",
	"The photograph does not show how quiet it was.",
	"We counted out loud, to keep each other honest.",
	"Half of the work is putting things back where they were.",
	"Next time I will bring a second pair of socks.",
	"It rained, of course, and the notes are a little blurred.",
	"The best advice came from a child with a bucket.",
	"I have since learned that there is a word for this.",
	"One of these days I will draw it properly.",
	"More on this when the days get longer again.",
}

const (
	paragraphs         = 4
	sentencesParagraph = 4
)

// prose is the text of the entry called title as HTML paragraphs. The same
// title always gets the same text.
func prose(title string) string {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(title))
	order := rand.New(rand.NewPCG(sum.Sum64(), 0)).Perm(len(sentences)) //nolint:gosec // not a secret

	var html strings.Builder
	for paragraph := range slices.Chunk(order[:paragraphs*sentencesParagraph], sentencesParagraph) {
		html.WriteString("<p>")
		for i, number := range paragraph {
			if i > 0 {
				html.WriteByte(' ')
			}
			html.WriteString(sentences[number])
		}
		html.WriteString("</p>\n")
	}
	return html.String()
}
