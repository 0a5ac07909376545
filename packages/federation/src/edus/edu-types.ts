import { directToDevice } from './direct-to-device.ts'
import type { AnyEdu } from './edu.ts'
import { presence } from './presence.ts'
import { receipt } from './receipt.ts'
import { typing } from './typing.ts'

/** The EDUs that are taken in. Those of other types are passed over, as the specification says. */
export const eduTypes: readonly AnyEdu[] = [directToDevice, presence, receipt, typing]
