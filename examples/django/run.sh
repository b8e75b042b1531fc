#!/usr/bin/env bash
# Starts the Django planet on gunicorn (WSGI) and uvicorn (ASGI), and Caddy with
# Headstart in front of both. Ctrl-C ends all of it. README.md has the details.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export WSGI_PORT=${WSGI_PORT:-8001}
export ASGI_PORT=${ASGI_PORT:-8002}
export PLAIN_WSGI_PORT=${PLAIN_WSGI_PORT:-8101}
export HEADSTART_WSGI_PORT=${HEADSTART_WSGI_PORT:-8102}
export PLAIN_ASGI_PORT=${PLAIN_ASGI_PORT:-8103}
export HEADSTART_ASGI_PORT=${HEADSTART_ASGI_PORT:-8104}
export HTTPS_PORT=${HTTPS_PORT:-8143}
export DELAY_MS=${DELAY_MS:-1200}

fail() {
	echo "run.sh: $*" >&2
	exit "${status:-1}"
}

# --- What is needed ----------------------------------------------------------

# Debian's packages belong to Debian's interpreter, which need not be the first
# python3 on the path.
find_python() {
	local candidate candidates=(/usr/bin/python3 python3)
	[[ -z ${PYTHON:-} ]] || candidates=("$PYTHON")
	for candidate in "${candidates[@]}"; do
		if "$candidate" -c 'import django, gunicorn, uvicorn' 2>/dev/null; then
			echo "$candidate"
			return
		fi
	done
	status=69 fail "no Python with django, gunicorn and uvicorn (tried: ${candidates[*]})
  on Debian: sudo apt-get install python3-django gunicorn uvicorn
  elsewhere: set PYTHON to an interpreter that has them"
}

port_is_busy() {
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

python=$(find_python)
[[ -n ${CADDY:-} ]] || command -v go >/dev/null ||
	fail "go is not on the path; install Go, or set CADDY to a Caddy that has Headstart built in"
for name in WSGI_PORT ASGI_PORT PLAIN_WSGI_PORT HEADSTART_WSGI_PORT \
	PLAIN_ASGI_PORT HEADSTART_ASGI_PORT HTTPS_PORT; do
	port_is_busy "${!name}" && fail "port ${!name} is busy; set $name to another one"
done

# --- Children, and their end -------------------------------------------------

work=$(mktemp -d)
children=()

cleanup() {
	trap '' INT TERM
	local pid tries
	for pid in "${children[@]}"; do
		kill -TERM "$pid" 2>/dev/null || true
	done
	for ((tries = 0; tries < 60; tries++)); do
		[[ -z $(jobs -pr) ]] && break
		sleep 0.1
	done
	for pid in $(jobs -pr); do
		kill -KILL "$pid" 2>/dev/null || true
	done
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# start NAME PORT COMMAND...: run it and wait until it listens.
start() {
	local name=$1 port=$2 pid
	shift 2
	"$@" &
	pid=$!
	children+=("$pid")
	until port_is_busy "$port"; do
		kill -0 "$pid" 2>/dev/null || fail "$name did not start; its output is above"
		sleep 0.1
	done
}

# --- Start -------------------------------------------------------------------

caddy=${CADDY:-}
if [[ -z $caddy ]]; then
	echo "Building Caddy with Headstart (the first time takes a minute or two) ..."
	caddy=$work/caddy-with-headstart
	(cd ../.. && go build -buildvcs=false -o "$caddy" ./internal/cmd/caddy)
fi

export DATABASE=$work/planet.sqlite3
SECRET_KEY=$("$python" -c 'import secrets; print(secrets.token_urlsafe(32))')
export SECRET_KEY PYTHONDONTWRITEBYTECODE=1
export XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work # Caddy's certificates
DELAY_MS=0 GATE_URL='' "$python" -m planet.seed

# Caddy keeps idle connections to a backend for two minutes. A backend that
# closes them earlier may do so just as the next request comes.
start gunicorn "$WSGI_PORT" "$python" -m gunicorn --bind "127.0.0.1:$WSGI_PORT" \
	--threads 8 --keep-alive 150 --graceful-timeout 3 --log-level warning planet.wsgi
start uvicorn "$ASGI_PORT" "$python" -m uvicorn --port "$ASGI_PORT" \
	--timeout-keep-alive 150 --log-level warning planet.asgi:application
start caddy "$HTTPS_PORT" "$caddy" run --config Caddyfile --adapter caddyfile

cat <<EOF

                    WSGI (gunicorn)          ASGI (uvicorn)
  Django itself     http://localhost:$WSGI_PORT    http://localhost:$ASGI_PORT
  plain Caddy       http://localhost:$PLAIN_WSGI_PORT    http://localhost:$PLAIN_ASGI_PORT
  with Headstart    http://localhost:$HEADSTART_WSGI_PORT    http://localhost:$HEADSTART_ASGI_PORT
  HTTP/2, HTTP/3    https://localhost:$HTTPS_PORT

Try (the database takes $DELAY_MS ms per page; Headstart learns from 3 visits):

  see='status %{http_code}, first byte after %{time_starttransfer} s, all after %{time_total} s\n'
  nav='Upgrade-Insecure-Requests: 1'
  curl -so /dev/null -w "\$see" -H "\$nav" -H 'Accept: text/html' http://localhost:$PLAIN_WSGI_PORT/
  for i in 1 2 3 4; do curl -so /dev/null -w "\$see" -H "\$nav" -H 'Accept: text/html' http://localhost:$HEADSTART_WSGI_PORT/; done
  curl -so /dev/null -w "\$see" http://localhost:$PLAIN_WSGI_PORT/streamed/

Ready. Ctrl-C ends it.
EOF

wait -n || true
fail "one of the servers ended; its output is above"
