package feeds

import (
	"encoding/xml"
	"fmt"
	"time"
)

// newest is when the first blog published its newest entry. Fixed dates keep
// the pages equal from one run to the next.
var newest = time.Date(2026, time.October, 30, 9, 0, 0, 0, time.UTC)

// published is the date of entry j of blog i. The blogs take turns, so that
// their entries mix on the index, and no two entries share a date.
func published(i, j int) time.Time {
	turn := j*len(blogs) + (i*7+j*3)%len(blogs)
	return newest.Add(-time.Duration(turn)*5*time.Hour - time.Duration(i*13%60)*time.Minute)
}

// render makes the feed document of blog number i.
func (b blog) render(i int) ([]byte, error) {
	var feed any
	switch b.format {
	case atomFormat:
		feed = b.atom(i)
	case rssFormat:
		feed = b.rss(i)
	default:
		return nil, fmt.Errorf("unknown format %q", b.format)
	}
	document, err := xml.MarshalIndent(feed, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), document...), nil
}

type atomFeed struct {
	XMLName  xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID       string      `xml:"id"`
	Title    string      `xml:"title"`
	Subtitle string      `xml:"subtitle"`
	Link     atomLink    `xml:"link"`
	Updated  string      `xml:"updated"`
	Author   string      `xml:"author>name"`
	Entries  []atomEntry `xml:"entry"`
}

type atomLink struct {
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID        string      `xml:"id"`
	Title     string      `xml:"title"`
	Link      atomLink    `xml:"link"`
	Published string      `xml:"published"`
	Updated   string      `xml:"updated"`
	Content   atomContent `xml:"content"`
}

type atomContent struct {
	Type string `xml:"type,attr"`
	HTML string `xml:",chardata"`
}

func (b blog) atom(i int) atomFeed {
	feed := atomFeed{
		ID:       b.link(),
		Title:    b.title,
		Subtitle: b.tagline,
		Link:     atomLink{b.link()},
		Updated:  published(i, 0).Format(time.RFC3339),
		Author:   b.author,
	}
	for j, title := range b.entries {
		date := published(i, j).Format(time.RFC3339)
		link := b.link(slug(title))
		feed.Entries = append(feed.Entries, atomEntry{
			ID:        link,
			Title:     title,
			Link:      atomLink{link},
			Published: date,
			Updated:   date,
			Content:   atomContent{Type: "html", HTML: prose(title)},
		})
	}
	return feed
}

type rssFeed struct {
	XMLName   xml.Name   `xml:"rss"`
	Version   string     `xml:"version,attr"`
	ContentNS string     `xml:"xmlns:content,attr"`
	CreatorNS string     `xml:"xmlns:dc,attr"`
	Channel   rssChannel `xml:"channel"`
}

type rssChannel struct {
	Title       string    `xml:"title"`
	Link        string    `xml:"link"`
	Description string    `xml:"description"`
	Creator     string    `xml:"dc:creator"`
	Items       []rssItem `xml:"item"`
}

type rssItem struct {
	Title   string `xml:"title"`
	Link    string `xml:"link"`
	GUID    string `xml:"guid"`
	Date    string `xml:"pubDate"`
	Content string `xml:"content:encoded"`
}

func (b blog) rss(i int) rssFeed {
	channel := rssChannel{
		Title:       b.title,
		Link:        b.link(),
		Description: b.tagline,
		Creator:     b.author,
	}
	for j, title := range b.entries {
		link := b.link(slug(title))
		channel.Items = append(channel.Items, rssItem{
			Title:   title,
			Link:    link,
			GUID:    link,
			Date:    published(i, j).Format(time.RFC1123Z),
			Content: prose(title),
		})
	}
	return rssFeed{
		Version:   "2.0",
		ContentNS: "http://purl.org/rss/1.0/modules/content/",
		CreatorNS: "http://purl.org/dc/elements/1.1/",
		Channel:   channel,
	}
}
