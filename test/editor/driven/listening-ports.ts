/** TCP ports that processes listen on, as Linux lists them. */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';

/** State of a socket that waits for connections, in /proc/net/tcp. */
const listens = '0A';

export function listeningPorts(pids: readonly number[]): readonly number[] {
  const held = new Set(pids.flatMap(socketsOf));
  const ports = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/u))
      .filter(([, , , state, , , , , , socket]) => state === listens && held.has(socket ?? ''))
      .map(([, address]) => Number.parseInt(address?.split(':')[1] ?? '', 16)),
  );
  return [...new Set(ports)].sort((a, b) => a - b);
}

function socketsOf(pid: number): readonly string[] {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).flatMap(
      (name) => /^socket:\[(\d+)\]$/u.exec(readlinkSync(`${folder}/${name}`))?.[1] ?? [],
    );
  } catch {
    return []; // It ended while we looked.
  }
}
