// npm start: from a fresh clone to Headscope running in VS Code on the example workspace.
// `code` on the PATH opens the desktop editor; without it, or with --hosted, a VS Code is served to the browser.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureDependencies, requireNode, root, run, tsx } from './setup.mjs';

requireNode();
ensureDependencies();
console.log('building');
const built = await run(process.execPath, ['build/bundle.mjs']);
if (!built.ok) {
  console.error(`The build failed: ${built.why}.`);
  process.exit(1);
}

const onWindows = process.platform === 'win32';
const workspace = join(root, 'examples/workspace');
const hosted = process.argv.includes('--hosted');
const desktop = !hosted && spawnSync('code', ['--version'], { stdio: 'ignore', shell: onWindows }).status === 0;

if (desktop) {
  const args = [`--extensionDevelopmentPath=${root}`, workspace];
  const opened = spawnSync('code', onWindows ? args.map((arg) => `"${arg}"`) : args, {
    stdio: 'inherit',
    shell: onWindows,
  });
  if (opened.status === 0) console.log('VS Code opens the example workspace with Headscope.');
  process.exit(opened.status ?? 1);
} else {
  // Same process group: Ctrl+C reaches the server's keeper, which stops the server and everything it started.
  const child = spawn(process.execPath, tsx('test/support/host/serve.ts', workspace), { cwd: root, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.once('exit', (code) => process.exit(code ?? 1));
}
