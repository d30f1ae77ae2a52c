import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server on this machine that can be cut: bytes then go nowhere, and no end of a connection is told. */
export class Proxy {
  readonly #sockets = new Set<Socket>();
  #cut = false;

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly port: number,
  ) {}

  static async to(port: number): Promise<Proxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new Proxy(server, (server.address() as AddressInfo).port);
    server.on('connection', near => {
      const far = connect(port, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        proxy.#sockets.add(from);
        from.on('error', () => undefined);
        from.on('data', bytes => {
          if (!proxy.#cut) to.write(bytes);
        });
        from.on('close', () => {
          proxy.#sockets.delete(from);
          if (!proxy.#cut) to.destroy();
        });
      }
    });
    return proxy;
  }

  cut(): void {
    this.#cut = true;
  }

  /** Old connections have lost bytes and are ended; new ones go through. */
  mend(): void {
    this.#cut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.mend();
    this.server.close();
    await once(this.server, 'close');
  }
}
