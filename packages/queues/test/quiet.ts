import { createLogger } from '@hearth/runtime'

export const quiet = createLogger({ level: 'error', sink: { write: () => undefined, flush: () => undefined } })
