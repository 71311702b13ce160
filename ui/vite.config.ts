import { defineConfig } from 'vite'

// The pages are embedded in the program from the folder that they are built into: see internal/web/ui.
export default defineConfig({
  base: '/_/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../internal/web/ui/dist/pages',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700, // hls.js, which is loaded when it is needed
    rollupOptions: { input: ['console.html', 'watch.html', 'home.html'] },
  },
})
