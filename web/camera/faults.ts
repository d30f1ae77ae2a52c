/** What keeps the camera from starting, and what to do about it. */
export function cameraFault(error: unknown): string {
  const { name, message } = error as DOMException;
  switch (name) {
    case 'NotAllowedError':
      return 'The browser does not let this page use the camera. Allow it by the sign at the address bar, then try again.';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'No camera was found. Connect one, then try again.';
    case 'NotReadableError':
    case 'AbortError':
      return 'The camera does not start. Another program may be using it: end that, then try again.';
    case 'SecurityError':
      return (
        'Browsers give the camera only to pages from this machine or over https. Run facegrad serve on this machine, or ' +
        'reach it through a tunnel (ssh -L 8484:localhost:8484) and open http://localhost:8484.'
      );
    default:
      return `The camera does not start: ${message}`;
  }
}
