/** Runs a script under the host's Node 24: `tsx test/support/host/with-node24.ts SCRIPT ARGUMENT…`. */
import { spawn } from 'node:child_process';
import { cleanEnvironment } from './environment';
import { ensureNode24 } from './install';

async function main(): Promise<void> {
  const node = await ensureNode24(console.error);
  const child = spawn(node, process.argv.slice(2), { stdio: 'inherit', env: cleanEnvironment() });
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('exit', done));
  process.exitCode = code ?? 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
