import { connect, type Socket } from 'node:net';

/** What came back over a socket. */
export interface RawAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes as they are, as no client library would, and reads until the server closes the connection. */
export function raw(port: number, request: string | Buffer): Promise<RawAnswer> {
  return answerOf(port, socket => {
    socket.write(request);
  });
}

/** Lines of a request, with those of `headers`; the server is asked to close the connection afterwards. */
export function head(target: string, headers: Record<string, string> = {}, method = 'GET'): string {
  const lines = Object.entries({ Host: 'localhost', Connection: 'close', ...headers });
  return [`${method} ${target} HTTP/1.1`, ...lines.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
}

/** The answer to what `send` writes, bit by bit perhaps. */
export function answerOf(port: number, send: (socket: Socket) => void): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      send(socket);
    });
    const chunks: Buffer[] = [];
    const done = () => {
      const text = Buffer.concat(chunks).toString('latin1');
      if (text === '') reject(new Error('the connection was closed without an answer'));
      else resolve(parse(text));
    };
    socket.on('data', chunk => chunks.push(chunk));
    socket.on('end', done);
    // A server that has answered may not read what it has refused.
    socket.on('error', done);
  });
}

function parse(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first, ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map(line => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { status: Number(first!.split(' ')[1]), headers: Object.fromEntries(headers), body: text.slice(end + 4) };
}
