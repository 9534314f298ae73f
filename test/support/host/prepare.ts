/** Brings what the browser, editor and package tiers need: the browser and the hosted VS Code. */
import { ensureHost } from './install';
import { ensureSystem } from './system';

async function main(): Promise<void> {
  ensureSystem(['browser'], console.log);
  await ensureHost(console.log);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
