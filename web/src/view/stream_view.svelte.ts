// What the page knows of one stream that it shows; filled by Picture.svelte, read by the parts around it.
import type { StreamStatus } from '../stream/frame_stream';
import type { StreamReport } from '../stream/protocol';

export class StreamView {
  status: StreamStatus = $state.raw({ name: 'closed' });
  report: StreamReport = $state.raw({ shown: 0, skipped: 0, damaged: 0, fps: 0, lastShownAt: 0 });
  width = $state(0);
  height = $state(0);
  // Connections lost or refused in a row.
  failures = $state(0);

  get hasPicture(): boolean {
    return this.width > 0;
  }

  setStatus(status: StreamStatus): void {
    this.status = status;
    if (status.name === 'open') this.failures = 0;
    if (status.name === 'waiting') this.failures += 1;
  }
}
