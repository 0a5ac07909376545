#!/bin/bash
# Plays a community's deployment as docs/install.md sets it up: nginx with the shipped files, PostgreSQL, Redis and three
# processes of one server, the doctor, two people who register through nginx, a second deployment that federates with the
# first, with --synapse also a Synapse that does, a process that is killed, and a backup. Everything on ports of this machine,
# in a temporary directory.
# When: to see the whole work; .ci/run runs it. It needs curl, openssl, nginx and redis-server, and `npm ci` before. Synapse is
# installed from PyPI when it is first used, which takes Python and a minute.
# Example: scripts/community.sh --synapse
set -euo pipefail

case $* in
  '') with_synapse=false ;;
  --synapse) with_synapse=true ;;
  *)
    echo "usage: $0 [--synapse]" >&2
    exit 2
    ;;
esac

root=$(cd "$(dirname "$0")/.." && pwd -P)
PATH=$root/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin
work=$(mktemp -d)
password='correct horse battery staple'
base=
ca=$work/ca.pem
pids=()

cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

. "$root/scripts/curl-steps.sh"

for program in curl openssl nginx redis-server; do
  command -v "$program" >/dev/null || fail "this needs $program: apt-get install curl openssl nginx redis-server"
done

# free_ports COUNT: so many ports that nobody listens on just now.
free_ports() {
  node -e '
    const servers = Array.from({ length: Number(process.argv[1]) }, () => require("net").createServer().listen(0, "127.0.0.1"))
    setTimeout(() => servers.forEach((s) => { console.log(s.address().port); s.close() }), 100)
  ' "$1"
}

# until_it COMMAND...: waits until a command succeeds, for three minutes: a busy machine is no failure.
until_it() {
  local limit=$((SECONDS + 180))
  while [ "$SECONDS" -lt "$limit" ]; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  fail "this did not come true within three minutes: $*"
}

# until_it_or_end PID COMMAND...: the same for what may be installed first: as long as a process lives.
until_it_or_end() {
  local pid=$1
  shift
  until "$@"; do
    kill -0 "$pid" 2>/dev/null || fail "it ended before this came true: $*"
    sleep 0.1
  done
}

# hearth_process NAME [SETTING=VALUE...]: starts a process of Hearth with the environment and some settings of its own.
hearth_process() {
  local name=$1
  shift
  env "$@" "$root/scripts/hearth" start >"$work/$name.log" 2>&1 &
  pids+=($!)
}

# --- what stands around Hearth -------------------------------------------------------------------------------------------

{ read -r https; read -r federation; read -r http; read -r redis; read -r other; read -r one; read -r two; read -r three
  read -r synapse; } < <(free_ports 9)

step 'an authority of its own, and a certificate'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 60 -subj '/CN=Community' \
  -keyout "$work/ca.key" -out "$ca" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=127.0.0.1' \
  -keyout "$work/key.pem" -out "$work/request.pem" 2>/dev/null
echo 'subjectAltName=IP:127.0.0.1,DNS:localhost' >"$work/names"
openssl x509 -req -in "$work/request.pem" -CA "$ca" -CAkey "$work/ca.key" -days 60 -extfile "$work/names" \
  -out "$work/certificate.pem" 2>/dev/null

step 'PostgreSQL and Redis'
node --conditions=source "$root/scripts/start-postgres.ts" --directory "$work/postgres" >"$work/database-url" \
  2>"$work/postgres.log" &
pids+=($!)
redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly no --maxmemory-policy noeviction >"$work/redis.log" &
pids+=($!)
until_it test -s "$work/database-url"

step 'nginx, with the files of deploy/nginx'
set -a
# shellcheck source=deploy/nginx/nginx.env
. "$root/deploy/nginx/nginx.env"
MATRIX_HOSTS='127.0.0.1 localhost'
MATRIX_UPSTREAM_SERVERS="server 127.0.0.1:$one; server 127.0.0.1:$two; server 127.0.0.1:$three;"
MATRIX_CERTIFICATE=$work/certificate.pem MATRIX_PRIVATE_KEY=$work/key.pem
MATRIX_IPV4=127.0.0.1 MATRIX_IPV6=[::1]
MATRIX_HTTP_PORT=$http MATRIX_HTTPS_PORT=$https MATRIX_FEDERATION_PORT=$federation
MATRIX_ACME_DIRECTORY=$work MATRIX_ACCESS_LOG=$work/access.log
set +a
node -e '
  const fs = require("fs")
  const text = fs.readFileSync(process.argv[1], "utf8")
  process.stdout.write(text.replace(/\$\{(MATRIX_[A-Z0-9_]*[A-Z0-9])\}/g, (_, name) => process.env[name]))
