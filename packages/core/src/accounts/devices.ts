import { MatrixError, notFound, type DeviceId, type JsonObject } from '@hearth/protocol'
import type { Store } from '@hearth/store'
import type { Requester } from '../requester.ts'
import type { GuardedOutcome, Reauthentication } from './reauthentication.ts'
import { checkDevice } from './sessions.ts'

/** A device as its owner sees it. */
export interface OwnDevice {
  readonly deviceId: DeviceId
  readonly displayName: string | null
  /** When it was last seen, in milliseconds since the epoch, to within an hour. */
  readonly lastSeenTs: number
  readonly lastSeenIp: string
}

/** A request to log devices out. */
export interface DeviceDeletion {
  readonly requester: Requester
  /** The whole body. */
  readonly body: JsonObject
  readonly ip: string
}

/**
 * What users do with their devices.
 * {@link https://spec.matrix.org/v1.19/client-server-api/#device-management}
 */
export class Devices {
  readonly #store: Store
  readonly #reauthentication: Reauthentication

  constructor(deps: { readonly store: Store; readonly reauthentication: Reauthentication }) {
    this.#store = deps.store
    this.#reauthentication = deps.reauthentication
  }

  list({ userNid }: Requester): Promise<OwnDevice[]> {
    return this.#store.devices.list(userNid)
  }

  /** @throws MatrixError M_NOT_FOUND. */
  async get({ userNid }: Requester, deviceId: DeviceId): Promise<OwnDevice> {
    const device = await this.#store.devices.find(userNid, deviceId)
    if (device === undefined) throw noSuchDevice()
    return device
  }

  /**
   * Gives a device another name; without one it keeps its own.
   * @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM for a name that is too long.
   */
  async rename(requester: Requester, deviceId: DeviceId, displayName: string | undefined): Promise<void> {
    checkDevice({ displayName })
    if (displayName === undefined) await this.get(requester, deviceId)
    else if (!(await this.#store.devices.rename(requester.userNid, deviceId, displayName))) throw noSuchDevice()
  }

  /**
   * Logs a device out, or says what is missing. One that does not exist is logged out already.
   * @throws MatrixError as `Reauthentication.perform`.
   */
  delete({ requester, body, ip }: DeviceDeletion, deviceId: DeviceId): Promise<GuardedOutcome> {
    return this.#reauthentication.perform(
      { requester, purpose: 'delete-device', subject: { device_id: deviceId }, body, ip },
      async (tx) => {
        await tx.devices.deleteSome(requester.userNid, [deviceId])
      },
    )
  }

  /**
   * Logs several devices out, or says what is missing.
   * @throws MatrixError M_MISSING_PARAM when no request of the session names any; as `Reauthentication.perform`.
   */
  deleteSome(
    { requester, body, ip }: DeviceDeletion,
    deviceIds: readonly DeviceId[] | undefined,
  ): Promise<GuardedOutcome> {
    const establish = async (): Promise<JsonObject> => {
      if (deviceIds === undefined) throw noDevices()
      return { devices: [...deviceIds] }
    }
    return this.#reauthentication.perform(
      { requester, purpose: 'delete-devices', body, establish, ip },
      async (tx, established) => {
        if (established === undefined) throw noDevices()
        await tx.devices.deleteSome(requester.userNid, established['devices'] as DeviceId[])
      },
    )
  }
}

function noDevices(): Error {
  return new MatrixError('M_MISSING_PARAM', 'devices is missing')
}

function noSuchDevice(): Error {
  return notFound('You have no such device')
}
