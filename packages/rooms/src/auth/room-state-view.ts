import type { RoomEvent } from '../events/pdu.ts'
import type { RoomVersion } from '../room-versions.ts'
import { PowerLevels } from './power-levels-view.ts'

/** Finds the event of a room's state under that type and state key. */
export type StateLookup = (type: string, stateKey: string) => RoomEvent | undefined

/** The room's state as the authorization rules see it. Looks at the state when asked, and at each part once. */
export class RoomStateView {
  readonly version: RoomVersion
  readonly event: StateLookup
  #powerLevels: PowerLevels | undefined
  #creators: readonly string[] | undefined

  constructor(deps: { version: RoomVersion; state: StateLookup }) {
    this.version = deps.version
    this.event = deps.state
  }

  get create(): RoomEvent | undefined {
    return this.event('m.room.create', '')
  }

  /** The room's creators: several may be, from room version 12 on. */
  get creators(): readonly string[] {
    return (this.#creators ??= this.create === undefined ? [] : creatorsOf(this.version, this.create))
  }

  isCreator(userId: string): boolean {
    return this.creators.includes(userId)
  }

  get powerLevels(): PowerLevels {
    return (this.#powerLevels ??= new PowerLevels({
      version: this.version,
      content: this.event('m.room.power_levels', '')?.pdu.content,
      creators: this.creators,
    }))
  }

  /** The user's membership; `leave` for who has never been in the room. */
  membershipOf(userId: string): string {
    return membershipIn(this.event('m.room.member', userId)) ?? 'leave'
  }

  /** The join rule in force; `invite` where the room has none. */
  get joinRule(): string {
    const content = this.event('m.room.join_rules', '')?.pdu.content
    if (content?.['join_rule'] === undefined) return 'invite'
    return typeof content['join_rule'] === 'string' ? content['join_rule'] : ''
  }
}

/** The membership that an `m.room.member` event gives, if it gives one. */
export function membershipIn(event: RoomEvent | undefined): string | undefined {
  const membership = event?.pdu.content['membership']
  return typeof membership === 'string' ? membership : undefined
}

/** The creators that a create event names. */
export function creatorsOf(version: RoomVersion, create: RoomEvent): readonly string[] {
  const { sender, content } = create.pdu
  switch (version.creators) {
    case 'content':
      return typeof content['creator'] === 'string' ? [content['creator']] : []
    case 'sender':
      return [sender]
    case 'sender-and-additional': {
      const additional = Array.isArray(content['additional_creators']) ? content['additional_creators'] : []
      return [sender, ...additional.filter((id) => typeof id === 'string')]
    }
  }
}