' "$root/deploy/nginx/hearth.conf.template" >"$work/hearth.conf"
{
  [ "$(id -u)" -ne 0 ] || echo 'user root;'
  echo "pid nginx.pid; events {} http {"
  for kind in client_body proxy fastcgi uwsgi scgi; do echo "${kind}_temp_path $kind;"; done
  echo 'include hearth.conf; }'
} >"$work/nginx.conf"
nginx -p "$work" -c nginx.conf -e stderr -g 'daemon off;' 2>"$work/nginx.log" &
pids+=($!)

# --- Hearth --------------------------------------------------------------------------------------------------------------

step 'three processes of one server'
export HEARTH_SERVER_NAME=127.0.0.1:$https HEARTH_PUBLIC_URL=https://127.0.0.1:$https
export HEARTH_DATABASE_URL_FILE=$work/database-url HEARTH_REDIS_URL=redis://127.0.0.1:$redis
export HEARTH_REGISTRATION_MODE=open HEARTH_FEDERATION_NOTARIES= HEARTH_LOG_LEVEL=warn
export HEARTH_NETWORK_CA_FILE=$ca HEARTH_NETWORK_ALLOW_PRIVATE_ADDRESSES=true
# One key and one place for media: they share the data directory.
export HEARTH_DATA_DIR=$work/data
hearth_process one HEARTH_LISTEN="http://127.0.0.1:$one"
hearth_process two HEARTH_LISTEN="http://127.0.0.1:$two"
hearth_process three HEARTH_LISTEN="http://127.0.0.1:$three"
killed=${pids[-1]}
for port in $one $two $three; do until_it curl --silent --fail "http://127.0.0.1:$port/health"; done
until_it curl --silent --fail --cacert "$ca" "https://127.0.0.1:$https/health"

step 'the doctor finds nothing wrong'
HEARTH_LISTEN=http://127.0.0.1:$one "$root/scripts/hearth" doctor >"$work/doctor.log" ||
  fail 'the doctor found something'

step 'a second deployment: one process with a PostgreSQL of its own'
env -u HEARTH_DATABASE_URL_FILE -u HEARTH_REDIS_URL -u HEARTH_PUBLIC_URL \
  HEARTH_SERVER_NAME="127.0.0.1:$other" HEARTH_LISTEN="https://127.0.0.1:$other" HEARTH_DATA_DIR="$work/other" \
  HEARTH_TLS_CERTIFICATE="$work/certificate.pem" HEARTH_TLS_PRIVATE_KEY="$work/key.pem" \
  "$root/scripts/hearth" start >"$work/other.log" 2>&1 &
pids+=($!)
if $with_synapse; then
  step 'a Synapse'
  node --conditions=source "$root/scripts/start-synapse.ts" --directory "$work/synapse" --server-name "127.0.0.1:$synapse" \
    --ca-file "$ca" --certificate "$work/certificate.pem" --private-key "$work/key.pem" >"$work/synapse.json" \
    2>"$work/synapse.log" &
  pids+=($!)
  until_it_or_end "$!" test -s "$work/synapse.json"
fi
until_it curl --silent --fail --cacert "$ca" "https://127.0.0.1:$other/health"

# --- people --------------------------------------------------------------------------------------------------------------

ours=https://127.0.0.1:$https theirs=https://127.0.0.1:$other
v3=/_matrix/client/v3

step 'Alice and Bob register through nginx, Carol at the second deployment'
base=$ours
register_v3 alice
alice=$token
register_v3 bob
bob=$token
base=$theirs
register_v3 carol
carol=$token

step 'Alice logs in once more, with her password, and opens a room that everybody may join'
base=$ours
call POST $v3/login '' \
  "{\"type\":\"m.login.password\",\"identifier\":{\"type\":\"m.id.user\",\"user\":\"alice\"},\"password\":\"$password\"}"
expect 200
call POST $v3/createRoom "$alice" '{"preset":"public_chat","room_alias_name":"hearth","name":"The hearth"}'
expect 200
room=$(get a.room_id)

if $with_synapse; then
  step 'Dave registers at Synapse'
  base=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).url' "$work/synapse.json")
  synapses=$base
  register_v3 dave
  dave=$token
