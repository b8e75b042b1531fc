package module

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/headstart-proxy/headstart/internal/opening"
)

// statusClientClosed is what reverse_proxy writes when the visitor has left.
const statusClientClosed = 499

// answered notes that the backend's final header is here.
func (x *exchange) answered(status int, h http.Header) {
	x.headOnly = !opening.Shell(h)
	if status == statusClientClosed {
		return // that is not the backend's
	}
	if x.stray != 0 && status != http.StatusTooManyRequests && status < 500 {
		x.h.state.store.Answered(x.stray, status != http.StatusOK)
	}
	x.status = status
	x.header = x.h.now().Sub(x.start)
	if status < 500 {
		x.h.site.brakes.up()
	}
	if x.plan.Learned {
		x.h.site.brakes.answered(x.voter(), status >= 500, x.h.now())
	}
}

// bodyHere notes that a part of the backend's body is here.
func (x *exchange) bodyHere() {
	if x.firstByte == 0 {
		x.firstByte = x.h.now().Sub(x.start)
	}
}

// left reports whether the visitor has left. Many do right after the last byte,
// before the inner handlers return; but some handlers stop without an error when
// it happens earlier.
func (x *exchange) left() bool { return x.r.Context().Err() != nil }

// health applies the brakes if a handler's error says that the backend could not be
// reached. The next good answer releases them.
func (x *exchange) health(err error) {
	if err == nil || x.left() {
		return
	}
	switch statusOf(err) {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		x.lost()
	}
}

// lost notes that the backend could not be reached, or broke off.
func (x *exchange) lost() { x.h.site.brakes.lost(x.voter(), x.h.now()) }

// voter is whose request it is, for the brakes.
func (x *exchange) voter() voter {
	return voter{network: x.visit.Voter.Network, public: x.rules.Public}
}

// statusOf returns the status that Caddy would answer an error with.
func statusOf(err error) int {
	var handlerErr caddyhttp.HandlerError
	if errors.As(err, &handlerErr) && handlerErr.StatusCode != 0 {
		return handlerErr.StatusCode
	}
	return http.StatusInternalServerError
}
