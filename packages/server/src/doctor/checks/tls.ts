import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { error, ok, reasonOf, skipped, warning, type Check, type Finding } from '../finding.ts'
import { namesOf } from '../names.ts'

const DAY_MS = 24 * 60 * 60_000
const SOON_MS = 14 * DAY_MS

/** The certificate that clients see is trusted and lasts, and that of `tls` as well, which may be another one. */
export const checkTls: Check = async ({ config, requests, now }, signal) => {
  const findings: Finding[] = []
  const { certificate } = config.tls
  if (certificate !== undefined) {
    const file = new X509Certificate(readFileSync(certificate))
    findings.push(...expiry(`the certificate in ${certificate}`, file.validToDate.getTime(), now()))
  }
  const { publicUrl, publicHost, isLocal } = namesOf(config)
  if (publicUrl.protocol !== 'https:') {
    if (isLocal) return [...findings, skipped('public_url is http on this machine')]
    const fix = `public_url: https://${publicHost}, with deploy/nginx or with tls.certificate and tls.private_key`
    return [...findings, error('public_url is not https: passwords and messages can be read on the way', fix)]
  }
  try {
    const socket = await requests.connectSecurely(publicHost, Number(publicUrl.port || 443), signal)
    const { authorized, authorizationError } = socket
    const shown = socket.getPeerX509Certificate()
    socket.destroy()
    if (!authorized) findings.push(untrusted(publicUrl.host, String(authorizationError)))
    else if (shown) findings.push(...expiry(`the certificate of ${publicUrl.host}`, shown.validToDate.getTime(), now()))
  } catch (failure) {
    const fix = `let ${publicUrl.host} be reached: DNS, firewall, and "listen 443 ssl" of nginx or listen of Hearth`
    findings.push(error(`${publicUrl.host} takes no TLS connection: ${reasonOf(failure)}`, fix))
  }
  return findings
}

function untrusted(host: string, code: string): Finding {
  if (/UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER/.test(code)) {
    const fix = 'ssl_certificate .../fullchain.pem (tls.certificate without nginx): the certificate and its chain'
    return error(
      `the certificate of ${host} comes without its chain, or from an authority that nobody knows (${code})`,
      fix,
    )
  }
  if (code.includes('EXPIRED'))
    return error(`the certificate of ${host} has expired`, 'certbot renew && nginx -s reload')
  if (code.includes('ALTNAME')) {
    return error(`the certificate of ${host} is for another name`, `certbot certonly -d ${host.split(':')[0]}`)
  }
  const fix = 'a certificate of an authority that everybody trusts; in a closed network name yours in network.ca_file'
  return error(`the certificate of ${host} is not trusted: ${code}`, fix)
}

function expiry(what: string, at: number, now: number): Finding[] {
  const days = Math.floor((at - now) / DAY_MS)
  if (at <= now) return [error(`${what} has expired`, 'certbot renew && nginx -s reload (without nginx: kill -HUP)')]
  if (at - now < SOON_MS) {
    return [
      warning(`${what} expires in ${days} days`, 'certbot renew, by a timer: systemctl enable --now certbot.timer'),
    ]
  }
  return [ok(`${what} is good for ${days} days`)]
}
