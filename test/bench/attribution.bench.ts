/** What estimating the effects of all heads and MLPs costs beside patching each, with the check of the estimates counted in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { cellsOf } from '../../diagnostics/circuits/attribution/cells';
import { chosenOf } from '../../diagnostics/circuits/attribution/selection';
import { estimated, type Estimating } from '../../diagnostics/circuits/attribution/estimates';
import { exactly } from '../../diagnostics/circuits/attribution/exact';
import { runnerOf } from '../support/model-jobs';
import type { Bench } from './support/bench';
import { writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const rounds = 2;
const steps = 5;
const length = 32;
const size = { layers: 24, heads: 16, headDim: 32, inner: 1024, vocabulary: 1000, contextLength: 512 };

const bench: Bench = {
  name: 'attribution',
  onRequest: true,
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-attribution-'));
    try {
      writeSyntheticModel(folder, size);
      const opened = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
      const model = runnerOf(opened);
      const ids = Array.from({ length }, (_, i) => (i * 7919) % size.vocabulary);
      const other = ids.map((id, at) => (at === 3 || at === 7 ? (id + 7) % size.vocabulary : id));
      const [clean, corrupted] = [{ ids }, { ids: other }];
      const asked = [{ row: length - 1, tokens: [7, 9] }];
      const pair = { clean, corrupted, asked, right: 1, roles: {}, tokens: ids.map(String) };
      const prompt = { sequence: clean, asked, right: 1, pair };
      const cells = cellsOf(model.facts, []);
      const settings: Estimating = { metric: 'logit-difference', columns: [], variant: [], steps };
      let estimates = cells.map(() => 0);
      // A patch runs its own layer and those above it.
      const layersRun = (some: readonly { readonly layer: number }[]): number =>
        some.reduce((sum, { layer }) => sum + size.layers - layer, 0) / some.length;
      let checkedLayers = Number.NaN;
      const kinds = {
        estimates: async () => {
          estimates = [...(await estimated(model, prompt, cells, settings))];
        },
        check: async () => {
          const chosen = chosenOf(cells, estimates, { checked: 10, random: 12 }, 0);
          const some = chosen.map(({ cell }) => cell);
          checkedLayers = layersRun(some);
          await exactly(model, prompt, some, settings);
        },
        all: () => exactly(model, prompt, cells, settings),
      } as const;
      const times = { estimates: [] as number[], check: [] as number[], all: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        for (const kind of ['estimates', 'check', 'all'] as const) {
          const before = process.cpuUsage();
          await kinds[kind]();
          const { user, system } = process.cpuUsage(before);
          // The first round opens the sessions.
          if (round > 0) times[kind].push((user + system) / 1e6);
        }
      }
      const median = (values: readonly number[]): number =>
        [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
      const ratios = times.all.map((all, at) => all / ((times.estimates[at] ?? NaN) + (times.check[at] ?? NaN)));
      report.figure({
        name: `patching all ${cells.length} heads and MLPs, against integrated gradients (${steps} steps) with the tenth and 12 others patched, computing time, ${length} tokens`,
        value: median(ratios),
        unit: 'times',
        target: 5,
        comparison: 'atLeast',
        note: `${median(times.all).toFixed(2)} s; estimates ${median(times.estimates).toFixed(2)} s, check ${median(times.check).toFixed(2)} s; layers run for a patch on average ${layersRun(cells).toFixed(1)}, of the check ${checkedLayers.toFixed(1)}`,
      });
      report.figure({
        name: 'the same against the estimates alone',
        value: median(times.all.map((all, at) => all / (times.estimates[at] ?? NaN))),
        unit: 'times',
      });
      await opened.sessions.release();
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;
