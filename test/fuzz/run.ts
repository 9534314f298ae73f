/**
 * The fuzz tier: every subject of this folder at the counts of `npm test`, or with `--full` at those of `npm run test:fuzz`.
 * Names choose subjects; `--from 123 --count 1` asks one seed again and prints its input.
 */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { runSubject, type Report } from '../support/fuzz/runner';
import type { Subject } from '../support/fuzz/subject';
import type { FailedTest } from '../support/failed-tests';
import { writeTierResult } from '../support/tier-result';

const names = readdirSync(__dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(__dirname, entry.name, 'subject.ts')))
  .map(({ name }) => name)
  .sort();

const wholeNumber = (text: string | undefined, fallback: number): number => {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error('--from and --count are whole numbers from 1 on.');
  return value;
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { full: { type: 'boolean' }, from: { type: 'string' }, count: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`There is no subject ${unknown.join(', ')}: choose from ${names.join(', ')}.`);
  let passed = 0;
  let failed = 0;
  const failures: FailedTest[] = [];
  for (const name of positionals.length > 0 ? positionals : names) {
    const file = join(__dirname, name, 'subject.ts');
    const { subject } = (await import(file)) as { subject: Subject };
    const from = wholeNumber(values.from, 1);
    const count = wholeNumber(values.count, values.full === true ? subject.counts.full : subject.counts.tier);
    if (count === 1)
      console.log(`${name} ${from}: ${inspect(subject.make(from), { depth: 8, maxStringLength: 2000 })}`);
    const start = performance.now();
    const report = await runSubject({ file, subject, from, count, workers: Math.min(4, availableParallelism()) });
    print(name, report, (performance.now() - start) / 1000);
    if (report.findings.length === 0 && report.complaint === undefined && report.inputs === count) passed++;
    else {
      failed += Math.max(1, report.findings.length);
      failures.push(...failuresOf(name, report, count));
    }
  }
  console.log(`fuzz: ${passed} passed, ${failed} failed`);
  writeTierResult({ passed, failed, skipped: 0, failures, retried: [], passes: {} });
  if (failed > 0) process.exitCode = 1;
}

const again = (name: string, seed: number): string => `again: npm run test:fuzz -- ${name} --from ${seed} --count 1`;

function failuresOf(name: string, { findings, complaint, inputs }: Report, count: number): readonly FailedTest[] {
  const file = `test/fuzz/${name}`;
  if (findings.length === 0) return [{ file, title: name, error: complaint ?? `${inputs} of ${count} inputs ran.` }];
  return findings.map(({ seed, what, detail }) => ({
    file,
    title: `${name}, seed ${seed} ${what}`,
    error: `${detail}\n${again(name, seed)}`,
  }));
}

function print(name: string, { inputs, values, refusals, findings, complaint }: Report, seconds: number): void {
  console.log(
    `${name.padEnd(16)} ${inputs} inputs, ${values} answered, ${refusals} refused, ${findings.length} failed, ${seconds.toFixed(1)} s`,
  );
  if (complaint !== undefined) console.log(`  ${complaint}`);
  for (const { seed, what, detail, alone } of findings) {
    const later = alone ? '' : ' (only after the inputs before it)';
    console.log(`  seed ${seed} ${what}${later}: ${detail}`);
    console.log(`    ${again(name, seed)}`);
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
