/* global history, location */
// Creates an account. The registration token may come with the page's address, after the #, which is not sent to anybody.
import { baseUrl, call, element, explain, field, Refusal, serveForm, showDone, showProblem } from './client.js'
import { showTerms } from './terms.js'

const registerPath = '/_matrix/client/v3/register'
const registrationToken = 'm.login.registration_token'
const terms = 'm.login.terms'
const known = ['m.login.dummy', registrationToken, terms]

/**
 * The server's word on how to go on.
 * @param {object} body
 * @returns {Promise<{ flows: { stages: string[] }[], params: Record<string, any>, session: string }>}
 */
async function challenge(body) {
  try {
    await call('POST', registerPath, body)
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return /** @type {any} */ (error.body)
    throw error
  }
  throw new Error('an account was created without any stage')
}

/** @param {{ stages: string[] }[]} flows */
function playable(flows) {
  return flows.find(({ stages }) => stages.every((stage) => known.includes(stage)))?.stages
}

/** @param {readonly string[]} stages */
async function register(stages) {
  if (field('password').value !== field('repeated').value) {
    showProblem('The two passwords differ.')
    element('repeated').focus()
    return
  }
  const account = { username: field('user').value, password: field('password').value, inhibit_login: true }
  const { session } = await challenge(account)
  for (const type of stages) {
    const auth = { type, session, ...(type === registrationToken && { token: field('token').value.trim() }) }
    const isLast = type === stages.at(-1)
    if (!isLast) await challenge({ ...account, auth })
    else showDone({ 'user-id': (await call('POST', registerPath, { ...account, auth })).user_id, address: baseUrl() })
  }
}

function takeTokenFromAddress() {
  const token = location.hash.slice(1)
  if (token === '') return
  field('token').value = token
  history.replaceState(null, '', location.pathname + location.search)
}

try {
  const { flows, params } = await challenge({})
  const stages = playable(flows)
  if (stages === undefined) showProblem('Accounts of this server cannot be created with this page.')
  else {
    element('token-field').hidden = !stages.includes(registrationToken)
    if (stages.includes(terms)) {
      showTerms(params[terms].policies)
      element('terms-field').hidden = false
      field('agreed').required = true
    }
    takeTokenFromAddress()
    serveForm(() => register(stages))
  }
} catch (error) {
  showProblem(explain(error))
}
