import type { Endpoints } from '@hearth/http'
import type { MediaContext } from '../context.ts'
import { getContentThumbnail } from './get-content-thumbnail.ts'
import { getContent } from './get-content.ts'

/** The content repository's endpoints for other servers, by operation. */
export const federationEndpoints = { getContent, getContentThumbnail } satisfies Endpoints<MediaContext>
