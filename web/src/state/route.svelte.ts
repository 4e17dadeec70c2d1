// Which view is shown, kept in the address after '#', so that reload, bookmarks and the back button work.
export type Route = { view: 'grid' } | { view: 'pair' } | { view: 'camera'; id: string };

export const grid_href = '#/';
export const pair_href = '#/two-up';
export const cameraHref = (id: string) => `#/camera/${encodeURIComponent(id)}`;

export class Router {
  route: Route = $state(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => (this.route = parseRoute(location.hash)));
  }

  go(href: string): void {
    location.hash = href;
  }
}

export function parseRoute(hash: string): Route {
  const [, view, id] = hash.split('/');
  if (view === 'two-up') return { view: 'pair' };
  if (view === 'camera' && id) {
    try {
      return { view: 'camera', id: decodeURIComponent(id) };
    } catch {
      return { view: 'grid' };
    }
  }
  return { view: 'grid' };
}
