import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from 'simple-statistics';
import type { CellProgram } from '../../compute-server/sweeps/cell-program';
import { OpenedSweep } from '../../compute-server/sweeps/opened-sweep';
import { StateStore, type StateLine } from '../../compute-server/sweeps/state-store';
import { statusOf } from '../../compute-server/sweeps/status';
import { SweepFolder } from '../../compute-server/sweeps/sweep-folder';
import type { Bench } from './support/bench';

const axis = Array.from({ length: 100 }, (_, at) => at);
const cells = 100_000;
const looks = 7;

const program: CellProgram = {
  run: 'bench',
  resumes: false,
  words: () => [],
  paths: () => [],
  fault: () => undefined,
  takes: () => false,
};

/** The status of a sweep of 100,000 cells, half of them done and a thousand failed: from the index, and with lines behind it. */
const sweeps: Bench = {
  name: 'Sweeps',
  async run(report) {
    const root = mkdtempSync(join(tmpdir(), 'headscope-sweeps-bench-'));
    try {
      const folder = new SweepFolder(join(root, 'a.headscope-sweep.yaml'));
      const matrix = { a: axis, b: axis };
      const sweep = { kind: 'headscope-sweep', version: 1, run: 'bench', matrix, seeds: 10 } as const;
      const open = () => new OpenedSweep(folder, sweep, '', program);
      await folder.make();
      const store = new StateStore(folder.path);
      const lines: StateLine[] = [];
      for await (const { key, cell } of open().keyed()) {
        const failed = cell.number % 100 === 1;
        const done = cell.number % 2 === 0;
        if (done) writeFileSync(folder.resultFile(key), '{}');
        const reason = 'The model has no heads, and the analysis is about them. Choose another model.';
        if (failed) lines.push({ key, state: 'failed', tries: 1, seconds: 1, reason });
        else lines.push({ key, state: done ? 'done' : 'cancelled', tries: 1, seconds: 1 });
      }
      await store.append(lines);
      await store.index();
      const journals = join(folder.submission(1), 'journals');
      mkdirSync(journals, { recursive: true });
      const look = async (): Promise<number> => {
        const from = performance.now();
        const { total, done, states } = await statusOf(open(), () => undefined);
        if (total !== cells || done !== cells / 2 || states.failed !== 1000) throw new Error('The status is wrong.');
        return performance.now() - from;
      };
      const times = async (): Promise<readonly number[]> => {
        const all: number[] = [];
        for (let number = 0; number < looks; number += 1) all.push(await look());
        return all;
      };
      const figure = (name: string, values: readonly number[]): void =>
        report.figure({
          name,
          value: median([...values]),
          unit: 'ms',
          target: 1000,
          note: `${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)} ms of ${looks}`,
        });
      figure('status of 100,000 cells, from the index', await times());
      for (let number = 0; number < 200; number += 1) {
        const own = lines.slice(number * 100, number * 100 + 100);
        const text = own.map((line) => `${JSON.stringify(line)}\n`).join('');
        writeFileSync(join(journals, `${String(number).padStart(6, '0')}.jsonl`), text);
      }
      figure('the same, with 20,000 lines in 200 journals', await times());
    } finally {
      rmSync(root, { recursive: true });
    }
  },
};

export default sweeps;