fi

step 'Bob joins by the alias, and Carol from her server'
base=$ours
alias=%23hearth%3A127.0.0.1%3A$https
call POST "$v3/join/$alias" "$bob"
expect 200
base=$theirs
call POST "$v3/join/$alias" "$carol"
expect 200
check 'a.room_id === room' 'it is the same room'

# has_event TOKEN EVENT: whether a server has an event of the room.
has_event() {
  curl --silent --fail --max-time 20 --cacert "$ca" --header "Authorization: Bearer $1" "$base$v3/rooms/$room/event/$2"
}

if $with_synapse; then
  step 'Dave joins from Synapse'
  base=$synapses
  call POST "$v3/join/$alias" "$dave"
  expect 200
  check 'a.room_id === room' 'it is the same room'
fi

step 'Alice says something, which those elsewhere get'
base=$ours
call PUT "$v3/rooms/$room/send/m.room.message/1" "$alice" '{"msgtype":"m.text","body":"Good evening"}'
expect 200
event=$(get a.event_id)
base=$theirs
until_it has_event "$carol" "$event"
if $with_synapse; then
  base=$synapses
  until_it has_event "$dave" "$event"
fi

step 'Alice uploads a file of 5 MB, which the others download'
base=$ours
head -c 5000000 /dev/urandom >"$work/file"
curl --silent --show-error --fail --cacert "$ca" --header "Authorization: Bearer $alice" \
  --header 'Content-Type: application/octet-stream' --data-binary @"$work/file" --output "$work/answer" \
  "$ours/_matrix/media/v3/upload?filename=chestnuts.bin" || fail 'the upload failed'
answer=$(cat "$work/answer") called='the upload'
mxc=$(get 'a.content_uri.slice("mxc://".length)')
readers=("$ours $bob" "$theirs $carol")
if $with_synapse; then readers+=("$synapses $dave"); fi
for pair in "${readers[@]}"; do
  curl --silent --show-error --fail --max-time 60 --cacert "$ca" --header "Authorization: Bearer ${pair#* }" \
    --output "$work/downloaded" "${pair% *}/_matrix/client/v1/media/download/$mxc" || fail 'the download failed'
  cmp "$work/file" "$work/downloaded" || fail 'another file was downloaded'
done

# bob_is_told: Bob waits with /sync until he gets the event.
bob_is_told() {
  base=$ours
  for _ in $(seq 20); do
    call GET "$v3/sync?since=$since&timeout=20000&set_presence=offline" "$bob"
    expect 200
    since=$(get a.next_batch)
    told=$(get 'Boolean(a.rooms?.join?.[room]?.timeline.events.some(e => e.event_id === event))')
    if [ "$told" = true ]; then return 0; fi
  done
  fail "Bob was not told what $1 said"
}

step 'Bob waits with /sync behind nginx and gets what is said elsewhere'
base=$ours
call GET "$v3/sync?set_presence=offline" "$bob"
expect 200
since=$(get a.next_batch)
base=$theirs
call PUT "$v3/rooms/$room/send/m.room.message/2" "$carol" '{"msgtype":"m.text","body":"Good evening to you"}'
expect 200
event=$(get a.event_id)
bob_is_told Carol
if $with_synapse; then
  base=$synapses
  call PUT "$v3/rooms/$room/send/m.room.message/2" "$dave" '{"msgtype":"m.text","body":"Good evening to you all"}'
  expect 200
  event=$(get a.event_id)
  bob_is_told Dave
  base=$theirs
  until_it has_event "$carol" "$event"
fi

step 'one process is killed; Alice and those elsewhere go on'
base=$ours
kill -KILL "$killed"
for number in 3 4 5 6; do
  call PUT "$v3/rooms/$room/send/m.room.message/$number" "$alice" "{\"msgtype\":\"m.text\",\"body\":\"Message $number\"}"
  expect 200
  event=$(get a.event_id)
done
base=$theirs
until_it has_event "$carol" "$event"
if $with_synapse; then
  base=$synapses
  until_it has_event "$dave" "$event"
fi

step 'a backup, while the others run'
HEARTH_LISTEN=http://127.0.0.1:$one "$root/scripts/hearth" backup "$work/backup" >/dev/null ||
  fail 'no backup was made'
[ -s "$work/backup/database.json" ] && [ -s "$work/backup/signing.key" ] || fail 'the backup is not whole'

step 'everything stops'
echo 'The community has played: everything came out as it should.'
