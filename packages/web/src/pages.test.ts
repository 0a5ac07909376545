import { describe, expect, it } from 'vitest'
import { Pages } from './pages.ts'

describe('Pages', async () => {
  const pages = await Pages.load()

  it('[SEC-82] writes what varies as text, whatever it is', () => {
    const html = pages.login({ serverName: '"><script>alert(1)</script>', nonce: `a"b'c&d` })
    expect(html).not.toContain('<script>alert')
    expect(html).toContain('&#60;script&#62;')
    expect(html).toContain('nonce="a&#34;b&#39;c&#38;d"')
    expect(html).not.toContain('{{')
  })

  it('[SEC-84] has neither inline script nor inline style', () => {
    const facts = { serverName: 's', nonce: 'n' }
    for (const html of [pages.login(facts), pages.register(facts)]) {
      expect(html).not.toMatch(/<script(?![^>]*\ssrc=)/)
      expect(html).not.toMatch(/\s(style|on\w+)=|<style|javascript:/)
    }
  })

  it('has the assets that its pages name, and no others', () => {
    const html = pages.login({ serverName: 's', nonce: 'n' }) + pages.register({ serverName: 's', nonce: 'n' })
    const named = [...html.matchAll(/assets\/([\w.]+)/g)].map(([, name]) => name!)
    expect(new Set(named)).toEqual(new Set(['page.css', 'login.js', 'register.js']))
    for (const name of [...named, 'client.js']) expect(pages.asset(name)?.text).toBeTruthy()
    for (const name of ['login.html', '../package.json', '', 'constructor']) expect(pages.asset(name)).toBeUndefined()
  })
})
