import type { Endpoints } from '@hearth/http'
import type { MediaContext } from '../context.ts'
import { createContent } from './create-content.ts'
import { getConfigAuthed } from './get-config-authed.ts'
import { getConfig } from './get-config.ts'
import { getContentAuthed } from './get-content-authed.ts'
import { getContentThumbnailAuthed } from './get-content-thumbnail-authed.ts'
import { getContentThumbnail } from './get-content-thumbnail.ts'
import { getContentOverrideNameAuthed } from './get-content-override-name-authed.ts'
import { getContentOverrideName } from './get-content-override-name.ts'
import { getContent } from './get-content.ts'
import { getUrlPreviewAuthed } from './get-url-preview-authed.ts'
import { getUrlPreview } from './get-url-preview.ts'
import { uploadContentToMXC } from './upload-content-to-mxc.ts'
import { uploadContent } from './upload-content.ts'

/** The content repository's endpoints for clients, by operation. */
export const endpoints = {
  createContent,
  getConfig,
  getConfigAuthed,
  getContent,
  getContentAuthed,
  getContentOverrideName,
  getContentOverrideNameAuthed,
  getContentThumbnail,
  getContentThumbnailAuthed,
  getUrlPreview,
  getUrlPreviewAuthed,
  uploadContent,
  uploadContentToMXC,
} satisfies Endpoints<MediaContext>
