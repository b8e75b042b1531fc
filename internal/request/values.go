package request

import "strings"

// maxValue is the most bytes that one header value of a clean request may have.
const maxValue = 512

// unclean are the bytes that a header value of a clean request may not hold:
// what could leave an attribute, a string, a template or a shell word, if a
// backend wrote the value into its page.
const unclean = "\"'<>&\\`{}$%|"

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// accept says whether a header value may be part of a clean request.
type accept func(value string) bool

var (
	hostBytes = only(lower + digits + ".-_:[]")
	pathBytes = only(lower + upper + digits + "/._~-")
)

// plain accepts a value without the bytes that could end the context it is
// written into.
func plain(value string) bool {
	for i := range len(value) {
		if !cleanBytes[value[i]] {
			return false
		}
	}
	return true
}

// cleanBytes are those that are printable ASCII, and not unclean.
var cleanBytes = func() (clean [256]bool) {
	for b := range byte(len(clean) - 1) {
		clean[b] = printable(string(b)) && strings.IndexByte(unclean, b) < 0
	}
	return clean
}()

// brands accepts the structured fields (RFC 9651) of the User-Agent Client
// Hints, in the one form that browsers send: a list of quoted strings, each with
// or without a parameter v, itself quoted.
func brands(value string) bool {
	for {
		var ok bool
		if value, ok = quoted(value); !ok {
			return false
		}
		if rest, versioned := strings.CutPrefix(value, ";v="); versioned {
			if value, ok = quoted(rest); !ok {
				return false
			}
		}
		if value == "" {
			return true
		}
		if value, ok = strings.CutPrefix(value, ", "); !ok {
			return false
		}
	}
}

// quoted takes a quoted string with plain contents off the front of a value.
func quoted(value string) (rest string, ok bool) {
	value, ok = strings.CutPrefix(value, `"`)
	if !ok {
		return "", false
	}
	contents, rest, ok := strings.Cut(value, `"`)
	return rest, ok && plain(contents)
}

func printable(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] >= 0x7f {
			return false
		}
	}
	return true
}

func oneOf(values ...string) accept {
	return func(value string) bool {
		for _, v := range values {
			if strings.EqualFold(value, v) && printable(value) {
				return true
			}
		}
		return false
	}
}

// only accepts values that are made of some bytes.
func only(bytes string) accept {
	var allowed [256]bool
	for i := range len(bytes) {
		allowed[bytes[i]] = true
	}
	return func(value string) bool {
		for i := range len(value) {
			if !allowed[value[i]] {
				return false
			}
		}
		return value != ""
	}
}
