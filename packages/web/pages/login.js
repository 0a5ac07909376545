/* global location, URLSearchParams, window */
// Signs somebody in and hands the answer to the app that shows this page.
// https://spec.matrix.org/v1.19/client-server-api/#login-fallback
import { call, explain, field, serveForm, showDone, showProblem } from './client.js'

const loginPath = '/_matrix/client/v3/login'
/** What the app may say of the device, in the page's address. */
const forwarded = ['device_id', 'initial_device_display_name']

async function signIn() {
  const query = new URLSearchParams(location.search)
  const device = Object.fromEntries([...query].filter(([key]) => forwarded.includes(key)))
  const answer = await call('POST', loginPath, {
    ...device,
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: field('user').value },
    password: field('password').value,
  })
  showDone({ 'user-id': answer.user_id, 'access-token': answer.access_token })
  handOver(answer)
}

/**
 * Calls what the app has put into the page. Nothing else is told: not the opener, not the address.
 * @param {Record<string, unknown>} answer
 */
function handOver(answer) {
  const app = /** @type {{ onLogin?: unknown, matrixLogin?: { onLogin?: unknown } }} */ (
    /** @type {unknown} */ (window)
  )
  for (const callback of [app.matrixLogin?.onLogin, app.onLogin]) if (typeof callback === 'function') callback(answer)
}

try {
  const { flows } = await call('GET', loginPath)
  if (flows.some((/** @type {{ type: string }} */ { type }) => type === 'm.login.password')) serveForm(signIn)
  else showProblem('This server has no way to sign in that this page knows.')
} catch (error) {
  showProblem(explain(error))
}
