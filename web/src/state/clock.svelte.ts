// The time, for ages and countdowns on the page: ticks twice a second while the page is seen.
export class PageClock {
  now = $state(Date.now());
  visible = $state(!document.hidden);

  constructor() {
    setInterval(() => {
      if (this.visible) this.now = Date.now();
    }, 500);
    document.addEventListener('visibilitychange', () => {
      this.visible = !document.hidden;
      this.now = Date.now();
    });
  }
}
