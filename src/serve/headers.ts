/**
 * Nothing but what this server sends is loaded or run by its pages: OpenCV is WebAssembly, pictures that somebody drops are
 * blobs, and their overlays data.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
];

/**
 * On every answer; answers may bring a `Cache-Control` of their own. There is no Strict-Transport-Security: it is all http,
 * on names that other programs of the machine have too.
 */
export const HEADERS: ReadonlyMap<string, string> = new Map([
  ['Content-Security-Policy', CONTENT_SECURITY_POLICY.join('; ')],
  ['Permissions-Policy', 'camera=(self), microphone=(), geolocation=(), display-capture=()'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Referrer-Policy', 'no-referrer'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Cache-Control', 'no-store'],
]);
