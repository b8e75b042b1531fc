package csp

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ExamplePermit() {
	values, ok := Permit([]string{"default-src 'self'; img-src *"}, "abc")
	fmt.Println(values[0], ok)
	// Output: default-src 'self'; img-src *; script-src-elem 'self' 'nonce-abc' true
}

func TestPermit(t *testing.T) {
	tests := []struct {
		name string
		in   []string
		want []string
		ok   bool
	}{
		{"none", nil, []string{}, true},
		{"no script directive", []string{"img-src 'self'"}, []string{"img-src 'self'"}, true},
		{"frame-ancestors only", []string{"frame-ancestors 'none';"}, []string{"frame-ancestors 'none';"}, true},
		{"unsafe-inline", []string{"script-src 'self' 'unsafe-inline'"}, []string{"script-src 'self' 'unsafe-inline'"}, true},
		{
			"unsafe-inline switched off by a hash",
			[]string{"script-src 'unsafe-inline' 'sha256-x'"},
			[]string{"script-src 'unsafe-inline' 'sha256-x'; script-src-elem 'unsafe-inline' 'sha256-x' 'nonce-n'"},
			true,
		},
		{
			"unsafe-inline switched off by strict-dynamic",
			[]string{"script-src 'unsafe-inline' 'strict-dynamic'"},
			[]string{"script-src 'unsafe-inline' 'strict-dynamic'; script-src-elem 'unsafe-inline' 'strict-dynamic' 'nonce-n'"},
			true,
		},
		{"self", []string{"script-src 'self'"}, []string{"script-src 'self'; script-src-elem 'self' 'nonce-n'"}, true},
		{
			"elem before src",
			[]string{"script-src 'unsafe-inline'; script-src-elem 'self'"},
			[]string{"script-src 'unsafe-inline'; script-src-elem 'self' 'nonce-n'"},
			true,
		},
		{"default none", []string{"default-src 'none'"}, []string{"default-src 'none'; script-src-elem 'nonce-n'"}, true},
		{"first of two counts", []string{"script-src 'unsafe-inline'; script-src 'none'"}, []string{"script-src 'unsafe-inline'; script-src 'none'"}, true},
		{
			"two policies in one value",
			[]string{"default-src *, script-src 'self'"},
			[]string{"default-src *; script-src-elem * 'nonce-n',script-src 'self'; script-src-elem 'self' 'nonce-n'"},
			true,
		},
		{"case", []string{"SCRIPT-SRC 'UNSAFE-INLINE'"}, []string{"SCRIPT-SRC 'UNSAFE-INLINE'"}, true},
		{"sandbox", []string{"sandbox allow-forms"}, nil, false},
		{"sandbox with scripts", []string{"sandbox allow-scripts"}, nil, false},
		{"sandbox with scripts and origin", []string{"sandbox allow-same-origin allow-scripts"}, []string{"sandbox allow-same-origin allow-scripts"}, true},
		{"sandbox in the second value", []string{"img-src *", "sandbox"}, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := Permit(test.in, "n")
			if ok != test.ok {
				t.Fatalf("ok = %v", ok)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if ok && !Permits(got, "n") {
				t.Error("Permits does not agree")
			}
			if ok && Permits(test.in, "n") != cmp.Equal(test.in, test.want) && test.in != nil {
				t.Error("a policy that permits was changed, or the other way round")
			}
		})
	}
}

func TestHasNonce(t *testing.T) {
	for value, want := range map[string]bool{
		"script-src 'nonce-abc'": true,
		"script-src 'NONCE-abc'": true,
		"script-src 'self'":      false,
		"":                       false,
	} {
		if got := HasNonce([]string{"img-src *", value}); got != want {
			t.Errorf("HasNonce(%q) = %v", value, got)
		}
	}
}

// What Permit returns permits the script, and permits nothing twice.
func TestPermitProperty(t *testing.T) {
	word := rapid.SampledFrom([]string{
		"script-src", "default-src", "script-src-elem", "img-src", "sandbox", "allow-scripts", "allow-same-origin",
		"'self'", "'none'", "'unsafe-inline'", "'strict-dynamic'", "'nonce-x'", "'sha256-x'", "https:", ";", ";", ",",
	})
	rapid.Check(t, func(t *rapid.T) {
		value := ""
		for _, w := range rapid.SliceOf(word).Draw(t, "words") {
			value += w + " "
		}
		once, ok := Permit([]string{value}, "n")
		if !ok {
			return
		}
		if !Permits(once, "n") {
			t.Fatalf("Permit(%q) = %q does not permit", value, once)
		}
		if twice, _ := Permit(once, "n"); !cmp.Equal(once, twice) {
			t.Fatalf("Permit is not idempotent: %q, %q", once, twice)
		}
	})
}
