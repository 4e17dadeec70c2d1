// Full screen for an element, by the browser or, where it allows none (iPhone), by filling the window.
class Fullscreen {
  // What fills the window in place of the browser's own full screen.
  filled: HTMLElement | null = $state.raw(null);

  get active(): boolean {
    return document.fullscreenElement !== null || this.filled !== null;
  }

  toggle(element: HTMLElement): void {
    if (this.active) this.end();
    else this.begin(element);
  }

  end(): void {
    if (document.fullscreenElement) void document.exitFullscreen();
    this.filled?.classList.remove('fills-window');
    this.filled = null;
  }

  private begin(element: HTMLElement): void {
    if (typeof element.requestFullscreen === 'function') {
      element.requestFullscreen().catch(() => this.fill(element));
    } else this.fill(element);
  }

  private fill(element: HTMLElement): void {
    this.filled = element;
    element.classList.add('fills-window');
  }
}

export const fullscreen = new Fullscreen();
