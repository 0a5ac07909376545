import type { Receipts, RemotePresence, RoomAcls, RoomRegistry, ToDeviceSender, TypingNotices } from '@hearth/core'
import type { Schema, ServerName } from '@hearth/protocol'

/** The services that EDUs are handed to. */
export interface EduContext {
  readonly roomAcls: RoomAcls
  readonly rooms: RoomRegistry
  readonly typing: TypingNotices
  readonly receipts: Receipts
  readonly remotePresence: RemotePresence
  readonly toDeviceSender: ToDeviceSender
}

/** What a server says in an EDU, after the check against its schema. */
export interface ReceivedEdu<Content> {
  readonly origin: ServerName
  readonly content: Content
}

/** A type of EDU that other servers send. */
export interface Edu<Content> {
  readonly type: string
  readonly content: Schema<Content>
  /**
   * Takes one in. What matters is committed when it resolves; what the origin may not say is passed over.
   *
   * @throws Unavailable when the origin has to send it again. A MatrixError passes it over.
   */
  receive(context: EduContext, edu: ReceivedEdu<Content>): Promise<void>
}

/** The same, for whoever does not know the content's type. */
export interface AnyEdu extends Omit<Edu<unknown>, 'receive'> {
  receive(context: EduContext, edu: ReceivedEdu<unknown>): Promise<void>
}

/** Declares a type of EDU. Its `receive` is given only what its schema accepts. */
export function edu<Content>(definition: Edu<Content>): AnyEdu {
  const { type, content } = definition
  return { type, content, receive: (context, given) => definition.receive(context, given as ReceivedEdu<Content>) }
}
