/**
 * Heads that read a span of image length: what the two passes cost beside one plain prefill, what held gains cost in decoding,
 * and what leaves the runtime while T-VHD of a caption is measured.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { reinforcedLayers } from '../../diagnostics/shared/divergence/divergence';
import { DivergenceRun } from '../../diagnostics/shared/divergence/divergence-run';
import type { LayerSessions } from '../../compute-server/model/run/graphs/layer-sessions';
import { openModel, type LoadedModel } from '../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../compute-server/model/run/stream/model-run';
import { sequenceOf } from '../../compute-server/model/prompt/prompt';
import { startReinforced } from '../../compute-server/model/generation/reinforcement';
import { SequenceRun } from '../../compute-server/model/generation/sequence-run';
import { spanPair } from '../../diagnostics/shared/divergence/span-pair';
import { runnerOf } from '../support/model-jobs';
import type { Bench, Report } from './support/bench';
import { tinyPixels, writePng } from '../support/checkpoints/tiny-vision';
import { fourLayers, writeSyntheticLlava, writeSyntheticModel } from './support/synthetic-model';

const threads = 2;
const chunk = 256;
/** As LLaVA 1.5 has them: 576 image tokens in a prompt of 636. */
const span = { start: 30, end: 606 };
const length = 636;
const captionLength = 64;
const ids = Array.from({ length }, (_, i) => (i * 7919) % fourLayers.vocabulary);
const pair = spanPair({ ids }, { kind: 'span', ...span }, 'contiguous');
const measure = { distance: 'l2', outliers: 'paper', k: 1 } as const;
const shape = `4 layers x 8 heads of 64, ${length} tokens of which ${span.end - span.start} are left out`;

const demo = resolve(__dirname, '../../examples/models/demo-vlm');
const scene = resolve(__dirname, '../../examples/pictures/scenes/scene-000.png');

const bench: Bench = {
  name: 'hallucination',
  async run(report) {
    // The process that decodes pictures starts from its TypeScript source here.
    process.execArgv.push('--require', require.resolve('tsx/cjs'));
    const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-hallucination-'));
    try {
      writeSyntheticModel(folder, fourLayers);
      const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
      await firstStep(report, model);
      await decoding(report, model);
      await wholeCaption(report, model);
      await model.sessions.release();
    } finally {
      rmSync(folder, { recursive: true });
    }
    await withEncoder(report);
    if (existsSync(join(demo, 'model.safetensors')) && existsSync(scene)) await ofTheDemoModel(report);
  },
};
export default bench;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await act();
  return performance.now() - started;
}

/** Rounds of each kind in turn, the first of them untimed; ratios to the first kind. */
async function ratios(kinds: readonly (() => Promise<unknown>)[], rounds: number) {
  const all: number[][] = [];
  for (let round = 0; round <= rounds; round++) {
    const times: number[] = [];
    for (const kind of kinds) times.push(await timed(kind));
    if (round > 0) all.push(times);
  }
  return {
    base: median(all.map(([first = NaN]) => first)),
    of: (kind: number): number => median(all.map((times) => (times[kind] ?? NaN) / (times[0] ?? NaN))),
  };
}

async function firstStep(report: Report, model: LoadedModel): Promise<void> {
  const { spec, sessions } = model;
  const text = { alpha: 2, distance: 'l2', outliers: 'paper', heads: 'selected', normMatched: false, seed: 0 } as const;
  const layers = reinforcedLayers(spec.blocks.length);
  const measured = await ratios(
    [
      () => runPrompt(spec, sessions, { ids, chunk, logits: 'last', plain: true }),
      () => DivergenceRun.start(runnerOf(model), { pair, chunk, measure, further: 0 }),
      () => startReinforced(spec, sessions, { pair, setup: { ...text, layers, executor: 'in-graph' }, chunk: length }),
    ],
    15,
  );
  const note = `median of 15 rounds; plain prefill ${measured.base.toFixed(0)} ms, ${threads} threads`;
  report.figure({
    name: `divergence of all heads at the first step (both passes) against one plain prefill, ${shape}`,
    value: measured.of(1),
    unit: 'times',
    target: 2.2,
    comparison: 'atMost',
    note,
  });
  report.figure({
    name: `prompt with gains chosen in the graph (both passes) against one plain prefill, ${shape}`,
    value: measured.of(2),
    unit: 'times',
    note: `${note}; ${layers.length} of ${spec.blocks.length} layers reinforced`,
  });
}

