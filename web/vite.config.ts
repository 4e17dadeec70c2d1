// How the page is built: one index.html and hashed files under assets/, nothing inline, so that the server can embed
// them, send the assets as immutable and forbid inline script. `npm run dev` passes API calls on to CAMWEAVE_URL.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env.CAMWEAVE_URL ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2020',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    cssCodeSplit: false,
    reportCompressedSize: false,
  },
  worker: { format: 'iife' },
  server: {
    proxy: {
      '/api': { target: server, ws: true },
      '/ws': { target: server, ws: true },
      '/config': { target: server },
    },
  },
});
