// Addresses of the pages. History entries, no fragments: a page can be bookmarked and reloaded.

class Router {
  path = $state(window.location.pathname)

  constructor() {
    window.addEventListener('popstate', () => {
      this.path = window.location.pathname
    })
  }

  go(path: string): void {
    if (path === this.path) return
    window.history.pushState(null, '', path)
    this.path = path
    window.scrollTo(0, 0)
  }
}

export const router = new Router()

/** For links: a plain click stays in the page, any other click is the browser's. */
export function stay(event: MouseEvent): void {
  const link = event.currentTarget
  if (!(link instanceof HTMLAnchorElement)) return
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return
  event.preventDefault()
  router.go(new URL(link.href).pathname)
}
