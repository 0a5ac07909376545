/* global document, fetch, location */
// What the pages have in common: asking the server, and showing how it went.

/** The server says no. */
export class Refusal extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any>} body
   */
  constructor(status, body) {
    super(typeof body.error === 'string' ? body.error : 'The server could not answer. Please try again later.')
    this.status = status
    this.body = body
  }
}

/**
 * Asks the server; throws a Refusal for anything but a 200.
 * @param {'GET' | 'POST'} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<Record<string, any>>}
 */
export async function call(method, path, body) {
  const response = await fetch(baseUrl() + path, {
    method,
    referrerPolicy: 'no-referrer',
    ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  })
  /** @type {Record<string, any>} */
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw new Refusal(response.status, answer)
  return answer
}

/** Where the server is: in front of the path that this page was loaded from. */
export function baseUrl() {
  return location.origin + location.pathname.slice(0, Math.max(0, location.pathname.indexOf('/_matrix/')))
}

/**
 * An element of the page, which must be there.
 * @param {string} id
 */
export function element(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`there is no #${id}`)
  return found
}

/**
 * A field of the form.
 * @param {string} id
 */
export function field(id) {
  return /** @type {HTMLInputElement} */ (element(id))
}

/**
 * Shows the form, and calls `submit` whenever it is sent. One time after the other; what it throws is shown.
 * @param {() => Promise<void>} submit
 */
export function serveForm(submit) {
  const form = /** @type {HTMLFormElement} */ (element('form'))
  const button = /** @type {HTMLButtonElement} */ (element('submit'))
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (button.disabled) return
    button.disabled = true
    showProblem('')
    try {
      await submit()
    } catch (error) {
      showProblem(explain(error))
      element('password').focus()
    } finally {
      button.disabled = false
    }
  })
  form.hidden = false
}

/**
 * Replaces the form by the page's last words.
 * @param {Record<string, string>} facts What to write where, by element id.
 */
export function showDone(facts) {
  for (const [id, text] of Object.entries(facts)) element(id).textContent = text
  const form = /** @type {HTMLFormElement} */ (element('form'))
  form.reset()
  form.hidden = true
  element('done').hidden = false
  element('title').focus()
}

/** @param {string} text */
export function showProblem(text) {
  element('problem').textContent = text
}

/** @param {unknown} error */
export function explain(error) {
  if (!(error instanceof Refusal)) return 'The server cannot be reached. Please try again.'
  if (error.status !== 429) return error.message
  const seconds = Math.ceil(Number(error.body.retry_after_ms ?? 1000) / 1000)
  return `Too many attempts. Please try again in ${seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`}.`
}
