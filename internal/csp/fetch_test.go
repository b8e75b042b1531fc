package csp

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFetching(t *testing.T) {
	for _, test := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"no downloads", []string{"frame-ancestors 'none'; upgrade-insecure-requests; sandbox; report-uri /x"}, nil},
		{"some", []string{"Default-SRC 'self' ; sandbox;style-src https://a  https://b; report-uri /x; script-src-elem x"}, []string{"default-src 'self'; style-src https://a https://b; script-src-elem x"}},
		{"several in one field", []string{"img-src a, object-src b", "frame-ancestors c"}, []string{"img-src a", "object-src b"}},
		{"a nonce", []string{"style-src 'self'; script-src 'Nonce-x', font-src a"}, []string{"font-src a"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Fetching(test.in)); diff != "" {
				t.Error(diff)
			}
			if len(test.in) == 1 && Restricts(test.in[0]) != (test.want != nil) {
				t.Error("restricts, or not")
			}
		})
	}
}