async function decoding(report: Report, model: LoadedModel): Promise<void> {
  const { spec, sessions } = model;
  const setup = {
    alpha: 2,
    layers: reinforcedLayers(spec.blocks.length),
    distance: 'l2',
    outliers: 'paper',
    heads: 'selected',
    normMatched: false,
    executor: 'in-graph',
    seed: 0,
  } as const;
  const plain = await SequenceRun.start(spec, sessions, { ...pair.whole, chunk });
  const { run: reinforced } = await startReinforced(spec, sessions, { pair, setup, chunk: length });
  // Both grow alike: a token here, a token there, so that a slow moment hits both.
  const pairs: [number, number][] = [];
  for (let step = 0; step < 200; step++) {
    const token = (step * 31) % fourLayers.vocabulary;
    const one = await timed(() => plain.extend([token]));
    const other = await timed(() => reinforced.extend([token]));
    if (step >= 20) pairs.push([one, other]);
  }
  report.figure({
    name: `decoding with reinforced heads against plain decoding, per token after the first, ${shape}`,
    value: median(pairs.map(([one, other]) => other / one)),
    unit: 'times',
    target: 1.05,
    comparison: 'atMost',
    note: `median of ${pairs.length} pairs of tokens; plain ${median(pairs.map(([one]) => one)).toFixed(2)} ms a token`,
  });
}

/** T-VHD of a caption, with everything counted that a layer gives out. */
async function wholeCaption(report: Report, model: LoadedModel): Promise<void> {
  let [bytes, maps] = [0, 0];
  const session = async (piece: Parameters<LayerSessions['session']>[0]) => {
    const opened = await model.sessions.session(piece);
    if (piece.kind !== 'block' && piece.kind !== 'step' && piece.kind !== 'steps') return opened;
    return {
      ...opened,
      async run(feeds: Parameters<typeof opened.run>[0], fetches?: readonly string[]) {
        const values = await opened.run(feeds, fetches);
        for (const [path, { data }] of Object.entries(values)) {
          const name = path.slice(path.indexOf('/') + 1);
          if (name.startsWith('residual') || name.startsWith('new_')) continue;
          bytes += data.byteLength;
          if (name === 'attention.probabilities' || name === 'attention.selected') maps += data.byteLength;
        }
        return values;
      },
    };
  };
  const counting = new Proxy(model.sessions, {
    get(sessions, name) {
      if (name === 'session') return session;
      const value: unknown = Reflect.get(sessions, name, sessions);
      return typeof value === 'function' ? (value as () => unknown).bind(sessions) : value;
    },
  });
  const continuation = { maxNewTokens: captionLength, stopIds: [], sampling: { temperature: 0, topP: 1, seed: 0 } };
  const generate = async (): Promise<void> => {
    const run = await SequenceRun.start(model.spec, model.sessions, { ...pair.whole, chunk });
    for (let i = 1; i < captionLength; i++) await run.extend([i]);
  };
  const plain = await timed(generate);
  let tokens = 0;
  const measured = await timed(async () => {
    const run = await DivergenceRun.start(runnerOf({ ...model, sessions: counting }), {
      pair,
      chunk,
      measure,
      further: captionLength,
    });
    for await (const { tVhd } of run.generate(continuation)) tokens += Number.isFinite(tVhd) ? 1 : 0;
  });
  report.figure({
    name: `attention maps that leave the runtime while T-VHD of ${tokens} tokens is measured`,
    value: maps,
    unit: 'bytes',
    target: 0,
    comparison: 'atMost',
    note: `head outputs and masses that leave it: ${(bytes / tokens / 1e3).toFixed(0)} kB a token`,
  });
  report.figure({
    name: `caption of ${captionLength} tokens with T-VHD of each against the plain caption, ${shape}`,
    value: measured / plain,
    unit: 'times',
    note: `plain ${plain.toFixed(0)} ms`,
  });
}

