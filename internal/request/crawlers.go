package request

import (
	"net/http"
	"strings"
)

// Family is a crawler, as a metric label; "" is none.
type Family string

// Other is whoever calls itself a bot and is not listed. It is counted, and
// treated as any other program: nothing tells what it does with half a page.
const Other Family = "other"

// A crawler is a program that fetches pages by itself and says so.
type crawler struct {
	family Family
	words  []string // of its User-Agent, in any case
	agent  string   // such a User-Agent, as documented by who runs it
}

// crawlers are those that count as navigations without fetch metadata. They are
// known by what they say of themselves: a liar gets what the real one would, which
// is no more than any visitor may see. Fetchers on behalf of a person who waits for
// the answer (ChatGPT-User and the like) are among them: they run no scripts, and
// give up soon.
var crawlers = []crawler{
	{"amazonbot", []string{"Amazonbot"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot) Chrome/119.0.6045.214 Safari/537.36"},
	{"applebot", []string{"Applebot"}, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)"},
	{"baiduspider", []string{"Baiduspider"}, "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)"},
	{"bingbot", []string{"bingbot"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0.1938.76 Safari/537.36"},
	{"ccbot", []string{"CCBot"}, "CCBot/2.0 (https://commoncrawl.org/faq/)"},
	{"chatgpt_user", []string{"ChatGPT-User"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ChatGPT-User/1.0; +https://openai.com/bot)"},
	{"claude", []string{"ClaudeBot", "Claude-SearchBot", "Claude-User"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)"},
	{"duckduckbot", []string{"DuckDuckBot", "DuckAssistBot"}, "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)"},
	{"googlebot", []string{"Googlebot"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/141.0.7390.122 Safari/537.36"},
	{"google_other", []string{"GoogleOther", "Google-InspectionTool", "Storebot-Google"}, "Mozilla/5.0 (compatible; Google-InspectionTool/1.0;)"},
	{"gptbot", []string{"GPTBot"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)"},
	{"meta", []string{"facebookexternalhit", "meta-externalagent", "meta-externalfetcher"}, "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)"},
	{"oai_searchbot", []string{"OAI-SearchBot"}, "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36; compatible; OAI-SearchBot/1.3; +https://openai.com/searchbot"},
	{"perplexity", []string{"PerplexityBot", "Perplexity-User"}, "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)"},
	{"yandexbot", []string{"YandexBot"}, "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)"},
}

// IsCrawler reports whether a User-Agent names a listed crawler.
func IsCrawler(userAgent string) bool { return familyOf(userAgent) != "" }

// IsBrowser reports whether a User-Agent is a browser's; crawler is what the Verdict says
// of it. Every browser begins so, and so do crawlers that pretend to be one, and bots
// that are not listed, most of which then say "compatible" (of browsers, only Internet
// Explorer did).
func IsBrowser(userAgent string, crawler Family) bool {
	return crawler == "" && strings.HasPrefix(userAgent, "Mozilla/5.0 (") && !strings.HasPrefix(userAgent, "Mozilla/5.0 (compatible;")
}

// crawlerWords are the words of all crawlers, in lower case, by their first letter.
var crawlerWords = func() (index [256][]crawlerWord) {
	for _, c := range crawlers {
		for _, word := range c.words {
			word = strings.ToLower(word)
			index[word[0]] = append(index[word[0]], crawlerWord{word, c.family})
		}
	}
	return index
}()

type crawlerWord struct {
	word   string
	family Family
}

// familyOf returns the listed crawler that a User-Agent names, as a word of its
// own: another word may be joined to its end by a hyphen (Googlebot-Image), none
// to its front.
func familyOf(userAgent string) Family {
	inWord := false
	for i := range len(userAgent) {
		b := userAgent[i]
		if !inWord {
			for _, w := range crawlerWords[b|0x20] { // all words begin with a letter
				if beginsWith(userAgent[i:], w.word) {
					return w.family
				}
			}
		}
		inWord = wordByte(b) || b == '-'
	}
	return ""
}

// beginsWith reports whether s begins with a word, in any case.
func beginsWith(s, word string) bool {
	n := len(word)
	return len(s) >= n && strings.EqualFold(s[:n], word) && (len(s) == n || !wordByte(s[n]))
}

func wordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}

// botOf returns what crawler a request that is no navigation comes from. What has
// fetch metadata is what a page needs, or a browser's.
func botOf(h http.Header) Family {
	if hasMetadata(h) {
		return ""
	}
	agent := first(h, "User-Agent")
	if family := familyOf(agent); family != "" {
		return family
	}
	if hasAny(h, "Upgrade-Insecure-Requests") { // a browser on plain http, on a phone of the make Cubot
		return ""
	}
	agent = strings.ToLower(agent)
	for _, word := range []string{"bot", "crawler", "spider"} {
		if strings.Contains(agent, word) {
			return Other
		}
	}
	return ""
}
