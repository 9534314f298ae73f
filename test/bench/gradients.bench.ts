/** What a gradient costs beside the forward pass of the same prompt. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { runGradients } from '../../compute-server/model/gradient/gradient-run';
import type { GradientRequest } from '../../diagnostics/model-runner/gradients';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import type { Bench, Report } from './support/bench';
import { fourLayers, writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const length = 512;
const rounds = 9;

const bench: Bench = {
  name: 'gradients',
  async run(report) {
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-gradients-'));
    try {
      writeSyntheticModel(folder, fourLayers);
      await againstForward(report, folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};
export default bench;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Rounds of each kind one after the other, so that a slow moment of the machine hits all; by the clock and by computing time. */
async function againstForward(report: Report, folder: string): Promise<void> {
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
  const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
  const rows = ids.slice(0, -1).map((_, row) => row);
  const loss = { kind: 'loss', rows } as const;
  const last = { kind: 'logits', terms: [{ row: length - 1, token: 7, weight: 1 }] } as const;
  const layers = model.spec.blocks.map(({ index }) => index);
  const heads = layers.map((layer) => ({ layer, tap: 'attention.head_output' }) as const);
  const weights = layers.map((layer) => `model.layers.${layer}.self_attn.o_proj.weight`);
  const gradient = async (request: Omit<GradientRequest, 'ids'>): Promise<void> =>
    void (await runGradients(model, { ids, chunk: length, ...request }));
  const forward = async (): Promise<void> =>
    void (await runPrompt(model.spec, model.sessions, { ids, chunk: 256, logits: 'none', plain: true, lossAt: rows }));
  const kinds = [
    ['forward', forward],
    ['of the loss, by head outputs', () => gradient({ objective: loss, taps: heads })],
    ['of a logit, by gains of heads', () => gradient({ objective: last, headGains: true })],
    ['of the loss, by gains and output projections', () => gradient({ objective: loss, headGains: true, weights })],
    ['of the loss, in chunks of 256', () => gradient({ objective: loss, taps: heads, chunk: 256 })],
  ] as const;
  const times = kinds.map(() => ({ wall: [] as number[], cpu: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [at, [, run]] of kinds.entries()) {
      const [started, before] = [performance.now(), process.cpuUsage()];
      await run();
      const { user, system } = process.cpuUsage(before);
      // The first round opens the sessions.
      if (round === 0) continue;
      times[at]?.wall.push(performance.now() - started);
      times[at]?.cpu.push((user + system) / 1000);
    }
  }
  const ratios = (at: number, by: 'wall' | 'cpu'): number =>
    median((times[at]?.[by] ?? []).map((time, round) => time / (times[0]?.[by][round] ?? Number.NaN)));
  const shape = `4 layers x 8 heads of 64, ${length} tokens`;
  kinds.forEach(([name], at) => {
    const note = `${median(times[at]?.wall ?? []).toFixed(0)} ms; ${ratios(at, 'cpu').toFixed(2)} times by computing time`;
    if (at === 0) report.figure({ name: `forward pass with the loss, ${shape}`, value: 1, unit: 'times', note });
    else {
      report.figure({
        name: `gradient ${name}, against the forward pass, ${shape}`,
        value: ratios(at, 'wall'),
        unit: 'times',
        target: 4,
        comparison: 'atMost',
        note,
      });
    }
  });
  await model.sessions.release();
}
