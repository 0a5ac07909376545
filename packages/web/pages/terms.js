/* global document */
import { element } from './client.js'

/**
 * Names what is to be agreed to.
 * @param {Record<string, { en: { name: string, url: string } }>} policies
 */
export function showTerms(policies) {
  for (const policy of Object.values(policies)) {
    const { name, url } = policy.en
    const link = document.createElement('a')
    Object.assign(link, { textContent: name, href: url, target: '_blank', rel: 'noopener noreferrer' })
    element('terms').append(' ', link)
  }
}
