import { Application } from './application.ts'
import { TestServer } from '@hearth/test-kit'
import {
  EventTimeline,
  EventType,
  HttpApiEvent,
  KnownMembership,
  MatrixError,
  MsgType,
  NotificationCountType,
  Preset,
  RelationType,
  RoomEvent,
  SetPresence,
  Visibility,
  type MatrixEvent,
  type Room,
} from 'matrix-js-sdk'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// One scenario: each step begins where the one before ended.
describe('two applications built on matrix-js-sdk', () => {
  let server: TestServer
  let alice: Application
  let bob: Application
  let roomId: string
  let rootId: string

  beforeAll(async () => {
    server = await TestServer.start()
    alice = await Application.start(server, await server.register('alice'))
    bob = await Application.start(server, await server.register('bob'))
  })
  afterAll(async () => {
    alice.stop()
    bob.stop()
    await server.stop()
  })

  const text = (body: string) => ({ msgtype: MsgType.Text, body }) as const
  const say = async (speaker: Application, body: string, threadId: string | null = null) =>
    (await speaker.client.sendMessage(roomId, threadId, text(body))).event_id
  const edit = async (editor: Application, eventId: string, body: string) =>
    editor.client.sendMessage(roomId, {
      ...text(`* ${body}`),
      'm.new_content': text(body),
      'm.relates_to': { rel_type: RelationType.Replace, event_id: eventId },
    })
  const react = async (reader: Application, eventId: string, key: string) =>
    reader.client.sendEvent(roomId, EventType.Reaction, {
      'm.relates_to': { rel_type: RelationType.Annotation, event_id: eventId, key },
    })
  const reactions = (room: Room, eventId: string) =>
    room.relations
      .getChildEventsForEvent(eventId, RelationType.Annotation, EventType.Reaction)
      ?.getSortedAnnotationsByKey()
      ?.filter(([, events]) => events.size > 0)
      .map(([key, events]) => [key, events.size])

  const bodiesOf = (events: readonly MatrixEvent[]) => events.map((event) => event.getContent()['body'] as string)

  it('start, and know what to notify their users of', () => {
    expect(alice.client.pushRules?.global.override?.length).toBeGreaterThan(0)
    expect(alice.client.isInitialSyncComplete()).toBe(true)
  })

  it('create a room and invite to it', async () => {
    const created = await alice.client.createRoom({
      preset: Preset.PrivateChat,
      name: 'Hearth and home',
      is_direct: true,
      invite: [bob.userId],
    })
    roomId = created.room_id
    const invitation = await bob.room(roomId)
    expect(invitation.getMyMembership()).toBe(KnownMembership.Invite)
    expect(invitation.getDMInviter()).toBe(alice.userId)
    expect(invitation.name).toBe('Hearth and home')
  })

  it('accept the invitation', async () => {
    await bob.client.joinRoom(roomId)
    const room = await bob.room(roomId)
    await bob.seen(() => room.getMyMembership() === (KnownMembership.Join as string))
    const hers = await alice.room(roomId)
    await alice.seen(() => hers.getMember(bob.userId)?.membership === (KnownMembership.Join as string))
    expect(hers.getJoinedMemberCount()).toBe(2)
  })

  it('send messages, and recognize their own', async () => {
    rootId = await say(alice, 'Who is there?')
    const received = await bob.event(roomId, rootId)
    expect(received.getContent()['body']).toBe('Who is there?')
    const own = await alice.event(roomId, rootId)
    await alice.seen(() => own.getUnsigned().transaction_id !== undefined)
    const room = await alice.room(roomId)
    const copies = room
      .getLiveTimeline()
      .getEvents()
      .filter((event) => event.getContent()['body'] === 'Who is there?')
    expect(copies).toHaveLength(1)
  })

  it('reply', async () => {
    const { event_id: replyId } = await bob.client.sendMessage(roomId, {
      ...text('Me'),
      'm.relates_to': { 'm.in_reply_to': { event_id: rootId } },
    })
    expect((await alice.event(roomId, replyId)).replyEventId).toBe(rootId)
  })

  it('edit', async () => {
    const editedId = await say(alice, 'Tea or cofee?')
    await edit(alice, editedId, 'Tea or coffee?')
    const received = await bob.event(roomId, editedId)
    await bob.seen(() => received.getContent()['body'] === 'Tea or coffee?')
  })

  it('react, once with each key', async () => {
    const room = await alice.room(roomId)
    await react(bob, rootId, '👍')
    await react(alice, rootId, '👍')
    await expect.poll(() => reactions(room, rootId)).toEqual([['👍', 2]])
    const again = await react(bob, rootId, '👍').catch((error: unknown) => error)
    expect(again).toBeInstanceOf(MatrixError)
    expect(again).toMatchObject({ errcode: 'M_DUPLICATE_ANNOTATION', httpStatus: 400 })
  })

  it('redact reactions and messages', async () => {
    const { event_id: regretted } = await react(bob, rootId, '👎')
    const room = await alice.room(roomId)
    await expect.poll(() => reactions(room, rootId)).toHaveLength(2)
    await bob.client.redactEvent(roomId, regretted)
    await expect.poll(() => reactions(room, rootId)).toEqual([['👍', 2]])
    const messageId = await say(bob, 'secret')
    const received = await alice.event(roomId, messageId)
    await bob.client.redactEvent(roomId, messageId)
    await alice.seen(() => received.isRedacted())
    expect(received.getContent()).toEqual({})
  })

  it('talk in a thread', async () => {
    await say(bob, 'in the thread', rootId)
    const latest = await say(alice, 'still in the thread', rootId)
    for (const application of [alice, bob]) {
      const room = await application.room(roomId)
      const thread = await application.seen(() => room.getThread(rootId))
      await application.seen(() => thread.length === 2 && thread.replyToEvent?.getId() === latest)
      expect(thread.hasCurrentUserParticipated).toBe(true)
      expect(
        room
          .getLiveTimeline()
          .getEvents()
          .some((event) => event.getId() === latest),
      ).toBe(false)
    }
  })

  it('tell each other that they are typing', async () => {
    const room = await alice.room(roomId)
    await bob.client.sendTyping(roomId, true, 10_000)
    await alice.seen(() => room.getMember(bob.userId)?.typing)
    await bob.client.sendTyping(roomId, false, 0)
    await alice.seen(() => room.getMember(bob.userId)?.typing === false)
  })

  it('tell each other whether they are there', async () => {
    const him = () => alice.client.getUser(bob.userId)
    await alice.seen(() => him()?.presence === 'online')
    // Else the next poll would say that he is there.
    await bob.client.setSyncPresence(SetPresence.Unavailable)
    await bob.client.setPresence({ presence: 'unavailable', status_msg: 'Making tea' })
    // What changes all the time wakes nobody, but comes along with other news.
    await say(alice, 'Where are you?')
    await alice.seen(() => him()?.presence === 'unavailable' && him()?.presenceStatusMsg === 'Making tea')
    await bob.client.setSyncPresence(SetPresence.Online)
  })

  it('tell each other how far they have read, in the room and in the thread', async () => {
    const spokenId = await say(alice, 'Read this')
    await bob.client.sendReadReceipt(await bob.event(roomId, spokenId))
    const room = await alice.room(roomId)
    await alice.seen(() => room.getEventReadUpTo(bob.userId) === spokenId)
    const repliedId = await say(alice, 'And this', rootId)
    const inThread = await bob.seen(() => bob.client.getRoom(roomId)?.getThread(rootId)?.findEventById(repliedId))
    await bob.client.sendReadReceipt(inThread)
    const thread = await alice.seen(() => room.getThread(rootId))
    await alice.seen(() => thread.getEventReadUpTo(bob.userId) === repliedId)
    expect(room.getEventReadUpTo(bob.userId)).toBe(spokenId)
    expect(room.getReceiptsForEvent(await alice.event(roomId, spokenId)).map(({ userId }) => userId)).toContain(
      bob.userId,
    )
    await bob.client.setRoomReadMarkers(roomId, spokenId)
    const marker = () => bob.client.getRoom(roomId)?.getAccountData(EventType.FullyRead)?.getContent()
    await bob.seen(() => marker()?.['event_id'] === spokenId)
  })

  it('count what is unread, in the room and in the thread, until it is read', async () => {
    const room = await bob.room(roomId)
    const spokenId = await say(alice, 'Are you there?')
    await bob.seen(() => room.getRoomUnreadNotificationCount(NotificationCountType.Total) > 0)
    await bob.client.sendReadReceipt(await bob.event(roomId, spokenId))
    await bob.seen(() => room.getRoomUnreadNotificationCount(NotificationCountType.Total) === 0)
    const repliedId = await say(alice, 'And in here?', rootId)
    await bob.seen(() => room.getThreadUnreadNotificationCount(rootId, NotificationCountType.Total) > 0)
    await bob.client.sendReadReceipt(await bob.seen(() => room.getThread(rootId)?.findEventById(repliedId)))
    await bob.seen(() => room.getThreadUnreadNotificationCount(rootId, NotificationCountType.Total) === 0)
  })

  it('come back on another device, which finds edits, reactions and threads though it was not there', async () => {
    for (let n = 0; n < 10; n += 1) await say(alice, `chatter ${n}`)
    await edit(bob, await say(bob, 'last wrod'), 'last word')
    const laptop = await Application.start(server, await server.anonymous.logIn('bob', `bob's password`))
    try {
      const room = await laptop.room(roomId)
      const last = room
        .getLiveTimeline()
        .getEvents()
        .map((event) => event.getContent()['body'] as string)
      expect(last).toContain('last word')
      expect(room.findEventById(rootId)).toBeUndefined()
      while (!room.findEventById(rootId)) {
        const before = room.getLiveTimeline().getEvents().length
        await laptop.client.scrollback(room, 10)
        expect(room.getLiveTimeline().getEvents().length).toBeGreaterThan(before)
      }
      const thread = await laptop.seen(() => room.getThread(rootId))
      await laptop.seen(() => thread.length === 4 && thread.initialEventsFetched)
      await room.createThreadsTimelineSets()
      await room.fetchRoomThreads()
      expect(room.getThreads().map(({ id }) => id)).toEqual([rootId])
      const { events } = await laptop.client.relations(roomId, rootId, RelationType.Thread, EventType.RoomMessage)
      expect(events.map((event) => event.getContent()['body'] as string)).toEqual([
        'And in here?',
        'And this',
        'still in the thread',
        'in the thread',
      ])
    } finally {
      laptop.stop()
    }
  })

  it('jump to an event of long ago, in the room and in a thread', async () => {
    const laptop = await Application.start(server, await server.anonymous.logIn('bob', `bob's password`))
    try {
      const room = await laptop.room(roomId)
      const timeline = await laptop.client.getEventTimeline(room.getUnfilteredTimelineSet(), rootId)
      expect(timeline?.getEvents().some((event) => event.getId() === rootId)).toBe(true)
      const { chunk } = await laptop.client.fetchRelations(roomId, rootId, RelationType.Thread, null, { limit: 1 })
      const lastId = chunk[0]!.event_id
      const thread = await laptop.seen(() => room.getThread(rootId))
      await laptop.seen(() => thread.initialEventsFetched)
      const inThread = await laptop.client.getEventTimeline(thread.timelineSet, lastId)
      expect(bodiesOf(inThread!.getEvents()).slice(-2)).toEqual(['And this', 'And in here?'])
    } finally {
      laptop.stop()
    }
  })

  it('show what people call themselves', async () => {
    await bob.client.setDisplayName('Bob the Builder')
    const room = await alice.room(roomId)
    await alice.seen(() => room.getMember(bob.userId)?.name === 'Bob the Builder')
    expect(await alice.client.getProfileInfo(bob.userId)).toMatchObject({ displayname: 'Bob the Builder' })
  })

  it('find and join a public room by its alias', async () => {
    const { room_id: publicId } = await alice.client.createRoom({
      preset: Preset.PublicChat,
      visibility: Visibility.Public,
      name: 'Market',
      room_alias_name: 'market',
    })
    const { chunk } = await bob.client.publicRooms({ filter: { generic_search_term: 'mark' } })
    expect(chunk).toMatchObject([{ room_id: publicId, canonical_alias: '#market:hearth.test' }])
    await bob.client.joinRoom('#market:hearth.test')
    const room = await bob.room(publicId)
    await bob.seen(() => room.getMyMembership() === (KnownMembership.Join as string))
    await bob.client.leave(publicId)
    await bob.seen(() => room.getMyMembership() === (KnownMembership.Leave as string))
  })

  it('moderate', async () => {
    const room = await alice.room(roomId)
    const his = await bob.room(roomId)
    await alice.client.setPowerLevel(roomId, bob.userId, 50)
    await alice.seen(() => room.getMember(bob.userId)?.powerLevel === 50)
    await alice.client.kick(roomId, bob.userId, 'too loud')
    await bob.seen(() => his.getMyMembership() === (KnownMembership.Leave as string))
    await alice.client.ban(roomId, bob.userId)
    await bob.seen(() => his.getMyMembership() === (KnownMembership.Ban as string))
    await alice.client.unban(roomId, bob.userId)
    await alice.client.invite(roomId, bob.userId)
    await bob.seen(() => his.getMyMembership() === (KnownMembership.Invite as string))
    await bob.client.joinRoom(roomId)
    await bob.seen(() => his.getMyMembership() === (KnownMembership.Join as string))
  })

  it('keep account data and tags', async () => {
    await alice.client.setAccountData(EventType.Direct, { [bob.userId]: [roomId] })
    await alice.seen(() => alice.client.getAccountData(EventType.Direct)?.getContent()[bob.userId] !== undefined)
    await alice.client.setRoomTag(roomId, 'm.favourite', { order: 0.5 })
    const room = await alice.room(roomId)
    await alice.seen(() => room.tags['m.favourite'] !== undefined)
  })

  it('log out, and are told that their session is over', async () => {
    const session = await server.anonymous.logIn('bob', `bob's password`)
    const laptop = await Application.start(server, session)
    const ended = new Promise<void>((resolve) => laptop.client.on(HttpApiEvent.SessionLoggedOut, () => resolve()))
    await session.post('logout')
    await ended
    laptop.stop()
  })

  it('move to an upgraded room', async () => {
    const { replacement_room: newId } = await alice.client.upgradeRoom(roomId, '12')
    const old = await bob.room(roomId)
    const tombstone = await bob.seen(() =>
      old.getLiveTimeline().getState(EventTimeline.FORWARDS)?.getStateEvents(EventType.RoomTombstone, ''),
    )
    expect(tombstone.getContent()['replacement_room']).toBe(newId)
    await alice.client.invite(newId, bob.userId)
    await bob.client.joinRoom(newId)
    const room = await bob.room(newId)
    await bob.seen(() => room.getMyMembership() === (KnownMembership.Join as string))
    expect(room.findPredecessor()?.roomId).toBe(roomId)
    expect(room.name).toBe('Hearth and home')
    const visible = bob.client.getVisibleRooms().map((each) => each.roomId)
    expect(visible).toContain(newId)
    expect(visible).not.toContain(roomId)
  })

  it('leave', async () => {
    const left = new Promise<void>((resolve) => {
      bob.client.on(RoomEvent.MyMembership, (_room, membership) => {
        if (membership === (KnownMembership.Leave as string)) resolve()
      })
    })
    await bob.client.leave(roomId)
    await left
    const room = await alice.room(roomId)
    await alice.seen(() => room.getMember(bob.userId)?.membership === (KnownMembership.Leave as string))
  })
})
