package feeds

// format is the syndication format of a feed, which is also its file extension.
type format string

const (
	atomFormat format = "atom"
	rssFormat  format = "rss"
)

// blog is one member of the planet. All of them are invented.
type blog struct {
	slug    string
	title   string
	author  string
	tagline string
	format  format
	share   int // how long the feed takes, in thousandths of Options.Delay
	entries []string
}

// blogs are fetched in this order. Read four at a time, as package site does
// it, their shares add up to a thousand: one page takes Options.Delay in all.
var blogs = []blog{
	{"alder-street", "Alder Street", "Ines Varga", "A street, its trees and its people", atomFormat, 500, []string{
		"The bench is back", "Counting swifts", "A map of shade", "Rain on the tram roof", "Who plants the verge",
	}},
	{"bread-and-ledger", "Bread and Ledger", "Tomas Okoro", "Baking by weight, keeping books by hand", rssFormat, 115, []string{
		"Ninety grams of rye", "The slow oven", "Closing the books", "Salt goes in late", "A starter on holiday",
	}},
	{"canal-mile", "Canal Mile", "Ruth Lindqvist", "Notes from one mile of water", atomFormat, 425, []string{
		"Lock gates in frost", "The heron's hours", "Low water in June", "A boat named Later", "Towpath manners",
	}},
	{"dry-stone", "Dry Stone", "Emrys Howell", "Walls without mortar", rssFormat, 300, []string{
		"Choosing the hearting", "One gap, three days", "Through stones", "Reading an old wall", "Gloves or no gloves",
	}},
	{"evening-class", "Evening Class", "Mina Farouk", "Learning things after work", atomFormat, 510, []string{
		"Week one: knots", "How to draw a spoon", "A lecture on moss", "Homework at forty", "The last lesson",
	}},
	{"fixed-gear-garden", "Fixed Gear Garden", "Jon Abara", "Bicycles, beans and a small shed", rssFormat, 335, []string{
		"Beans up the wheel", "A chain whip trellis", "Truing by ear", "Compost by cargo bike", "The shed inventory",
	}},
	{"glass-half", "Glass Half", "Petra Novak", "Windows, lenses and light", atomFormat, 145, []string{
		"Old panes ripple", "A lens from a jar", "North light", "Cleaning the skylight", "Colour at the edge",
	}},
	{"hill-radio", "Hill Radio", "Sam Tiernan", "Listening from a high place", rssFormat, 215, []string{
		"Static before storms", "An antenna of wire", "The midnight net", "Batteries in winter", "Call signs and names",
	}},
	{"ink-and-index", "Ink and Index", "Laila Moreau", "Paper, type and filing", atomFormat, 100, []string{
		"The card catalogue", "Why margins matter", "A drawer for errata", "Setting a long line", "Blue ink, black ink",
	}},
	{"joint-and-peg", "Joint and Peg", "Kofi Brandt", "Woodwork with few tools", rssFormat, 125, []string{
		"Cutting the tenon", "A stool in a week", "Green oak moves", "Sharpening day", "Pegs beat screws",
	}},
	{"kitchen-almanac", "Kitchen Almanac", "Yuki Sorensen", "What is ripe, and what to do with it", atomFormat, 240, []string{
		"Plums all at once", "Three ways with kale", "Drying mint", "A soup for November", "The first asparagus",
	}},
	{"loom-log", "Loom Log", "Ana Petrescu", "Threads, patterns and mistakes", rssFormat, 275, []string{
		"Warping alone", "Twill for beginners", "The wrong blue", "Counting in base two", "A towel a month",
	}},
	{"map-drawer", "Map Drawer", "Otis Varley", "Old maps and new walks", atomFormat, 185, []string{
		"The path that moved", "Contours by eye", "Names of wet places", "A map with no north", "Folding it again",
	}},
	{"night-bus", "Night Bus", "Dina Kessler", "The city between one and five", rssFormat, 250, []string{
		"Last stop, harbour", "Who rides at four", "A driver's playlist", "The all-night bakery", "Dawn from route nine",
	}},
	{"orchard-notes", "Orchard Notes", "Henrik Solis", "Forty trees and their moods", atomFormat, 115, []string{
		"Grafting in March", "A late frost", "Windfalls for wasps", "The ladder rules", "Naming a seedling",
	}},
	{"pocket-telescope", "Pocket Telescope", "Grace Adeyemi", "Small lenses, wide sky", rssFormat, 75, []string{
		"Four moons by eye", "Waiting for seeing", "The balcony sky", "A comet, maybe", "Red light etiquette",
	}},
}
