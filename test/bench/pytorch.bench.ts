/**
 * Patching, attribution and gradients against PyTorch on the same weights and token ids. On request alone: PyTorch is no dependency,
 * and HEADSCOPE_PYTHON names a Python that has it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../compute-server/model/checkpoint/loaded-model';
import { runGradients } from '../../compute-server/model/gradient/gradient-run';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import { cellsOf } from '../../diagnostics/circuits/attribution/cells';
import { estimated } from '../../diagnostics/circuits/attribution/estimates';
import { exactly } from '../../diagnostics/circuits/attribution/exact';
import { measured } from '../../diagnostics/shared/effects/subjects';
import { runnerOf } from '../support/model-jobs';
import { promptIds } from '../support/checkpoints/open-tiny';
import { tinyModel, writeTinyModel } from '../support/checkpoints/tiny-models';
import type { Bench, Report } from './support/bench';
import { PyTorch } from './support/pytorch/process';
import { fourLayers, writeSyntheticModel } from './support/synthetic-model';

/** One for each: where the machine does other work, threads that wait for each other are what two would measure. */
const threads = 1;
const length = 512;
const rounds = 5;
const steps = 5;
const [right, wrong] = [7, 9];

const bench: Bench = {
  name: 'pytorch',
  onRequest: true,
  async run(report) {
    await inFolder((folder) => agreement(report, folder));
    await inFolder((folder) => times(report, folder));
  },
};
export default bench;

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-pytorch-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Largest differences over all heads and MLPs of a tiny llama, in logits. */
async function agreement(report: Report, folder: string): Promise<void> {
  writeTinyModel(folder, tinyModel('llama'));
  const other = promptIds.map((id, at) => (at === 6 || at === 11 ? (id + 7) % 61 : id));
  const torch = await PyTorch.start(folder, threads);
  const theirs = await torch.ask({ do: 'compare', ids: promptIds, other, right, wrong, steps });
  await torch.stop();
  const opened = await openModel(folder, { device: 'cpu', threads, limitBytes: 1e9 });
  try {
    const model = runnerOf(opened);
    const [clean, corrupted] = [{ ids: promptIds }, { ids: other }];
    const asked = [{ row: promptIds.length - 1, tokens: [right, wrong] }];
    const pair = { clean, corrupted, asked, right: 1, roles: {}, tokens: promptIds.map(String) };
    const prompt = { sequence: clean, asked, right: 1, pair };
    const cells = cellsOf(model.facts, []);
    const settings = { metric: 'logit-difference', columns: [], variant: [] } as const;
    const level = async (sequence: typeof clean): Promise<number> =>
      (await measured(model, sequence, pair, 'logit-difference', [[]]))[0]?.[0] ?? Number.NaN;
    const ours = {
      metric: [await level(clean), await level(corrupted)],
      exact: await exactly(model, prompt, cells, { ...settings, steps: 0 }),
      gradient: await estimated(model, prompt, cells, { ...settings, steps: 0 }),
      integrated: await estimated(model, prompt, cells, { ...settings, steps }),
    };
    const compared = [
      ['metric of prompt and counterpart', ours.metric, [theirs.original, theirs.counterpart]],
      ['exact effects by patching', ours.exact, theirs.exact],
      ['estimates by the gradient at the prompt', ours.gradient, theirs.gradient],
      [`estimates by integrated gradients, ${steps} steps`, ours.integrated, theirs.integrated],
    ] as const;
    for (const [what, own, their] of compared) {
      if (own.length !== their.length) throw new Error(`${own.length} numbers and ${their.length} of PyTorch: ${what}`);
      const difference = Math.max(...own.map((value, at) => Math.abs(value - (their[at] ?? Number.NaN))));
      const largest = Math.max(...their.map(Math.abs));
      report.figure({
        name: `${what}: largest difference from PyTorch ${torch.version}, tiny llama of ${cells.length} heads and MLPs`,
        value: difference,
        unit: 'logits',
        target: 1e-4,
        note: `of at most ${largest.toPrecision(3)}`,
      });
    }
  } finally {
    await opened.sessions.release();
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Computing time in turns, so that what else the machine does falls on both. */
async function times(report: Report, folder: string): Promise<void> {
  writeSyntheticModel(folder, fourLayers);
  const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
  const rows = ids.slice(0, -1).map((_, row) => row);
  const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
  const torch = await PyTorch.start(folder, threads);
  const taps = model.spec.blocks.map(({ index }) => ({ layer: index, tap: 'attention.head_output' }) as const);
  const seconds = async (act: () => Promise<number>): Promise<readonly [value: number, seconds: number]> => {
    const before = process.cpuUsage();
    const value = await act();
    const { user, system } = process.cpuUsage(before);
    return [value, (user + system) / 1e6];
  };
  const forward = (): Promise<number> =>
    runPrompt(model.spec, model.sessions, { ids, chunk: length, logits: 'none', plain: true, lossAt: rows }).then(
      () => 0,
    );
  const both = (): Promise<number> =>
    runGradients(model, { ids, chunk: length, objective: { kind: 'loss', rows }, taps }).then(
      ({ objective }) => objective,
    );
  const found = { forward: [] as number[], both: [] as number[] };
  const theirs = [true, false].map((fused) => ({ fused, forward: [] as number[], both: [] as number[] }));
  let difference = 0;
  for (let round = 0; round <= rounds; round++) {
    const [, ownForward] = await seconds(forward);
    const [loss, ownBoth] = await seconds(both);
    if (round > 0) {
      found.forward.push(ownForward);
      found.both.push(ownBoth);
    }
    for (const one of theirs) {
      const timed = await torch.ask({ do: 'time', ids, fused: one.fused });
      difference = Math.max(difference, Math.abs(timed.loss - loss));
      // The first round opens sessions and fills caches.
      if (round === 0) continue;
      one.forward.push(timed.forward);
      one.both.push(timed.both);
    }
  }
  await torch.stop();
  await model.sessions.release();
  const shape = `4 layers x 8 heads of 64, ${length} tokens, one thread`;
  report.figure({ name: `loss: difference from PyTorch, ${shape}`, value: difference, unit: 'nats', target: 1e-4 });
  const milliseconds = (values: readonly number[]): string => `${(1000 * median(values)).toFixed(0)} ms`;
  for (const { fused, ...their } of theirs) {
    for (const kind of ['forward', 'both'] as const) {
      const ratios = found[kind].map((own, round) => own / (their[kind][round] ?? Number.NaN));
      report.figure({
        name: `${kind === 'both' ? 'forward and backward pass to the outputs of heads' : 'forward pass with the loss'}, computing time against PyTorch eager with ${fused ? 'fused attention' : 'products and a softmax'}, ${shape}`,
        value: median(ratios),
        unit: 'times',
        note: `${milliseconds(found[kind])} and ${milliseconds(their[kind])}`,
      });
    }
  }
}
