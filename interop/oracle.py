"""What Synapse's own functions say, for the differential tests of packages/crypto and packages/rooms.

Reads one JSON request a line from stdin and writes one JSON answer a line to stdout:

    {"op": "redact", "cases": [{"version": "11", "event": {...}}, ...]}
    {"answers": [{"value": {...}}, {"error": "SynapseError", "message": "..."}, ...]}

A case that the reference refuses is an answer with the name of the exception; the process goes on. Room version, event
and set arguments are explained at each operation below. Only functions of PyPI packages decide anything here, with one
exception that says so: the auth chain difference, which Synapse computes in SQL.
"""

import hashlib
import json
import logging
import sys
from typing import Any, Callable, Coroutine, Iterable

from canonicaljson import encode_canonical_json
from signedjson.key import decode_signing_key_base64
from signedjson.sign import sign_json
from synapse.api.errors import AuthError
from synapse.api.room_versions import (
    KNOWN_ROOM_VERSIONS,
    RoomVersion,
    StateResolutionVersions,
)
from synapse.crypto.event_signing import (
    add_hashes_and_signatures,
    compute_content_hash,
    compute_event_reference_hash,
)
from synapse.event_auth import (
    auth_types_for_event,
    check_state_dependent_auth_rules,
    check_state_independent_auth_rules,
)
from synapse.events import EventBase, make_event_from_dict
from synapse.events.utils import validate_canonicaljson
from synapse.state import v1, v2
from synapse.storage.databases.main.event_federation import StateDifference
from synapse.synapse_rust.events import redact_event_dict
from unpaddedbase64 import encode_base64

Case = dict[str, Any]


def canonical_json(case: Case) -> str:
    """{text, numbers}: the canonical JSON of a JSON text. With numbers "strict" it is refused where an event with that
    value would be from room version 6 on, with "legacy" before."""
    value = json.loads(case["text"])
    if case["numbers"] == "strict":
        validate_canonicaljson(value)
    return encode_canonical_json(value).decode("utf-8")


def content_hash(case: Case) -> str:
    """{event}: the content hash in unpadded base64."""
    return encode_base64(compute_content_hash(case["event"], hashlib.sha256)[1])


def reference_hash(case: Case) -> str:
    """{version, event}: the reference hash in unpadded base64."""
    return encode_base64(compute_event_reference_hash(event_of(case))[1])


def event_id(case: Case) -> str:
    """{version, event}"""
    return event_of(case).event_id


def room_id(case: Case) -> str:
    """{version, event}"""
    return event_of(case).room_id


def redact(case: Case) -> Any:
    """{version, event}: the redacted event."""
    return redact_event_dict(version_of(case), case["event"])


def sign_object(case: Case) -> Any:
    """{object, server, key_version, seed}: the object with its signature; the seed in unpadded base64."""
    return sign_json(case["object"], case["server"], signing_key(case))


def sign_event(case: Case) -> Any:
    """{version, event, server, key_version, seed}: the event with its content hash and signature."""
    event = dict(case["event"])
    add_hashes_and_signatures(version_of(case), event, case["server"], signing_key(case))
    return event


def auth_types(case: Case) -> list[list[str]]:
    """{version, event}: the (type, state key) pairs that may be among the event's auth events, sorted."""
    return sorted(list(pair) for pair in auth_types_for_event(version_of(case), event_of(case)))


def authorize(case: Case) -> list[Any]:
    """{version, events, checks: [{event, state}]}: verdicts; `event` and `state` are indexes into `events`.

    A verdict is true, or [exception, message]. Only an AuthError is a considered refusal of Synapse's; other exceptions
    are malformed events that its auth code trips over, which refuse the event as well.
    """
    events = [make_event(version_of(case), event) for event in case["events"]]
    return [
        verdict_of(
            lambda: check_state_dependent_auth_rules(
                events[check["event"]], [events[index] for index in check["state"]]
            )
        )
        for check in case["checks"]
    ]


def authorize_alone(case: Case) -> Any:
    """{version, event, events, rejected: [event id]}: the rules that need no room state, such as those on auth_events,
    which are looked up among `events`, and those of m.room.create. The verdict is as in `authorize`."""
    version = version_of(case)
    store = EventSource(make_event(version, event, case["rejected"]) for event in case["events"])
    return verdict_of(lambda: run(check_state_independent_auth_rules(store, event_of(case))))


def resolve(case: Case) -> list[list[list[str]]]:
    """{version, events, resolutions: [[[event id]]]}: for each resolution, which is given as the states to resolve, the
    resolved state as sorted [type, state key, event id]."""
    version = version_of(case)
    source = EventSource(make_event(version, event) for event in case["events"])
    return [resolve_states(version, source, states) for states in case["resolutions"]]