/** CLIP's encoder of half its depth and three quarters of its width: 576 image tokens, as LLaVA 1.5 has them. */
const encoder = { layers: 12, heads: 12, headDim: 64, inner: 3072, imageSize: 336, patch: 14 };

/** A caption of a picture, from the pixels on: the encoder runs once, whatever is asked of the text model behind it. */
async function withEncoder(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-bench-llava-'));
  try {
    writeSyntheticLlava(folder, fourLayers, encoder);
    // Features of the last picture are kept: two take turns, so that each is encoded.
    const pictures = [336, 337].map((side) => writePng(join(folder, `${side}.png`), tinyPixels(side, side)));
    let reads = 0;
    const model = await openModel(folder, { device: 'cpu', threads, limitBytes: 4e9 });
    const text = ids.slice(0, length - (span.end - span.start)).map((id) => id % (fourLayers.vocabulary - 1));
    const asked = [...text.slice(0, span.start), fourLayers.vocabulary - 1, ...text.slice(span.start)];
    const read = () =>
      sequenceOf(
        model,
        { kind: 'ids', ids: asked, image: pictures[reads++ % pictures.length] ?? '' },
        { memoryLimit: 4e9 },
      );
    const further = captionLength;
    const continuation = { maxNewTokens: captionLength, stopIds: [], sampling: { temperature: 0, topP: 1, seed: 0 } };
    const measured = await ratios(
      [
        async () => {
          const run = await SequenceRun.start(model.spec, model.sessions, { ...(await read()), chunk });
          for (let i = 1; i < captionLength; i++) await run.extend([i]);
        },
        read,
        async () => {
          const seen = spanPair(await read(), { kind: 'image' }, 'contiguous');
          const run = await DivergenceRun.start(runnerOf(model), { pair: seen, chunk, measure, further });
          for await (const { tVhd } of run.generate(continuation))
            if (!Number.isFinite(tVhd)) throw new Error('no T-VHD');
        },
      ],
      3,
    );
    const note = `median of 3 rounds; plain caption ${measured.base.toFixed(0)} ms, ${threads} threads`;
    const all = `encoder of ${encoder.layers} layers x ${encoder.heads} heads of ${encoder.headDim} and ${shape.replace('left out', 'image tokens')}`;
    report.figure({
      name: `encoder's share of a plain caption of ${captionLength} tokens, ${all}`,
      value: measured.of(1),
      unit: 'times',
      note,
    });
    report.figure({
      name: `caption of ${captionLength} tokens from a picture with T-VHD of each against the plain caption, both with the encoder, ${all}`,
      value: measured.of(2),
      unit: 'times',
      note,
    });
    await model.sessions.release();
    await model.vision?.sessions.release();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A model so small that calls count for more than arithmetic. */
async function ofTheDemoModel(report: Report): Promise<void> {
  const model = await openModel(demo, { device: 'cpu', threads, limitBytes: 4e9 });
  const prompt = { kind: 'text', text: 'USER: <image>\nDescribe the image. ASSISTANT:', image: scene } as const;
  const sequence = await sequenceOf(model, prompt, { memoryLimit: 4e9 });
  const shown = spanPair(sequence, { kind: 'image' }, 'contiguous');
  const { spec, sessions } = model;
  const measured = await ratios(
    [
      () => runPrompt(spec, sessions, { ...sequence, chunk, logits: 'last', plain: true }),
      () => DivergenceRun.start(runnerOf(model), { pair: shown, chunk, measure, further: 0 }),
    ],
    51,
  );
  report.figure({
    name: `divergence of all heads at the first step (both passes) against one plain prefill, demo-vlm, ${sequence.ids.length} tokens`,
    value: measured.of(1),
    unit: 'times',
    note: `median of 51 rounds; plain prefill ${measured.base.toFixed(1)} ms, ${threads} threads; the encoder is run once`,
  });
  await model.sessions.release();
  await model.vision?.sessions.release();
}
