/** Loaded by VS Code in the extension host: runs the bundled tests beside it and writes what they found. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { patience } from '../../support/patience';
import { collectFailed } from '../../support/failed-tests';
import type { FailedTests } from '../../support/failed-tests';
import type { HostResult } from '../run-host-tests';

/** Mocha's spec reporter writes to the console, which in the extension host leads nowhere: keep the text. */
function keepConsole(): () => string {
  const lines: string[] = [];
  Mocha.reporters.Base.consoleLog = (...values: unknown[]) => {
    lines.push(format(...values));
  };
  return () => lines.join('\n');
}

export async function run(): Promise<void> {
  const file = process.env['HEADSCOPE_EDITOR_RESULT'];
  if (file === undefined) throw new Error('HEADSCOPE_EDITOR_RESULT names no file for the result.');
  const output = keepConsole();
  const mocha = new Mocha({ timeout: patience(30_000), forbidOnly: true, reporter: 'spec', color: false });
  for (const name of readdirSync(__dirname).filter((entry) => entry.endsWith('.test.js'))) {
    mocha.addFile(join(__dirname, name));
  }
  const { stats, failed } = await new Promise<{ stats: Mocha.Stats | undefined; failed: FailedTests }>((done) => {
    const runner = mocha.run(() => done({ stats: runner.stats, failed: failed() }));
    const failed = collectFailed(runner);
  });
  const result: HostResult = {
    passed: stats?.passes ?? 0,
    failed: stats?.failures ?? 0,
    skipped: stats?.pending ?? 0,
    ...failed,
    output: output(),
  };
  writeFileSync(file, JSON.stringify(result));
}
