// Svelte's settings: TypeScript in components, styles in a file of their own (the page's CSP allows no inline style).
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default {
  preprocess: vitePreprocess({ script: false }),
  compilerOptions: { css: 'external', runes: true },
};
