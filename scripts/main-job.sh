#!/bin/sh
# Plays the main job with curl: accounts through both generations of flows, a room, an invitation, messages, state, and two
# people who wait for a message, one with /sync and one with the founding API's event stream.
# When: to see the server work. It needs curl, and after `npm ci` nothing else (the pinned Node reads the JSON).
# Example: scripts/main-job.sh                          with a server of its own, in a temporary directory
#          scripts/main-job.sh http://127.0.0.1:8008    with a running server whose registration.mode is open
set -eu

root=$(cd "$(dirname "$0")/.." && pwd -P)
PATH=$root/node_modules/.bin:$PATH
work=$(mktemp -d)
suffix=$$
password='correct horse battery staple'
server=

cleanup() {
  if [ -n "$server" ]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

. "$root/scripts/curl-steps.sh"

# --- the server ----------------------------------------------------------------------------------------------------------

# start_server MODE: starts a server in the work directory and waits until it is ready.
start_server() {
  : >"$work/server.log"
  HEARTH_DATA_DIR=$work/data HEARTH_LISTEN=$base HEARTH_REGISTRATION_MODE=$1 HEARTH_RATE_LIMITS_ENABLED=false \
    "$root/scripts/hearth" start >"$work/server.log" 2>&1 &
  server=$!
  tries=0
  until curl --silent --fail --output /dev/null "$base/health"; do
    kill -0 "$server" 2>/dev/null || fail 'the server has ended'
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail 'the server was not ready after 30 seconds'
    sleep 0.1
  done
}

stop_server() {
  kill "$server"
  wait "$server" || fail "the server ended with status $?"
  server=
}

# --- the main job --------------------------------------------------------------------------------------------------------

if [ $# -gt 0 ]; then
  base=${1%/}
else
  base=http://127.0.0.1:$(node -e 'const s = require("net").createServer().listen(0, () => { console.log(s.address().port); s.close() })')
  step 'a server starts in an empty directory and prints a registration token'
  start_server token
  # It is printed once requests are served, perhaps a moment later.
  for _ in $(seq 100); do
    first=$(sed -n 's/.*registration_token: \([A-Za-z0-9._~-]*\).*/\1/p' "$work/server.log" | head -n 1)
    [ -z "$first" ] || break
    sleep 0.1
  done
  [ -n "$first" ] || fail 'no registration token was printed'

  step 'the first account, an administrator, is registered with it'
  register_v3 "admin$suffix" "$first"
  admin=$user

  step 'the server stops and starts again, now open to everybody; the token has been used up'
  stop_server
  start_server open
  if grep -q "$first" "$work/server.log"; then fail 'the used token was printed again'; fi
  call POST /_matrix/client/v3/login '' \
    "{\"type\":\"m.login.password\",\"identifier\":{\"type\":\"m.id.user\",\"user\":\"$admin\"},\"password\":\"$password\"}"
  expect 200
  call GET /_matrix/client/v3/account/whoami "$(get a.access_token)"
  expect 200
  check "a.user_id === '$admin'" 'the administrator is still there'
fi

call GET /_matrix/client/versions ''
expect 200

step 'Alice and Bob register through the flows of today'
register_v3 "alice$suffix"
alice=$user alice_token=$token
register_v3 "bob$suffix"
bob=$user bob_token=$token

step 'Carol registers through the flows of the founding API, and logs in with it'
v1=/_matrix/client/api/v1
call GET $v1/register ''
expect 200
check "a.flows.some(f => f.type === 'm.login.password')" 'a flow with a password alone'
call POST $v1/register '' "{\"type\":\"m.login.password\",\"user\":\"carol$suffix\",\"password\":\"$password\"}"
expect 200
carol=$(get a.user_id)
call POST $v1/login '' "{\"type\":\"m.login.password\",\"user\":\"carol$suffix\",\"password\":\"$password\"}"
expect 200
check "a.user_id === '$carol'" 'the login gives the full user id'
carol_token=$(get a.access_token)

step 'Alice opens a room and invites Bob'
call POST /_matrix/client/v3/createRoom "$alice_token" \
  "{\"preset\":\"private_chat\",\"name\":\"The hearth\",\"topic\":\"Firewood\",\"invite\":[\"$bob\"]}"
expect 200
room=$(get a.room_id)

step 'Bob finds the invitation in /sync and joins'
call GET /_matrix/client/v3/sync "$bob_token"
expect 200
check 'a.rooms.invite[room].invite_state.events.some(e => e.type === "m.room.name" && e.content.name === "The hearth")' \
  'the invitation tells the name of the room'
call POST "/_matrix/client/v3/rooms/$room/join" "$bob_token"
expect 200

step 'Alice invites Carol, who finds the invitation in initialSync and joins, all through the founding API'
call POST "$v1/rooms/$room/invite?access_token=$alice_token" '' "{\"user_id\":\"$carol\"}"
expect 200
call GET "$v1/initialSync?access_token=$carol_token" ''
expect 200
check 'a.rooms.some(r => r.room_id === room && r.membership === "invite")' 'the invitation is in initialSync'
call POST "$v1/rooms/$room/join?access_token=$carol_token" ''
expect 200

step 'Alice says something; the same request again gives the same event'
say=/_matrix/client/v3/rooms/$room/send/m.room.message
call PUT "$say/first" "$alice_token" '{"msgtype":"m.text","body":"Good evening"}'
expect 200
event=$(get a.event_id)
call PUT "$say/first" "$alice_token" '{"msgtype":"m.text","body":"Good evening"}'
expect 200
check 'a.event_id === event' 'a repeated request gives the first event'
call GET "/_matrix/client/v3/rooms/$room/messages?dir=b&limit=10" "$bob_token"
expect 200
check 'a.chunk.filter(e => e.event_id === event).length === 1' 'the message is there once'

step 'Alice changes the topic, which Bob can read and may not change'
topic=/_matrix/client/v3/rooms/$room/state/m.room.topic/
call PUT "$topic" "$alice_token" '{"topic":"Chestnuts"}'
expect 200
call GET "$topic" "$bob_token"
expect 200
check 'a.topic === "Chestnuts"' 'the topic is the new one'
call PUT "$topic" "$bob_token" '{"topic":"Marshmallows"}'
expect 403
check 'a.errcode === "M_FORBIDDEN"' 'Bob may not change the topic'
call GET "$v1/rooms/$room/state/m.room.topic?access_token=$carol_token" ''
expect 200
check 'a.topic === "Chestnuts"' 'the founding API gives the same topic'

step 'Carol reads everything with initialSync'
call GET "$v1/initialSync?limit=20&access_token=$carol_token" ''
expect 200
check 'a.rooms.find(r => r.room_id === room).messages.chunk.some(e => e.event_id === event)' 'the message is in initialSync'
check 'a.rooms.find(r => r.room_id === room).state.some(e => e.type === "m.room.topic" && e.content.topic === "Chestnuts")' \
  'the state is in initialSync'
from=$(get a.end)

step 'Bob waits with /sync and Carol with the event stream; both get what Alice says'
# That Carol has come is news to both, so she comes before they wait; of Bob's coming nobody is told.
call GET "$v1/events?from=$from&timeout=0&access_token=$carol_token" ''
expect 200
from=$(get a.end)
call GET '/_matrix/client/v3/sync?set_presence=offline' "$bob_token"
expect 200
check 'a.rooms.join[room].timeline.events.some(e => e.event_id === event)' 'the message is in /sync'
since=$(get a.next_batch)
curl --silent --fail --max-time 40 --header "Authorization: Bearer $bob_token" --output "$work/sync" \
  "$base/_matrix/client/v3/sync?since=$since&timeout=30000&set_presence=offline" &
sync=$!
curl --silent --fail --max-time 40 --output "$work/events" \
  "$base$v1/events?from=$from&timeout=30000&access_token=$carol_token" &
events=$!
sleep 1
kill -0 "$sync" 2>/dev/null || fail "/sync did not wait: $(cat "$work/sync")"
kill -0 "$events" 2>/dev/null || fail "events did not wait: $(cat "$work/events")"
call PUT "$say/second" "$alice_token" '{"msgtype":"m.text","body":"The chestnuts are done"}'
expect 200
event=$(get a.event_id)
wait "$sync" || fail 'the waiting /sync failed'
wait "$events" || fail 'the waiting event stream failed'
called='the waiting /sync' answer=$(cat "$work/sync")
check 'a.rooms.join[room].timeline.events.some(e => e.event_id === event)' 'the new message is in /sync'
called='the waiting event stream' answer=$(cat "$work/events")
check 'a.chunk.some(e => e.event_id === event && e.content.body === "The chestnuts are done")' 'the new message is in the stream'

step 'Bob logs out, and his token with him'
call POST /_matrix/client/v3/logout "$bob_token"
expect 200
call GET /_matrix/client/v3/account/whoami "$bob_token"
expect 401
check 'a.errcode === "M_UNKNOWN_TOKEN"' 'the token is unknown'

if [ -n "$server" ]; then
  step 'the server stops'
  stop_server
fi
echo 'The main job is done: everything came out as it should.'
