# What the scripts that play a scenario with curl have in common; sourced by main-job.sh and community.sh. They set $work, a
# directory of their own, $base, the URL that is asked, and perhaps $ca, an authority to trust.
# shellcheck shell=sh disable=SC2034,SC2154

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  for log in "$work"/*.log; do
    [ -s "$log" ] || continue
    printf 'The last lines of %s:\n' "${log##*/}" >&2
    tail -n 20 "$log" >&2
  done
  exit 1
}

step() {
  printf '%s\n' "- $*"
}

# --- HTTP and JSON -------------------------------------------------------------------------------------------------------

# call METHOD PATH TOKEN [BODY]: sends a request; sets $status and $answer. An empty TOKEN sends none.
call() {
  set -- "$1" "$2" "$3" "${4-}"
  status=$(
    if [ "$1" = GET ]; then unset body; else body=${4:-'{}'}; fi
    curl --silent --show-error --max-time 60 ${ca:+--cacert "$ca"} --request "$1" --output "$work/answer" --write-out '%{http_code}' \
      ${3:+--header "Authorization: Bearer $3"} \
      ${body:+--header 'Content-Type: application/json' --data-binary "$body"} \
      "$base$2"
  ) || fail "$1 $2: curl could not reach the server"
  answer=$(cat "$work/answer")
  called="$1 $2"
}

# expect STATUS: fails unless the last answer has this status.
expect() {
  [ "$status" = "$1" ] || fail "$called answered $status instead of $1: $answer"
}

# get EXPRESSION: prints what a JavaScript expression over the last answer, `a`, gives; nothing for undefined.
get() {
  ANSWER=$answer EVENT=${event-} ROOM=${room-} node -e '
    const a = JSON.parse(process.env.ANSWER)
    const { EVENT: event, ROOM: room } = process.env
    const value = eval(process.argv[1])
    if (value !== undefined) console.log(typeof value === "string" ? value : JSON.stringify(value))
  ' "$1" || fail "$called answered something else than expected: $answer"
}

# check EXPRESSION WHAT: fails unless the expression over the last answer is true.
check() {
  [ "$(get "Boolean($1)")" = true ] || fail "$2: $called answered $answer"
}

# register_v3 NAME [REGISTRATION_TOKEN]: registers through the flows of /v3/register; sets $token and $user.
register_v3() {
  call POST /_matrix/client/v3/register ''
  expect 401
  session=$(get a.session)
  [ -n "$session" ] || fail "there is no session: $answer"
  known='"m.login.dummy"'${2:+',"m.login.registration_token"'}
  stages=$(get "a.flows.map(f => f.stages).find(s => s.every(t => [$known].includes(t)))?.join(' ')")
  [ -n "$stages" ] || fail "no flow that this script can play: $answer"
  for stage in $stages; do
    auth="{\"type\":\"$stage\",\"session\":\"$session\"${2:+",\"token\":\"$2\""}}"
    call POST /_matrix/client/v3/register '' \
      "{\"username\":\"$1\",\"password\":\"$password\",\"initial_device_display_name\":\"a script\",\"auth\":$auth}"
  done
  expect 200
  token=$(get a.access_token)
  user=$(get a.user_id)
  [ -n "$token" ] || fail "there is no access token: $answer"
}