def resolve_states(version: RoomVersion, source: "EventSource", states: list[list[str]]) -> list[list[str]]:
    sets = [{source.key_of(identifier): identifier for identifier in state} for state in states]
    room = next(iter(source.events.values())).room_id
    if version.state_res == StateResolutionVersions.V1:
        resolved = run(v1.resolve_events_with_store(room, version, sets, None, source.get_events))
    else:
        resolved = run(v2.resolve_events_with_store(Clock(), room, version, sets, None, source))
    return sorted([kind, key, identifier] for (kind, key), identifier in resolved.items())


def versions(_case: Case) -> list[str]:
    """The room versions that the reference knows."""
    return sorted(KNOWN_ROOM_VERSIONS)


class EventSource:
    """The store that Synapse's algorithms ask, over the events of one case.

    Synapse computes the difference of the states' auth chains in SQL, which cannot be had here, so it is computed as it
    is there, and as Synapse does it for events that it has not stored yet: an event of a state counts as part of that
    state's auth chain. (By the specification an event is not in its own auth chain.)
    """

    def __init__(self, events: Iterable[EventBase]) -> None:
        self.events = {event.event_id: event for event in events}

    def key_of(self, event_id: str) -> tuple[str, str]:
        event = self.events[event_id]
        return event.type, event.state_key

    async def get_events(self, event_ids: Iterable[str], *_: Any, **__: Any) -> dict[str, EventBase]:
        return {identifier: self.events[identifier] for identifier in event_ids if identifier in self.events}

    async def get_auth_chain_difference(
        self,
        _room_id: str,
        state_sets: list[set[str]],
        conflicted_state: set[str] | None,
        _backwards_reachable: set[str] | None,
    ) -> StateDifference:
        chains = [closure(state_set, self._auth_events_of) for state_set in state_sets]
        difference = set().union(*chains).difference(set(chains[0]).intersection(*chains[1:]))
        if conflicted_state is None:
            return StateDifference(auth_difference=difference, conflicted_subgraph=None)
        # Every event on a path between two conflicted events: an ancestor of one and a descendant of another.
        ancestors = closure(conflicted_state, self._auth_events_of)
        children: dict[str, list[str]] = {}
        for identifier in ancestors:
            for parent in self._auth_events_of(identifier):
                children.setdefault(parent, []).append(identifier)
        subgraph = closure(conflicted_state, lambda identifier: children.get(identifier, []))
        return StateDifference(auth_difference=difference, conflicted_subgraph=subgraph)

    def _auth_events_of(self, event_id: str) -> Iterable[str]:
        return self.events[event_id].auth_event_ids()


class Clock:
    async def sleep(self, _duration: Any) -> None:
        """State resolution sleeps to let others run; there are none."""


def closure(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(start)
    waiting = list(found)
    while waiting:
        for identifier in following(waiting.pop()):
            if identifier not in found:
                found.add(identifier)
                waiting.append(identifier)
    return found


def version_of(case: Case) -> RoomVersion:
    return KNOWN_ROOM_VERSIONS[case["version"]]


def event_of(case: Case) -> EventBase:
    return make_event(version_of(case), case["event"])


def make_event(version: RoomVersion, event: Case, rejected: Iterable[str] = ()) -> EventBase:
    made = make_event_from_dict(event, version)
    return make_event_from_dict(event, version, None, "rejected") if made.event_id in rejected else made


def signing_key(case: Case) -> Any:
    return decode_signing_key_base64("ed25519", case["key_version"], case["seed"])


def verdict_of(check: Callable[[], None]) -> Any:
    try:
        check()
        return True
    except AuthError as error:
        return ["AuthError", error.msg]
    except Exception as error:
        return [type(error).__name__, str(error)]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Drives a coroutine that never waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return finished.value
    raise RuntimeError("the reference waited for something")


OPERATIONS: dict[str, Callable[[Case], Any]] = {
    operation.__name__: operation
    for operation in (
        canonical_json,
        content_hash,
        reference_hash,
        event_id,
        room_id,
        redact,
        sign_object,
        sign_event,
        auth_types,
        authorize,
        authorize_alone,
        resolve,
        versions,
    )
}


def answer(operation: Callable[[Case], Any], case: Case) -> Case:
    try:
        return {"value": operation(case)}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


def main() -> None:
    logging.disable(logging.CRITICAL)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        operation = OPERATIONS[request["op"]]
        answers = [answer(operation, case) for case in request["cases"]]
        sys.stdout.write(json.dumps({"answers": answers}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
