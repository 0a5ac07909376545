/* global location, URLSearchParams, window */
// Passes one stage of an authentication that an app has begun, and tells the app. Which one stands in the page's address.
import { call, element, field, serveForm, showDone, showProblem } from './client.js'
import { showTerms } from './terms.js'

const type = decodeURIComponent(location.pathname.replace(/^.*\/auth\//, '').split('/')[0] ?? '')
const session = new URLSearchParams(location.search).get('session')
const path = `/_matrix/client/v3/auth/${encodeURIComponent(type)}/fallback/web`

/** What a person enters, by stage: the group of fields, and what is sent of them. */
const stages = {
  'm.login.dummy': { group: undefined, read: () => ({}) },
  'm.login.password': {
    group: 'password-fields',
    read: () => ({ user: field('user').value, password: field('password').value }),
  },
  'm.login.registration_token': { group: 'token-fields', read: () => ({ token: field('token').value.trim() }) },
  'm.login.terms': { group: 'terms-fields', read: () => ({}) },
}

/** As the specification words it. */
function tellApp() {
  const app = /** @type {Window & { onAuthDone?: () => void }} */ (window)
  if (app.onAuthDone) app.onAuthDone()
  else if (window.opener?.postMessage) window.opener.postMessage('authDone', '*')
}

const { parameters } = element('stage').dataset
const stage = Object.hasOwn(stages, type) ? stages[/** @type {keyof typeof stages} */ (type)] : undefined
if (!parameters || stage === undefined) {
  showProblem('There is nothing to be done here any more. Please go back to your app and try again.')
} else {
  if (stage.group !== undefined) {
    element(stage.group).hidden = false
    for (const input of element(stage.group).querySelectorAll('input')) input.required = true
  }
  if (type === 'm.login.terms') showTerms(JSON.parse(parameters).policies)
  serveForm(async () => {
    await call('POST', path, { session, ...stage.read() })
    showDone({})
    tellApp()
  })
}
