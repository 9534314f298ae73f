/** Serves the hosted VS Code with the built extension on a folder until it is interrupted: `npm start` without `code`. */
import { join, resolve } from 'node:path';
import { startHost } from './server';
import { hostFolder, repositoryRoot } from './versions';

async function main(): Promise<void> {
  const workspace = resolve(process.argv[2] ?? join(repositoryRoot, 'examples/workspace'));
  const host = await startHost({
    workspace,
    extension: repositoryRoot,
    // Kept between starts, so that settings, layout and saved results are there next time.
    profile: join(hostFolder, 'profile'),
    log: console.log,
  });
  // Ctrl+C comes from the terminal and again from the process that started this one, which must not end it before the server.
  let stopping: Promise<void> | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => void (stopping ??= host.stop()));
  console.log(
    `\nHeadscope runs in VS Code at\n\n  ${host.url}\n\nOpen it in a browser on this machine. Ctrl+C ends it.`,
  );
  await host.ended;
  await stopping;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
