"""Plays the main job with matrix-nio, unmodified, against any server.

    python interop/nio_main_job.py http://127.0.0.1:8008 @alice:localhost secret @bob:localhost secret

Two people who have accounts log in, open a room, invite, join, talk while the other one waits in /sync, page back, react,
type, read and redact. Prints a line for each step that went as it should; the first that does not ends the program with status 1.
"""

import asyncio
import sys
from typing import Any, TypeVar

from nio import (
    AsyncClient,
    InviteMemberEvent,
    JoinedMembersResponse,
    JoinResponse,
    LoginResponse,
    LogoutResponse,
    MessageDirection,
    ReactionEvent,
    ReceiptEvent,
    RedactedEvent,
    RedactionEvent,
    RoomCreateResponse,
    RoomGetEventResponse,
    RoomLeaveResponse,
    RoomMemberEvent,
    RoomMessagesResponse,
    RoomMessageText,
    RoomReadMarkersResponse,
    RoomRedactResponse,
    RoomSendResponse,
    RoomTypingResponse,
    SyncResponse,
    TypingNoticeEvent,
    UpdateReceiptMarkerResponse,
)
from nio.api import RelationshipType

LINES = 45
PAGE = 10
WAIT_MS = 30_000

R = TypeVar("R")


class Failure(Exception):
    pass


def expect(response: Any, kind: type[R]) -> R:
    if not isinstance(response, kind):
        raise Failure(f"expected {kind.__name__}, got {response}")
    return response


def check(condition: bool, what: str) -> None:
    if not condition:
        raise Failure(what)


def step(text: str) -> None:
    print(text, flush=True)


async def log_in(base: str, user_id: str, password: str) -> AsyncClient:
    client = AsyncClient(base, user_id)
    response = expect(await client.login(password, device_name="nio"), LoginResponse)
    check(response.user_id == user_id, f"logged in as {response.user_id}")
    return client


async def sync(client: AsyncClient, timeout_ms: int = 0) -> SyncResponse:
    return expect(await client.sync(timeout=timeout_ms), SyncResponse)


async def send(client: AsyncClient, room_id: str, body: str) -> str:
    content = {"msgtype": "m.text", "body": body}
    return expect(await client.room_send(room_id, "m.room.message", content), RoomSendResponse).event_id


async def until(client: AsyncClient, room_id: str, kind: type[R], event_id: str) -> R:
    """Waits in /sync until an event has come, which must be of the given kind."""
    for _ in range(LINES):
        response = await sync(client, WAIT_MS)
        for event in response.rooms.join[room_id].timeline.events if room_id in response.rooms.join else []:
            if event.event_id == event_id:
                return expect(event, kind)
    raise Failure(f"{event_id} never came")


async def until_ephemeral(client: AsyncClient, room_id: str, kind: type[R]) -> R:
    """Waits in /sync until a room has something of this kind that is no event of its timeline."""
    for _ in range(LINES):
        response = await sync(client, WAIT_MS)
        for event in response.rooms.join[room_id].ephemeral if room_id in response.rooms.join else []:
            if isinstance(event, kind):
                return event
    raise Failure(f"no {kind.__name__} came")


async def react_type_and_read(alice: AsyncClient, bob: AsyncClient, room_id: str, event_id: str) -> None:
    content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "🔥"}}
    reaction = expect(await bob.room_send(room_id, "m.reaction", content), RoomSendResponse).event_id
    seen = await until(alice, room_id, ReactionEvent, reaction)
    check(seen.reacts_to == event_id and seen.key == "🔥", "the reaction says something else")
    related = alice.room_get_event_relations(room_id, event_id, RelationshipType.annotation, "m.reaction")
    check([event.event_id async for event in related] == [reaction], "the relations are not the reaction alone")
    step("reacted, and listed what relates to a message")

    await sync(alice)
    expect(await bob.room_typing(room_id, True, WAIT_MS), RoomTypingResponse)
    check((await until_ephemeral(alice, room_id, TypingNoticeEvent)).users == [bob.user_id], "somebody else types")
    expect(await bob.room_typing(room_id, False), RoomTypingResponse)
    check((await until_ephemeral(alice, room_id, TypingNoticeEvent)).users == [], "somebody still types")
    step("typed")

    expect(await bob.update_receipt_marker(room_id, event_id), UpdateReceiptMarkerResponse)
    receipts = (await until_ephemeral(alice, room_id, ReceiptEvent)).receipts
    check([(one.event_id, one.user_id) for one in receipts] == [(event_id, bob.user_id)], "the receipt says something else")
    expect(await bob.room_read_markers(room_id, event_id, event_id), RoomReadMarkersResponse)
    step("told how far they had read")


