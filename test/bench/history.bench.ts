import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from 'simple-statistics';
import { History } from '../../extension/history/history';
import { HistoryFolder } from '../../extension/history/history-folder';
import { benchmarkText, parseBenchmark } from '../../extension/results/benchmark-file';
import type { Bench } from './support/bench';

const results = 5000;
const openings = 9;

const windowOn = (path: string): History => {
  const folder = new HistoryFolder({ path, mayWrite: true, holds: 'own', questionOf: () => undefined });
  return new History({
    folders: () => [folder],
    target: () => folder,
    bounds: () => ({ results: 2 * results, bytes: 1e12 }),
    share: () => Promise.reject(new Error('nothing is shared')),
    prepare: () => Promise.resolve(),
  });
};

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

const spread = (values: readonly number[]) =>
  `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms of ${values.length}`;

/** A history of 5,000 results: the list of a window that opens, from the index; the same from its files; one more result. */
const history: Bench = {
  name: 'History',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-history-bench-'));
    try {
      const path = join(root, 'history');
      mkdirSync(path);
      const saved = join(__dirname, '../fixtures/results/decode-2026-11-30.headscope-bench.json');
      const parsed = parseBenchmark(readFileSync(saved, 'utf8'));
      if (!parsed.ok) throw new Error(parsed.why);
      const benchmark = parsed.result;
      const text = benchmarkText(benchmark);
      for (let number = 0; number < results; number += 1) {
        const created = new Date(Date.UTC(2026, 0, 1) + number * 60_000).toISOString();
        const name = `result-${number.toString(16).padStart(12, '0')}.headscope-bench.json`;
        writeFileSync(join(path, name), text.replace(benchmark.created, created));
      }
      // The first look makes the index, and stands for an index that was lost.
      const lost = await timed(() => windowOn(path).list());
      const listed: number[] = [];
      const searched: number[] = [];
      const kept: number[] = [];
      for (let opening = 0; opening < openings; opening += 1) {
        const opened = windowOn(path);
        listed.push(await timed(() => opened.list()));
        searched.push(await timed(() => opened.search('kernels decode')));
        const created = new Date(Date.UTC(2026, 6, 1) + opening * 60_000).toISOString();
        kept.push(await timed(() => opened.keep('benchmark', { ...benchmark, created })));
      }
      const count = readdirSync(path).filter((name) => name.endsWith('.json')).length;
      if ((await windowOn(path).list()).length !== count) throw new Error('The list is not what lies in the folder.');
      const figure = (name: string, values: readonly number[], target?: number): void =>
        report.figure({
          name,
          value: median([...values]),
          unit: 'ms',
          ...(target === undefined ? {} : { target }),
          note: spread(values),
        });
      figure(`${results.toLocaleString('en-US')} results listed when a window opens`, listed, 200);
      figure('the same searched for two words', searched);
      figure('one more kept', kept);
      report.figure({ name: 'the index made again from the files', value: lost, unit: 'ms', note: 'once' });
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  },
};

export default history;
