import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// The pages are served by Fairview's own web process under a strict content policy: no inline
// script or style may come out of this build.
export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: '../src/fairview/web_dist',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8443', ws: true } } },
})
