package csp

import (
	"crypto/rand"
	"slices"
	"strings"
)

// Limits for the nonces of a response, in characters but for MaxNonces. Beyond
// them a nonce is either no secret, or would also be found where it is not meant.
const (
	MinNonce  = 8
	MaxNonce  = 256
	MaxNonces = 4 // distinct ones
)

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Nonces returns the distinct nonces of all policies in the header values, in
// order of appearance, and whether a Replacer can replace them. A header value
// may hold several policies, joined by commas; every directive counts, also one
// that has no effect because another of its name comes first.
//
// It returns nil and false if one of them is not a nonce-source of CSP3 section
// 2.3.1 ("'nonce-" base64-value "'"), is shorter than MinNonce or longer than
// MaxNonce, has no four letters and digits in a row, or is part of another; or if
// there are more than MaxNonces.
func Nonces(values []string) (nonces []string, ok bool) {
	for _, value := range values {
		for word := range strings.FieldsFuncSeq(value, separates) {
			nonce, found, ok := nonceOf(word)
			switch {
			case !ok:
				return nil, false
			case found && !slices.Contains(nonces, nonce):
				nonces = append(nonces, nonce)
			}
		}
	}
	if len(nonces) > MaxNonces {
		return nil, false
	}
	for i, a := range nonces {
		for j, b := range nonces {
			if i != j && strings.Contains(a, b) {
				return nil, false
			}
		}
	}
	return nonces, true
}

// separates reports whether c stands between the words of policies: white space
// (CSP3 takes the ASCII one only), or the end of a directive or policy.
func separates(c rune) bool { return strings.ContainsRune("\t\n\f\r ;,", c) }

// nonceOf returns the nonce of one word of a policy, if it is one. ok is false
// if it looks like one and is not, or is one that cannot be replaced.
func nonceOf(word string) (nonce string, found, ok bool) {
	const prefix = "'nonce-"
	if !isNonce(word) {
		return "", false, !strings.Contains(strings.ToLower(word), prefix)
	}
	nonce, closed := strings.CutSuffix(word[len(prefix):], "'")
	if !closed || len(nonce) < MinNonce || len(nonce) > MaxNonce || !isBase64Value(nonce) {
		return "", true, false
	}
	_, size := anchorOf(nonce)
	return nonce, true, size > 0
}

// isBase64Value follows the base64-value of CSP3 section 2.3.1: letters, digits
// and + / - _ , at least one, and then at most two = .
func isBase64Value(s string) bool {
	digits := strings.TrimRight(s, "=")
	if digits == "" || len(s)-len(digits) > 2 {
		return false
	}
	for i := range len(digits) {
		if c := digits[i]; !isAlphanumeric(c) && strings.IndexByte("+/-_", c) < 0 {
			return false
		}
	}
	return true
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// Fresh returns a random nonce of n letters and digits, none if n < 1. A
// character is worth 5.95 bits: the 128 bits that CSP3 section 7.1 asks for take
// 22 characters, which is up to the caller.
func Fresh(n int) string {
	nonce := make([]byte, 0, max(n, 0))
	var random [64]byte
	for len(nonce) < n {
		_, _ = rand.Read(random[:]) // never fails, by its documentation
		for _, b := range random {
			// Six bits, and those past the alphabet are thrown away: a
			// remainder would prefer some characters.
			if b &= 63; int(b) < len(alphanumeric) && len(nonce) < n {
				nonce = append(nonce, alphanumeric[b])
			}
		}
	}
	return string(nonce)
}
