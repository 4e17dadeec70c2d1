// Shows a stream on a canvas. Decoding runs in one worker shared by all players; painting runs there, too, where
// canvases can be handed over (OffscreenCanvas). Old browsers fall back to painting, then to decoding, on the page.
// A canvas belongs to one player for life.
import { FrameStream, type StreamStatus } from './frame_stream';
import { Painter } from './painter';
import type { FromWorker, StreamReport, ToWorker } from './protocol';
import { Reporter, report_interval_ms } from './reporter';

export interface PlayerEvents {
  status(status: StreamStatus): void;
  size(width: number, height: number): void;
  report(report: StreamReport): void;
}

// Begins paused.
export interface Player {
  redirect(url: string): void;
  pause(): void;
  // Opens the stream; when it is open, opens it anew.
  resume(): void;
  close(): void;
}

export class PlayerPool {
  #worker: Worker | null = null;
  #byStream = new Map<number, { events: PlayerEvents; painter: Painter | null }>();
  #nextStream = 1;

  play(canvas: HTMLCanvasElement, url: string, events: PlayerEvents): Player {
    if (typeof Worker === 'undefined' || typeof createImageBitmap === 'undefined') {
      return new PagePlayer(canvas, url, events);
    }
    return this.#playInWorker(canvas, url, events);
  }

  #playInWorker(canvas: HTMLCanvasElement, url: string, events: PlayerEvents): Player {
    const stream = this.#nextStream++;
    const offscreen =
      typeof canvas.transferControlToOffscreen === 'function' ? canvas.transferControlToOffscreen() : undefined;
    this.#byStream.set(stream, { events, painter: offscreen ? null : new Painter(canvas) });
    this.#tell({ type: 'open', stream, url, canvas: offscreen }, offscreen ? [offscreen] : []);
    return {
      redirect: (newUrl) => this.#tell({ type: 'redirect', stream, url: newUrl }),
      pause: () => this.#tell({ type: 'pause', stream }),
      resume: () => this.#tell({ type: 'resume', stream }),
      close: () => {
        this.#tell({ type: 'close', stream });
        this.#byStream.delete(stream);
      },
    };
  }

  #tell(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#worker) {
      this.#worker = new Worker(new URL('./stream.worker.ts', import.meta.url), { type: 'module' });
      this.#worker.onmessage = (event: MessageEvent<FromWorker>) => this.#hear(event.data);
    }
    this.#worker.postMessage(message, transfer);
  }

  #hear(message: FromWorker): void {
    const player = this.#byStream.get(message.stream);
    switch (message.type) {
      case 'status':
        player?.events.status(message.status);
        break;
      case 'size':
        player?.events.size(message.width, message.height);
        break;
      case 'report':
        player?.events.report(message.report);
        break;
      case 'picture':
        if (player?.painter) player.painter.paint(message.picture);
        else message.picture.close();
        this.#tell({ type: 'painted', stream: message.stream });
        break;
    }
  }
}

// Everything on the page, for browsers without workers or createImageBitmap.
class PagePlayer implements Player {
  #stream: FrameStream;
  #reporter: Reporter;
  #timer: number | undefined;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    url: string,
    private readonly events: PlayerEvents,
  ) {
    this.#stream = new FrameStream(url, {
      status: (status) => events.status(status),
      show: (jpeg) => this.#show(jpeg),
    });
    this.#reporter = new Reporter(this.#stream);
  }

  redirect(url: string): void {
    this.#stream.redirect(url);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.close();
  }

  resume(): void {
    this.#reporter.restart();
    this.#stream.open();
    this.#timer ??= window.setInterval(() => this.events.report(this.#reporter.next()), report_interval_ms);
  }

  close(): void {
    this.pause();
  }

  async #show(jpeg: Blob): Promise<void> {
    const address = URL.createObjectURL(jpeg);
    try {
      const image = new Image();
      image.src = address;
      await image.decode();
      if (this.canvas.width !== image.naturalWidth || this.canvas.height !== image.naturalHeight) {
        this.canvas.width = image.naturalWidth;
        this.canvas.height = image.naturalHeight;
        this.events.size(image.naturalWidth, image.naturalHeight);
      }
      this.canvas.getContext('2d')?.drawImage(image, 0, 0);
    } finally {
      URL.revokeObjectURL(address);
    }
  }
}
