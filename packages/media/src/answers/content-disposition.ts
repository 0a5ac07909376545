const MAX_NAME_LENGTH = 255

// Control characters, and those that make a name look like another: exe.png that ends in gnp.exe.
// eslint-disable-next-line no-control-regex
const unfit = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g
const plain = /^[\x20-\x7e]*$/

/** A file's name as it is kept and given back: without what hides or fakes a part of it, at most 255 characters. */
export function fileNameOf(named: string | undefined): string | undefined {
  const name = (named ?? '').toWellFormed().replaceAll(unfit, '').trim()
  return name === '' ? undefined : [...name].slice(0, MAX_NAME_LENGTH).join('')
}

/**
 * The value of a Content-Disposition header, by RFC 6266 and RFC 8187.
 * {@link https://www.rfc-editor.org/rfc/rfc6266}
 */
export function contentDisposition(kind: 'inline' | 'attachment', name: string | undefined): string {
  if (name === undefined) return kind
  if (plain.test(name)) return `${kind}; filename="${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`
  const encoded = encodeURIComponent(name).replaceAll(/['()*!]/g, (char) => `%${char.charCodeAt(0).toString(16)}`)
  return `${kind}; filename*=utf-8''${encoded}`
}

/** The file name in a Content-Disposition header of another server, which may be anything. */
export function nameInDisposition(header: string | undefined): string | undefined {
  if (header === undefined || header.length > 4_096) return undefined
  const [, encoded] = /;[ \t]*filename\*[ \t]*=[ \t]*utf-8'[^']*'([^\s;]+)/i.exec(header) ?? []
  if (encoded !== undefined) {
    try {
      return fileNameOf(decodeURIComponent(encoded))
    } catch {
      // Not what it says it is: there may be a plain one.
    }
  }
  const [, quoted, token] = /;[ \t]*filename[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))/i.exec(header) ?? []
  return fileNameOf(quoted?.replaceAll(/\\(.)/g, '$1') ?? token)
}
