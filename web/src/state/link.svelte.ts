// Whether the server is reachable, as the event stream sees it.
export class Link {
  state: 'connecting' | 'up' | 'lost' = $state('connecting');
  retryAt = $state(0);
  // What the server said when it answered but let us not in (protected mode, a key); else null.
  refusal: string | null = $state(null);
  // The server wants its API key first.
  locked = $state(false);
  // Rises with each new connection, so that what was lost with the old one is fetched again.
  generation = $state(0);

  up(): void {
    this.state = 'up';
    this.refusal = null;
    this.locked = false;
    this.generation += 1;
  }

  lost(retryAt: number): void {
    this.state = 'lost';
    this.retryAt = retryAt;
  }
}
