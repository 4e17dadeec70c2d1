// The stream worker: sockets, decoding and (with an OffscreenCanvas) painting of all cameras, off the page's thread.
import { FrameStream } from './frame_stream';
import { Painter } from './painter';
import type { FromWorker, ToWorker } from './protocol';
import { Reporter, report_interval_ms } from './reporter';

const page = self as unknown as DedicatedWorkerGlobalScope;

function tell(message: FromWorker, transfer: Transferable[] = []): void {
  page.postMessage(message, transfer);
}

class WorkerStream {
  painted: (() => void) | null = null;

  #stream: FrameStream;
  #reporter: Reporter;
  #painter: Painter | null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #width = 0;
  #height = 0;

  constructor(
    private readonly id: number,
    url: string,
    canvas?: OffscreenCanvas,
  ) {
    this.#painter = canvas ? new Painter(canvas) : null;
    this.#stream = new FrameStream(url, {
      status: (status) => tell({ type: 'status', stream: id, status }),
      show: (jpeg) => this.#show(jpeg),
    });
    this.#reporter = new Reporter(this.#stream);
  }

  // Also starts over when it runs.
  resume(): void {
    this.#reporter.restart();
    this.#stream.open();
    this.#timer ??= setInterval(() => {
      tell({ type: 'report', stream: this.id, report: this.#reporter.next() });
    }, report_interval_ms);
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stream.close();
    this.painted?.();
  }

  redirect(url: string): void {
    this.#stream.redirect(url);
  }

  async #show(jpeg: Blob): Promise<void> {
    const picture = await createImageBitmap(jpeg);
    if (picture.width !== this.#width || picture.height !== this.#height) {
      this.#width = picture.width;
      this.#height = picture.height;
      tell({ type: 'size', stream: this.id, width: picture.width, height: picture.height });
    }
    if (this.#painter) {
      this.#painter.paint(picture);
      return;
    }
    await new Promise<void>((resolve) => {
      this.painted = resolve;
      tell({ type: 'picture', stream: this.id, picture }, [picture]);
    });
    this.painted = null;
  }
}

const streams = new Map<number, WorkerStream>();

page.onmessage = (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.type === 'open') {
    streams.set(message.stream, new WorkerStream(message.stream, message.url, message.canvas));
    return;
  }
  const stream = streams.get(message.stream);
  if (!stream) return;
  switch (message.type) {
    case 'redirect':
      stream.redirect(message.url);
      break;
    case 'pause':
      stream.pause();
      break;
    case 'resume':
      stream.resume();
      break;
    case 'painted':
      stream.painted?.();
      break;
    case 'close':
      stream.pause();
      streams.delete(message.stream);
      break;
  }
};
