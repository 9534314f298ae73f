// npm run screenshots: the pictures of the README, from the real VS Code with the built extension, into docs/images.
import { ensureDependencies, requireNode, run, tsx } from './setup.mjs';

requireNode();
ensureDependencies();
for (const step of [['build/bundle.mjs'], tsx('test/editor/screenshots.ts', ...process.argv.slice(2))]) {
  const { ok, why } = await run(process.execPath, step);
  if (ok) continue;
  console.error(`No pictures: ${step.at(-1)}: ${why}.`);
  process.exit(1);
}
