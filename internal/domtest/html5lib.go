package domtest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// HTML5Lib returns the input of every tree construction test of html5lib and of
// Go that x/net/html carries, fragment tests aside: some 1,500 documents, most
// of them a few bytes of bad markup. They are read from the module cache; the
// test fails if they are not there.
func HTML5Lib(t testing.TB) [][]byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/net").Output()
	if err != nil {
		t.Fatalf("find golang.org/x/net: %v", err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "html", "testdata")
	var inputs [][]byte
	err = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".dat" {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // below the module's directory
		inputs = append(inputs, parseDat(b)...)
		return err
	})
	if err != nil {
		t.Fatalf("read the tests of x/net/html: %v", err)
	}
	if len(inputs) == 0 {
		t.Fatalf("no tests below %s", root)
	}
	return inputs
}

// parseDat returns the documents of one file of tree construction tests
// (html5lib-tests, tree-construction/README.md). A test is
//
//	#data
//	input, on any number of lines
//	#errors
//	…
//	#document-fragment   (only there if the input is no document)
//	context
//	#document
//	…
//
// and an empty line.
func parseDat(b []byte) [][]byte {
	var inputs [][]byte
	for test := range bytes.SplitSeq(append([]byte("\n\n"), b...), []byte("\n\n#data\n")) {
		// An empty input has no line of its own.
		input, rest, found := bytes.Cut(append([]byte("\n"), test...), []byte("\n#errors\n"))
		if !found {
			continue // in front of the first test
		}
		header, _, _ := bytes.Cut(append([]byte("\n"), rest...), []byte("\n#document\n"))
		if !bytes.Contains(header, []byte("\n#document-fragment\n")) {
			inputs = append(inputs, bytes.TrimPrefix(input, []byte("\n")))
		}
	}
	return inputs
}
