import { isJsonObject } from '@hearth/protocol'
import { error, ok, reasonOf, skipped, warning, type Check, type DoctorContext, type Finding } from '../finding.ts'
import { below, namesOf } from '../names.ts'

const MIB = 1024 * 1024
const EARLY_MS = 5_000
const upload = '/_matrix/media/v3/upload'
const validity = '/_matrix/client/v1/register/m.login.registration_token/validity'
/** More than the limit lets through, even when several processes count by themselves. */
const GUESSES = 25

/** What stands between the world and Hearth passes requests on as they are, and says who asks. */
export const checkProxy: Check = async (context, signal) => {
  const { publicUrl } = namesOf(context.config)
  try {
    const { json } = await context.requests.ask(below(publicUrl, '/health'), { signal })
    if ((json as { status?: unknown } | undefined)?.status !== 'ok') {
      return [
        error(`${publicUrl.href} leads to something else than a Hearth that serves`, 'proxy_pass, and public_url'),
      ]
    }
  } catch (failure) {
    return [
      error(
        `${publicUrl.href} gives no answer: ${reasonOf(failure)}`,
        'public_url, listen, and whether the server runs',
      ),
    ]
  }
  return [
    await checkPaths(context, signal),
    await checkForwarding(context, signal),
    await checkSpoofing(context, signal),
    await checkBodySize(context, signal),
    await checkStreaming(context, signal),
  ]
}

/** An alias with a slash in it: whoever decodes the path asks for something that is not there at all. */
async function checkPaths({ config, requests }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const path = `/_matrix/client/v3/directory/room/${encodeURIComponent(`#doctor/%2F:${config.serverName}`)}`
  const { json } = await requests.ask(below(namesOf(config).publicUrl, path), { signal })
  if (isJsonObject(json) && json['errcode'] === 'M_NOT_FOUND') return ok('paths arrive as they were sent')
  const fix =
    'proxy_pass http://hearth; with no path after it, not even a slash; Apache: nocanon and AllowEncodedSlashes NoDecode'
  return error('the proxy changes paths, which other servers have signed: nothing of theirs will be believed', fix)
}

/** `/metrics` is for those on the machine itself, which what a proxy says of its clients rules out. */
async function checkForwarding({ config, requests }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const { publicUrl } = namesOf(config)
  if (publicUrl.origin === new URL(config.listen[0]!).origin)
    return skipped('there is no proxy: public_url is where Hearth listens')
  if (config.metrics.listen !== undefined) return skipped('X-Forwarded-For: told by /metrics, which is elsewhere')
  const { status } = await requests.ask(below(publicUrl, '/metrics'), { signal })
  if (status === 200) {
    const fix = 'proxy_set_header X-Forwarded-For $remote_addr;'
    return error('the proxy does not say who asks: everybody has one address, and /metrics is open to all', fix)
  }
  return ok('the proxy says who asks')
}

/** An address of one's own choice must not be believed: limits by address would be none. */
async function checkSpoofing({ config, requests }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  if (!config.rateLimits.enabled) return skipped('X-Forwarded-For: told by rate limits, which are off')
  const url = below(namesOf(config).publicUrl, `${validity}?token=doctor`)
  for (let guess = 1; guess <= GUESSES; guess++) {
    const { status } = await requests.ask(url, { signal, headers: { 'x-forwarded-for': `198.51.100.${guess}` } })
    if (status === 429) return ok('an X-Forwarded-For that a client makes up is not believed')
  }
  const fix = 'proxy_set_header X-Forwarded-For $remote_addr; and nothing in trusted_proxies but the proxy'
  return error('clients can make up their address with X-Forwarded-For, and so escape every limit', fix)
}

async function checkBodySize({ config, requests }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const url = below(namesOf(config).publicUrl, upload)
  const fix = 'client_max_body_size 0; where media is passed on, as in deploy/nginx: Hearth has limits of its own'
  try {
    const { status, json } = await requests.ask(url, { method: 'POST', body: new Uint8Array(20 * MIB), signal })
    if (status === 413 && json === undefined) return error('the proxy refuses uploads of 20 MiB', fix)
  } catch (failure) {
    // Hearth may close the connection of somebody who goes on to send what was refused.
    if (signal.aborted) throw failure
  }
  return ok('uploads of 20 MiB reach Hearth')
}

/** Without a token Hearth refuses an upload at once, if it hears of it before all of it is there. */
async function checkStreaming({ config, requests }: DoctorContext, signal: AbortSignal): Promise<Finding> {
  const url = below(namesOf(config).publicUrl, upload)
  const early = AbortSignal.any([signal, AbortSignal.timeout(EARLY_MS)])
  try {
    await requests.ask(url, { method: 'POST', body: new Uint8Array(MIB), sendAtFirst: MIB / 16, signal: early })
    return ok('uploads are passed on while they come')
  } catch (failure) {
    if (signal.aborted) throw failure
    const fix = 'proxy_request_buffering off; proxy_buffering off; where media is passed on, as in deploy/nginx'
    return warning('the proxy keeps an upload until it has all of it, which fills its disk and doubles the time', fix)
  }
}
