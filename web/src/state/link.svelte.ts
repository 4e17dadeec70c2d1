// Whether the server is reachable, as the event stream sees it.
export class Link {
  state: 'connecting' | 'up' | 'lost' = $state('connecting');
  retryAt = $state(0);
  // Rises with each new connection, so that what was lost with the old one is fetched again.
  generation = $state(0);

  up(): void {
    this.state = 'up';
    this.generation += 1;
  }

  lost(retryAt: number): void {
    this.state = 'lost';
    this.retryAt = retryAt;
  }
}
