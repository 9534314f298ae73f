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
  const folder = `/proc/${pid}/fd`;
  return filesIn(folder).flatMap((name) => /^socket:\[(\d+)\]$/u.exec(targetOf(`${folder}/${name}`))?.[1] ?? []);
}

/** None if the process has ended. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty if the file was closed meanwhile, as the one that lists the folder always is. */
function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
