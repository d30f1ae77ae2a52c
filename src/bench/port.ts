import type { Serializable } from 'node:child_process';
import type { MessagePort } from 'node:worker_threads';

/** What the two ends of a pipe between processes have in common. */
interface Pipe {
  send?(message: Serializable): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  off(event: 'message', listener: (message: unknown) => void): unknown;
}

/** One end of the pipe between two processes, as comlink's adapter for Node's message ports takes it. */
export function portOf(pipe: Pipe): MessagePort {
  const port = {
    postMessage: (message: Serializable) => pipe.send!(message),
    on: pipe.on.bind(pipe),
    off: pipe.off.bind(pipe),
  };
  return port as unknown as MessagePort;
}
