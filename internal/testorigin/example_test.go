package testorigin_test

import (
	"bufio"
	"fmt"
	"log"
	"net/http"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

// A page whose head comes at once and whose body waits until the test says so.
func Example() {
	origin, err := testorigin.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer origin.Close()

	gate := testorigin.NewGate()
	origin.Handle("/slow",
		testorigin.Header(http.StatusOK, "Content-Type", "text/html"),
		testorigin.Write("<head></head>\n"),
		testorigin.Wait(gate),
		testorigin.Write("<body></body>\n"),
	)

	resp, err := http.Get(origin.URL("/slow"))
	if err != nil {
		log.Print(err)
		return
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)

	line, _ := body.ReadString('\n')
	<-gate.Arrived()
	fmt.Printf("while the backend thinks: %s", line)

	gate.Open()
	line, _ = body.ReadString('\n')
	fmt.Printf("when it has thought: %s", line)

	// Output:
	// while the backend thinks: <head></head>
	// when it has thought: <body></body>
}
