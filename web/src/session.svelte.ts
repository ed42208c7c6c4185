// Who is signed in here. One object, read by every page.
import { tick } from 'svelte'

import { api, told, type Session } from './api/client'

class SessionState {
  known = $state<Session | null>(null)

  get actor() {
    return this.known?.actor ?? null
  }

  async refresh(): Promise<void> {
    this.known = await told(api.GET('/api/v1/session'))
  }

  async signIn(name: string, password: string): Promise<void> {
    this.known = await told(api.POST('/api/v1/session', { body: { name, password } }))
  }

  async setUp(link_token: string, name: string, password: string): Promise<void> {
    this.known = await told(api.POST('/api/v1/set-up', { body: { link_token, name, password } }))
  }

  async signOut(): Promise<void> {
    // The pages leave first and close their looks while the session still stands.
    if (this.known !== null) this.known = { ...this.known, actor: null }
    await tick()
    await told(api.DELETE('/api/v1/session'))
    await this.refresh()
  }
}

export const session = new SessionState()
