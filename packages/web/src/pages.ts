import { readFile } from 'node:fs/promises'

/** What varies in a page. */
export interface PageFacts {
  readonly serverName: string
  /** Random, for this answer only: what lets the page's own script and style through its content security policy. */
  readonly nonce: string
}

/** A script or style sheet of the pages. */
export interface PageAsset {
  readonly contentType: string
  readonly text: string
}

const pageNames = ['auth', 'login', 'register'] as const
type PageName = (typeof pageNames)[number]

const assetTypes = {
  'auth.js': 'text/javascript; charset=utf-8',
  'client.js': 'text/javascript; charset=utf-8',
  'login.js': 'text/javascript; charset=utf-8',
  'register.js': 'text/javascript; charset=utf-8',
  'terms.js': 'text/javascript; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
} as const

/** The pages that a person sees in a browser, read once. */
export class Pages {
  readonly #pages: ReadonlyMap<PageName, string>
  readonly #assets: ReadonlyMap<string, PageAsset>

  private constructor(deps: {
    readonly pages: ReadonlyMap<PageName, string>
    readonly assets: ReadonlyMap<string, PageAsset>
  }) {
    this.#pages = deps.pages
    this.#assets = deps.assets
  }

  static async load(): Promise<Pages> {
    const pages = pageNames.map(async (name) => [name, await read(`${name}.html`)] as const)
    const assets = Object.entries(assetTypes).map(
      async ([name, contentType]) => [name, { contentType, text: await read(name) }] as const,
    )
    return new Pages({ pages: new Map(await Promise.all(pages)), assets: new Map(await Promise.all(assets)) })
  }

  /**
   * The page on which somebody passes a stage of an authentication, as HTML. Without parameters it says that there is
   * nothing to be done.
   */
  auth(facts: PageFacts, parameters: object | undefined): string {
    return this.#render('auth', { ...facts, parameters: parameters === undefined ? '' : JSON.stringify(parameters) })
  }

  /** The page on which somebody signs in, as HTML. */
  login(facts: PageFacts): string {
    return this.#render('login', { ...facts })
  }

  /** The page on which somebody creates an account, as HTML. */
  register(facts: PageFacts): string {
    return this.#render('register', { ...facts })
  }

  /** A script or style sheet that a page names. */
  asset(name: string): PageAsset | undefined {
    return this.#assets.get(name)
  }

  #render(name: PageName, facts: PageFacts & Readonly<Record<string, string>>): string {
    return this.#pages.get(name)!.replace(/\{\{(\w+)\}\}/g, (_, fact: string) => escapeHtml(facts[fact]!))
  }
}

function read(name: string): Promise<string> {
  return readFile(new URL(`../pages/${name}`, import.meta.url), 'utf8')
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
