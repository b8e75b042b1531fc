package browser

import (
	"net"
	"testing"
	"time"
)

// Of Caddy's log, the first stylesheet of a site is found, and when it was asked for.
func TestAccessLog(t *testing.T) {
	l, err := startAccessLog()
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	conn, err := net.Dial("tcp", l.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, line := range []string{
		"what is not JSON",
		`{"ts": 99, "duration": 0, "request": {"host": "localhost:1001", "uri": "/page"}}`,
		`{"ts": 99, "duration": 0, "request": {"host": "localhost:1002", "uri": "/a.css"}}`, // another site
		`{"ts": 99, "duration": 0, "request": {"host": "localhost:1001", "uri": "/a?b.css"}}`,
		`{"ts": 100.5, "duration": 0.25, "request": {"host": "localhost:1001", "uri": "/a.css?v=1"}}`,
		`{"ts": 101, "duration": 0, "request": {"host": "localhost:1001", "uri": "/b.css"}}`,
	} {
		if _, err := conn.Write([]byte(line + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.sheet("1001"); err != nil || !got.Equal(time.UnixMilli(100_250)) {
		t.Errorf("%v, error %v", got, err)
	}
	if got, err := l.sheet("1001"); err != nil || !got.Equal(time.Unix(101, 0)) {
		t.Errorf("the next is %v, error %v", got, err)
	}
}
