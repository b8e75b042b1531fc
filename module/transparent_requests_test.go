package module_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/headstart-proxy/headstart/internal/testorigin"
)

var upload = strings.Repeat("upload ", 15_000) // more than the windows of HTTP/2

// requestCases are about what visitors ask for. All of it is more or other than
// a page, so not even a learned page may come early.
var requestCases = []transparencyCase{
	{
		name:  "HEAD",
		try:   sending(script{sizedHead}, http.MethodHead, "", ""),
		check: answers(200, ""),
	},
	{
		name:  "OPTIONS",
		try:   sending(script{testorigin.Header(204, "Allow", "GET, HEAD")}, http.MethodOptions, "", ""),
		check: answers(204, ""),
	},
	{
		name:  "POST with content length",
		try:   sending(script{echo}, http.MethodPost, "?a", upload),
		check: echoed,
	},
	{
		name: "POST in chunks, with trailers",
		try: func(t *testing.T, x *trial) look {
			x.answer(echo)
			req := x.request(t, http.MethodPost, "", upload)
			req.ContentLength = -1
			req.GetBody = nil
			req.Trailer = http.Header{"X-Check": {"7"}}
			return x.look(t, x.v.send(t, req))
		},
		check: echoed,
	},
	{
		name:  "PUT",
		try:   sending(script{testorigin.ReadBody(), testorigin.Header(201, "Location", "/new", "Content-Length", "0")}, http.MethodPut, "", upload),
		check: answers(201, ""),
	},
	{
		name:  "GET with a body",
		try:   sending(script{echo}, http.MethodGet, "", upload),
		check: echoed,
	},
	{
		name:  "range",
		try:   serving(script{file}, "Range", "bytes=5-9"),
		check: answers(206, html[5:10]),
	},
	{
		name:  "range out of reach",
		try:   serving(script{file}, "Range", "bytes=99999-"),
		check: func(t *testing.T, l look) { wantStatus(t, l, 416) },
	},
	{
		name:  "If-Range that holds",
		try:   serving(script{file}, "Range", "bytes=5-9", "If-Range", `"v1"`),
		check: answers(206, html[5:10]),
	},
	{
		name:  "If-Range that does not",
		try:   serving(script{file}, "Range", "bytes=5-9", "If-Range", `"v0"`),
		check: answers(200, html),
	},
	{
		name:  "If-None-Match",
		try:   serving(script{file}, "If-None-Match", `"v1"`),
		check: answers(304, ""),
	},
	{
		name: "If-None-Match of what encode sent",
		try:  serving(script{file}, "If-None-Match", `"v1-gzip"`, "Accept-Encoding", "gzip"),
		check: func(t *testing.T, l look) {
			if l.Status != 200 && l.Status != 304 {
				t.Errorf("status %d", l.Status)
			}
		},
	},
	{
		name:  "If-Modified-Since",
		try:   serving(script{file}, "If-Modified-Since", fileTime.Format(http.TimeFormat)),
		check: answers(304, ""),
	},
	{
		name:  "activity+json",
		try:   serving(script{testorigin.Header(200, "Content-Type", "application/activity+json"), testorigin.Write(`{"type":"Note"}`)}, "Accept", "application/activity+json"),
		check: answers(200, `{"type":"Note"}`),
	},
	{
		name:  "fetch",
		try:   serving(script{htmlHead, testorigin.Write(html)}, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "*/*"),
		check: answers(200, html),
	},
	{
		name:  "iframe",
		try:   serving(script{htmlHead, testorigin.Write(html)}, "Sec-Fetch-Dest", "iframe"),
		check: answers(200, html),
	},
	{
		name:  "prefetch",
		try:   serving(script{htmlHead, testorigin.Write(html)}, "Sec-Purpose", "prefetch;prerender"),
		check: answers(200, html),
	},
	{
		name:  "hard reload",
		try:   serving(script{htmlHead, testorigin.Write(html)}, "Cache-Control", "no-cache", "Pragma", "no-cache"),
		check: answers(200, html),
	},
	{
		name:  "authorization",
		try:   serving(script{htmlHead, testorigin.Write(html)}, "Authorization", "Bearer x"),
		check: answers(200, html),
	},
	{
		name:  "health probe",
		try:   serving(script{testorigin.Header(503, "Content-Type", "text/html"), testorigin.Write(html)}, "User-Agent", "curl/8.20.0", "Accept", "*/*"),
		check: answers(503, html),
	},
}
