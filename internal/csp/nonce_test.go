package csp

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestNonces(t *testing.T) {
	long := strings.Repeat("a", MaxNonce)
	tests := []struct {
		name string
		in   []string
		want []string
		ok   bool
	}{
		{"no policy", nil, nil, true},
		{"no nonce", []string{"script-src 'self' 'sha256-abc='; report-uri /nonce-x"}, nil, true},
		{"one", []string{"script-src 'nonce-abcd1234'"}, []string{"abcd1234"}, true},
		{"all characters", []string{"script-src 'nonce-ab+/-_cd12=='"}, []string{"ab+/-_cd12=="}, true},
		{"case of the keyword", []string{"SCRIPT-SRC 'Nonce-abcd1234'"}, []string{"abcd1234"}, true},
		{"case of the nonce", []string{"script-src 'nonce-abcd1234' 'nonce-ABCD1234'"}, []string{"abcd1234", "ABCD1234"}, true},
		{
			"all directives, policies and values, in order",
			[]string{"style-src 'nonce-style111';script-src 'nonce-script22' , img-src 'nonce-image333'", "x 'nonce-other444'\t'nonce-style111'"},
			[]string{"style111", "script22", "image333", "other444"},
			true,
		},
		{"directive without effect", []string{"img-src *; img-src 'nonce-abcd1234'"}, []string{"abcd1234"}, true},
		{"empty", []string{"script-src 'nonce-'"}, nil, false},
		{"not closed", []string{"script-src 'nonce-abcd1234"}, nil, false},
		{"inside a word", []string{"script-src x'nonce-abcd1234'"}, nil, false},
		{"quote inside", []string{"script-src 'nonce-abcd'1234'"}, nil, false},
		{"not base64", []string{"script-src 'nonce-abcd.1234'"}, nil, false},
		{"not ASCII", []string{"script-src 'nonce-abcd1234'\u00a0"}, nil, false},
		{"padding inside", []string{"script-src 'nonce-abcd=1234'"}, nil, false},
		{"too much padding", []string{"script-src 'nonce-abcd1234==='"}, nil, false},
		{"padding only", []string{"script-src 'nonce-=='"}, nil, false},
		{"too short", []string{"script-src 'nonce-abcd123'"}, nil, false},
		{"longest", []string{"script-src 'nonce-" + long + "'"}, []string{long}, true},
		{"too long", []string{"script-src 'nonce-a" + long + "'"}, nil, false},
		{"nothing to search for", []string{"script-src 'nonce-abc+abc/abc-'"}, nil, false},
		{"part of another", []string{"script-src 'nonce-abcd1234'", "style-src 'nonce-xabcd1234x'"}, nil, false},
		{"another is a part", []string{"style-src 'nonce-xabcd1234x' 'nonce-abcd1234'"}, nil, false},
		{"four", []string{"a 'nonce-11111111' 'nonce-22222222' 'nonce-33333333' 'nonce-44444444' 'nonce-11111111'"}, []string{"11111111", "22222222", "33333333", "44444444"}, true},
		{"five", []string{"a 'nonce-11111111' 'nonce-22222222' 'nonce-33333333' 'nonce-44444444' 'nonce-55555555'"}, nil, false},
		{"one of two is bad", []string{"a 'nonce-11111111' 'nonce-!'"}, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Nonces(test.in)
			if diff := cmp.Diff(test.want, got); ok != test.ok || diff != "" {
				t.Errorf("ok = %v\n%s", ok, diff)
			}
		})
	}
}

// Without any nonce there is no doubt, a nonce is never overlooked, and once
// the nonces are replaced the policies carry the new ones.
func TestNoncesProperty(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"script-src", "'self'", "'nonce-abcd1234'", "'NONCE-abcd/123+=='", "'nonce-'", "'nonce-x", "x'nonce-y'",
		"'nonce-zzzz-zzzz'", " ", "\t", ";", ",", "'", "\u00a0",
	})
	rapid.Check(t, func(t *rapid.T) {
		value := strings.Join(rapid.SliceOf(word).Draw(t, "words"), rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
		nonces, ok := Nonces([]string{value})
		if HasNonce([]string{value}) == (ok && len(nonces) == 0) {
			t.Fatalf("Nonces(%q) = %q, %v", value, nonces, ok)
		}
		if !ok {
			return
		}
		var fresh []string
		for _, nonce := range nonces {
			fresh = append(fresh, Fresh(len(nonce)))
		}
		replaced := NewReplacer(nonces, fresh).ReplaceString(value)
		if got, ok := Nonces([]string{replaced}); !ok || !cmp.Equal(got, fresh) {
			t.Fatalf("%q became %q with nonces %q, %v, want %q", value, replaced, got, ok, fresh)
		}
	})
}

func TestFresh(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 22, 63, 64, 65, MaxNonce} {
		if got := Fresh(n); len(got) != max(n, 0) || strings.Trim(got, alphanumeric) != "" {
			t.Errorf("Fresh(%d) = %q", n, got)
		}
	}
	if a, b := Fresh(22), Fresh(22); a == b {
		t.Error("the same twice")
	}
	for _, c := range alphanumeric { // missing one by chance: 10^-70
		if !strings.ContainsRune(Fresh(10_000), c) {
			t.Errorf("%c never comes", c)
		}
	}
}
