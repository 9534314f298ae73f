/**
 * A step that does not end and has started a process in a group of its own, which started another and left it: what a hosted
 * editor is under a tier. Writes the numbers of the processes to the file that it is given. With `and end`, it ends itself.
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [, , file = '', ends] = process.argv;
const wait = 'setInterval(() => {}, 1000);';
const starts = `const { spawn } = require('node:child_process');
const child = spawn(process.execPath, ['-e', ${JSON.stringify(wait)}], { detached: true, stdio: 'ignore' });
child.unref();
process.send(child.pid);`;

/** Leads a group, starts an orphan and stays, or ends at once. */
const start = (then: string): Promise<readonly number[]> =>
  new Promise((done) => {
    const child = spawn(process.execPath, ['-e', `${starts} ${then}`], {
      detached: true,
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.once('message', (orphan) => {
      child.unref();
      child.channel?.unref();
      done([...(child.pid === undefined ? [] : [child.pid]), Number(orphan)]);
    });
  });

async function main(): Promise<void> {
  const kept = await start(wait);
  const left = await start('process.disconnect();');
  writeFileSync(file, JSON.stringify({ pids: [...kept, left[1]] }));
  if (ends === undefined) setInterval(() => undefined, 1000);
}

void main();