async def bodies_backwards(client: AsyncClient, room_id: str, start: str) -> list[str]:
    """Pages back to the beginning of the room."""
    bodies: list[str] = []
    token: str | None = start
    while token is not None:
        page = expect(
            await client.room_messages(room_id, token, direction=MessageDirection.back, limit=PAGE),
            RoomMessagesResponse,
        )
        check(len(page.chunk) <= PAGE, f"a page of {PAGE} had {len(page.chunk)} events")
        bodies.extend(event.body for event in page.chunk if isinstance(event, RoomMessageText))
        token = page.end if page.chunk else None
    return bodies


async def main_job(alice: AsyncClient, bob: AsyncClient) -> None:
    created = await alice.room_create(name="Hearth", topic="warmth", invite=[bob.user_id])
    room_id = expect(created, RoomCreateResponse).room_id
    await sync(alice)
    check(alice.rooms[room_id].name == "Hearth", "the room has lost its name")
    check(alice.rooms[room_id].topic == "warmth", "the room has lost its topic")
    step("created a room and invited")

    invites = (await sync(bob)).rooms.invite
    check(room_id in invites, "the invite did not come")
    check(
        any(isinstance(event, InviteMemberEvent) and event.sender == alice.user_id for event in invites[room_id].invite_state),
        "the invite does not say who invited",
    )
    expect(await bob.join(room_id), JoinResponse)
    await sync(bob)
    check(set(bob.rooms[room_id].users) == {alice.user_id, bob.user_id}, "the joined room lacks members")
    members = expect(await alice.joined_members(room_id), JoinedMembersResponse).members
    check({member.user_id for member in members} == {alice.user_id, bob.user_id}, "joined_members lacks members")
    step("joined")

    waiting = asyncio.create_task(sync(bob, WAIT_MS))
    await asyncio.sleep(0.3)
    check(not waiting.done(), "a sync returned although nothing had happened")
    said = await send(alice, room_id, "Is anybody home?")
    events = (await waiting).rooms.join[room_id].timeline.events
    check([event.event_id for event in events] == [said], "the waiting sync did not return the message alone")
    check(expect(events[0], RoomMessageText).body == "Is anybody home?", "the message has another body")
    step("sent a message into a waiting sync")

    lines = [f"line {number}" for number in range(LINES)]
    sent = [await send(bob, room_id, line) for line in lines]
    await until(alice, room_id, RoomMessageText, sent[-1])
    check(alice.next_batch is not None, "a sync without a token")
    paged = await bodies_backwards(alice, room_id, alice.next_batch)
    check(paged == ["Is anybody home?", *lines][::-1], f"paging back gave {len(paged)} of {LINES + 1} messages or another order")
    step("paged back to the beginning")

    await react_type_and_read(alice, bob, room_id, sent[-1])

    await sync(bob)
    redaction = expect(await alice.room_redact(room_id, sent[7], reason="too loud"), RoomRedactResponse).event_id
    seen = await until(bob, room_id, RedactionEvent, redaction)
    check(seen.redacts == sent[7] and seen.reason == "too loud", "the redaction says something else")
    left = expect(await bob.room_get_event(room_id, sent[7]), RoomGetEventResponse).event
    check(isinstance(left, RedactedEvent) and left.redacter == alice.user_id, "the event has not been redacted")
    step("redacted")

    expect(await bob.room_leave(room_id), RoomLeaveResponse)
    timeline = (await sync(alice, WAIT_MS)).rooms.join[room_id].timeline.events
    while not any(isinstance(event, RoomMemberEvent) and event.membership == "leave" for event in timeline):
        timeline = (await sync(alice, WAIT_MS)).rooms.join[room_id].timeline.events
    check(room_id not in (await sync(bob)).rooms.join, "a room that was left is still joined")
    step("left")


async def run(base: str, alice_id: str, alice_password: str, bob_id: str, bob_password: str) -> None:
    alice = await log_in(base, alice_id, alice_password)
    bob = await log_in(base, bob_id, bob_password)
    try:
        step("logged in")
        await main_job(alice, bob)
        for client in (alice, bob):
            expect(await client.logout(), LogoutResponse)
        step("logged out")
    finally:
        await alice.close()
        await bob.close()


if __name__ == "__main__":
    try:
        asyncio.run(asyncio.wait_for(run(*sys.argv[1:]), timeout=120))
    except Failure as failure:
        print(f"failed: {failure}", file=sys.stderr)
        sys.exit(1)
