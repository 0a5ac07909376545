import { roomEventFilter, type EventFilter } from '@hearth/core'
import { invalidParam, MatrixError, parseJsonText } from '@hearth/protocol'

/** The filter that a query parameter holds as JSON. @throws MatrixError M_INVALID_PARAM for what is none. */
export function eventFilterParameter(text: string | undefined): EventFilter | undefined {
  if (text === undefined) return undefined
  try {
    return roomEventFilter(parseJsonText(text))
  } catch (error) {
    throw error instanceof MatrixError ? invalidParam(`filter: ${error.message}`) : error
  }
}
