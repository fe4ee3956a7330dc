import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `npm run dev` sends API calls to a running Yunshu: YUNSHU_URL, or the gateway's plain loopback port.
const gateway = process.env["YUNSHU_URL"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  server: {
    host: "127.0.0.1",
    port: 5173,
    proxy: { "/api": { target: gateway, changeOrigin: true, secure: false } },
  },
  build: {
    target: "es2022",
    // The portal's CSP has no `data:` for scripts and styles, and small files compress better together anyway.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1800,
    rollupOptions: { input: { index: "index.html", reference: "reference.html" } },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
