// `npm run mock [CAMERAS] [PORT]`: the mock server by hand, for working on the page.
import { MockServer } from './server.mjs';

const server = new MockServer({ cameras: Number(process.argv[2] ?? 2) });
server.port = Number(process.argv[3] ?? 8000);
await server.start();
console.log(`mock server with ${server.cameras.length} cameras at ${server.url}`);
