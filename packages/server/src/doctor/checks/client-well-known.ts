import { isJsonObject } from '@hearth/protocol'
import { error, ok, reasonOf, skipped, type Check } from '../finding.ts'
import { namesOf } from '../names.ts'

/** Clients find `public_url` from the server name alone, those in browsers too. */
export const checkClientWellKnown: Check = async ({ config, requests }, signal) => {
  const { serverHost, isPlain, isLocal } = namesOf(config)
  if (isLocal || !isPlain) return [skipped('people have to give their clients the URL: server_name is no name of DNS')]
  const url = new URL(`https://${serverHost}/.well-known/matrix/client`)
  const fix = `in the server block of ${serverHost}: location /.well-known/matrix/ { proxy_pass http://hearth; }`
  try {
    const { status, headers, json } = await requests.ask(url, { signal })
    if (status !== 200) return [error(`${url.href} answers ${status}`, fix)]
    const server = isJsonObject(json) ? json['m.homeserver'] : undefined
    const base = isJsonObject(server) ? server['base_url'] : undefined
    if (typeof base !== 'string') return [error(`${url.href} names no homeserver`, fix)]
    if (base.replace(/\/+$/, '') !== config.publicUrl) {
      return [
        error(`${url.href} says ${base}, and public_url is ${config.publicUrl}`, `public_url: ${base}, or ${fix}`),
      ]
    }
    if (headers['access-control-allow-origin'] !== '*') {
      const cors = 'add_header Access-Control-Allow-Origin * always;'
      return [error(`${url.href} cannot be read by clients in browsers`, `beside what answers it: ${cors}`)]
    }
    return [ok(`clients find ${base}`)]
  } catch (failure) {
    return [error(`${url.href} gives no answer: ${reasonOf(failure)}`, fix)]
  }
}
