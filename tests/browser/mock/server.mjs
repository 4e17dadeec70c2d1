// A stand-in for `camweave serve`: serves web/dist and the parts of the API that the page uses, with moving pictures.
// Tests drive it through its methods (a camera dies, comes, goes; the server stops and starts on the same port).
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocketServer } from 'ws';
import { applyControls, sensorControls, settle } from './controls.mjs';
import { pictures } from './pictures.mjs';

const dist = fileURLToPath(new URL('../../../web/dist/', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
export const page_csp = "default-src 'self'; img-src 'self' blob: data:; connect-src 'self' ws: wss:; worker-src 'self'";
const pair_sizes = ['320x240', '640x480', '820x616'];

const defaultConfig = () => ({
  gap: 76,
  cameras: { cam0: { order: 1, rotation: 0 }, cam1: { order: 2, rotation: 0 } },
  stream: { resolution: [640, 480], quality: 80, fps: 30 },
});

export class MockServer {
  cameras = [];
  config = defaultConfig();
  port = 0;
  sent = new Map(); // camera id -> pictures sent
  streams = new Set();
  refuseSizes = false;
  forbidden = null; // the reason for a 403 on the API

  #http = null;
  #events = new Set();
  #timer = null;

  constructor({ cameras = 2, width = 1280, height = 720, fps = 30, source_size = null } = {}) {
    this.defaults = { width, height, fps, source_size };
    for (let n = 0; n < cameras; n += 1) this.cameras.push(this.#camera(`cam${n}`, n));
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start() {
    this.#http = createServer((request, response) => {
      this.#route(request, response).catch((error) => answer(response, 500, { detail: String(error) }));
    });
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(sockets, request, socket, head));
    await new Promise((resolve) => this.#http.listen(this.port, '127.0.0.1', resolve));
    this.port = this.#http.address().port;
    this.#timer = setInterval(() => this.#health(), 2000);
    return this;
  }

  async stop() {
    clearInterval(this.#timer);
    for (const stream of [...this.streams]) stream.terminate();
    for (const response of this.#events) response.destroy();
    this.#events.clear();
    const closed = new Promise((resolve) => this.#http.close(resolve));
    this.#http.closeAllConnections();
    await closed;
  }

  // --- what tests do ---
  setState(id, state, more = {}) {
    const camera = this.#byId(id);
    Object.assign(camera.wire, { state, fps: state === 'streaming' ? camera.wire.expected_fps : 0, last_error: null, next_retry_s: null }, more);
    if (state !== 'streaming') camera.stoppedAt ??= Date.now();
    else camera.stoppedAt = null;
    this.#tell('camera', this.#wire(camera));
  }

  add(id, more = {}) {
    const camera = this.#camera(id, this.cameras.length);
    Object.assign(camera.wire, more);
    this.cameras.push(camera);
    this.#tell('camera', this.#wire(camera));
  }

  remove(id) {
    this.cameras = this.cameras.filter((camera) => camera.wire.id !== id);
    this.cameras.forEach((camera, index) => (camera.wire.index = index));
    for (const stream of [...this.streams]) if (stream.camera === id) stream.close(1001);
    this.#tell('camera_removed', { id });
  }

  changeControl(id, name, value) {
    const { controls } = this.#byId(id);
    const control = controls.find((known) => known.name === name);
    control.value = value;
    this.#tell('controls', { camera: id, controls: [control, ...settle(controls)] });
  }

  // --- inside ---
  #camera(id, index) {
    const { width, height, fps } = this.defaults;
    const wire = {
      id, index, name: id, source: 'v4l2:/dev/video0', driver: 'v4l2', make: 'Camweave', model: 'Mock camera', serial: `MOCK-${index}`,
      width, height, format: 'MJPEG', state: 'streaming', last_frame_age_ms: 12, fps, expected_fps: fps,
      dropped: 0, restarts: 0, last_error: null, next_retry_s: null,
    };
    const controls = sensorControls();
    settle(controls);
    return { wire, controls, stoppedAt: null, start_s: (index % 6) * 9 };
  }

  #byId(id) {
    return this.cameras.find((camera) => camera.wire.id === id);
  }

  #wire(camera) {
    return { ...camera.wire, last_frame_age_ms: camera.stoppedAt ? Date.now() - camera.stoppedAt : camera.wire.last_frame_age_ms };
  }

  #health() {
    const keys = ['id', 'state', 'last_frame_age_ms', 'fps', 'expected_fps', 'dropped', 'restarts', 'last_error', 'next_retry_s'];
    this.#tell('health', { cameras: this.cameras.map((camera) => Object.fromEntries(keys.map((key) => [key, this.#wire(camera)[key]]))) });
  }

  #tell(name, data) {
    for (const response of this.#events) response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  async #route(request, response) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const [, camera_id, rest] = pathname.match(/^\/api\/v1\/cameras\/([^/]+)(\/.*)?$/) ?? [];
    if (this.forbidden && pathname.startsWith('/api/')) return answer(response, 403, { detail: this.forbidden });
    if (pathname === '/api/v1/cameras') return answer(response, 200, { cameras: this.cameras.map((camera) => this.#wire(camera)) });
    if (pathname === '/api/v1/server') return answer(response, 200, { version: '1.0.0-mock', uptime_s: 12, protected_mode: true });
    if (pathname === '/api/v1/events') return this.#openEvents(response);
    if (pathname === '/config') return this.#configRoute(request, response);
    if (camera_id) {
      const camera = this.#byId(decodeURIComponent(camera_id));
      if (!camera) return answer(response, 404, { detail: `no camera named ${camera_id}` });
      if (rest === '/snapshot.jpg') return this.#snapshot(camera, searchParams, response);
      if (rest?.startsWith('/controls')) return this.#controlsRoute(camera, rest, request, response);
    }
    return this.#file(pathname, response);
  }

  #openEvents(response) {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    this.#events.add(response);
    response.on('close', () => this.#events.delete(response));
    for (const camera of this.cameras) response.write(`event: camera\ndata: ${JSON.stringify(this.#wire(camera))}\n\n`);
  }

  async #configRoute(request, response) {
    if (request.method === 'GET') return answer(response, 200, this.config);
    const wanted = JSON.parse(await body(request));
    if (wanted.gap < -100 || wanted.gap > 100) return answer(response, 400, { detail: 'gap must be -100 to 100' });
    if (!pair_sizes.includes(wanted.stream.resolution.join('x'))) return answer(response, 400, { detail: 'stream_width, stream_height: no such size' });
    this.config = wanted;
    this.#tell('config', wanted);
    return answer(response, 200, { message: 'Configuration updated', config: wanted });
  }

  async #snapshot(camera, query, response) {
    if (camera.wire.state !== 'streaming') return answer(response, 503, { detail: `${camera.wire.id} is ${camera.wire.state}` });
    const { width, height } = camera.wire;
    const frames = await pictures({ width, height, quality: Number(query.get('quality') ?? 90), start_s: camera.start_s });
    response.writeHead(200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-store' });
    response.end(frames[Math.floor(Date.now() / 100) % frames.length]);
  }

  async #controlsRoute(camera, rest, request, response) {
    if (camera.wire.state === 'away' || camera.wire.state === 'starting') return answer(response, 503, { detail: `${camera.wire.id} is ${camera.wire.state}` });
    if (rest === '/controls/reset') {
      camera.controls.forEach((control) => control.default !== undefined && (control.value = control.default));
      settle(camera.controls);
      this.#tell('controls', { camera: camera.wire.id, controls: camera.controls });
      return answer(response, 200, { controls: camera.controls });
    }
    if (request.method === 'GET') return answer(response, 200, { controls: camera.controls });
    const { errors, applied, changed } = applyControls(camera.controls, JSON.parse(await body(request)));
    if (errors) return answer(response, 422, { detail: errors });
    this.#tell('controls', { camera: camera.wire.id, controls: changed });
    return answer(response, 200, { controls: applied });
  }

  async #file(pathname, response) {
    const path = normalize(join(dist, pathname === '/' ? 'index.html' : pathname));
    if (!path.startsWith(dist)) return answer(response, 404, { detail: 'not found' });
    const content = await readFile(path).catch(() => null);
    if (!content) return answer(response, 404, { detail: 'not found' });
    response.writeHead(200, { 'Content-Type': types[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': page_csp });
    return response.end(content);
  }

  #upgrade(sockets, request, socket, head) {
    const { pathname, searchParams } = new URL(request.url, this.url);
    const pair_index = pathname.match(/^\/ws\/stream\/(\d+)$/)?.[1];
    const id = pathname.match(/^\/api\/v1\/cameras\/([^/]+)\/jpeg$/)?.[1];
    const camera = pair_index !== undefined ? this.cameras[Number(pair_index)] : id && this.#byId(decodeURIComponent(id));
    if (!camera) return refuse(socket, '404 Not Found');
    if (this.refuseSizes && searchParams.get('size')) return refuse(socket, '503 Service Unavailable');
    sockets.handleUpgrade(request, socket, head, (stream) => {
      stream.camera = camera.wire.id;
      stream.pair = pair_index !== undefined;
      this.streams.add(stream);
      stream.on('close', () => this.streams.delete(stream));
      void this.#play(stream, camera, searchParams);
    });
  }

  // What this stream sends at this moment.
  #settings(stream, camera, query) {
    const { width, height } = this.defaults.source_size ?? camera.wire;
    if (stream.pair) {
      const { resolution, quality, fps } = this.config.stream;
      return { width: resolution[0], height: resolution[1], quality, fps: Math.min(fps, camera.wire.expected_fps) };
    }
    const [w, h] = query.get('size')?.split('x').map(Number) ?? [width, height];
    const fps = Math.min(Number(query.get('fps') ?? Infinity), camera.wire.expected_fps);
    return { width: w, height: h, quality: Number(query.get('quality') ?? 80), fps };
  }

  async #play(stream, camera, query) {
    const began = performance.now();
    let due = began;
    while (stream.readyState === stream.OPEN) {
      const settings = this.#settings(stream, camera, query);
      const frames = await pictures({ ...settings, start_s: camera.start_s });
      if (camera.wire.state === 'streaming' && stream.bufferedAmount < 2_000_000 && stream.readyState === stream.OPEN) {
        // Real footage has 10 pictures a second: step through it at that speed whatever the stream's rate is.
        const shown = settings.fps > 60 ? (this.sent.get(camera.wire.id) ?? 0) : Math.floor((performance.now() - began) / 100);
        stream.send(frames[shown % frames.length]);
        this.sent.set(camera.wire.id, (this.sent.get(camera.wire.id) ?? 0) + 1);
      }
      due = Math.max(due + 1000 / settings.fps, performance.now() - 100);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())));
    }
  }
}

function answer(response, status, content) {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(JSON.stringify(content));
}

function refuse(socket, status) {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}
