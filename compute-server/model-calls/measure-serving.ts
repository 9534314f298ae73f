/**
 * A prompt and tokens behind it, timed on the opened model, beside rates of the device that are measured on graphs of random
 * numbers. The prompt runs through the plain graphs in one piece; tokens as `headscope generate` decodes.
 */
import { median } from 'simple-statistics';
import type { ServingMeasurement } from '../../protocol/compute/serving';
import type { ServingMeasureRequest } from '../../protocol/compute/model-requests';
import { FailureError } from '../../protocol/wire/failures';
import { readGraph } from '../../kernels/graph/stored-tensors';
import { random } from '../../kernels/tensors/random';
import { ServingRates } from '../devices/serving-rates';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { headsOf, readsBothWays } from '../../models/architectures/block-heads';
import { innerWidth } from '../../models/architectures/network-spec';
import { mayStep } from '../model/generation/decoding-graphs';
import { SequenceRun } from '../model/generation/sequence-run';
import { runPrompt } from '../model/run/stream/model-run';
import { pieceGraph, type Piece } from '../model/run/graphs/pieces';
import { chunkThatFits } from '../model/run/stream/budget';
import { cpuName } from '../provenance';
import { crossings, partTimes, TimedParts } from './timed-parts';

const rounds = 3;
/** Seconds of prompts in a round, without the very first run, which opens the sessions. */
const secondsOfPrompts = 0.5;
/** Tokens of a round before the first that is timed. */
const warmTokens = 3;

export async function measureServing(
  model: LoadedModel,
  { prompt, tokens, folder }: ServingMeasureRequest,
  { memoryLimit, defaultThreads }: Surroundings,
  signal: AbortSignal,
): Promise<ServingMeasurement> {
  const refuse = (detail: string): FailureError => new FailureError({ code: 'model-unusable', folder, detail });
  const { spec, sessions, summary } = model;
  if (!spec.embedding || !spec.head.vocabulary || readsBothWays(spec)) {
    throw refuse('It writes no text, so no token can be timed. Choose a language model.');
  }
  if (model.weightsHeld !== 'float32') {
    throw refuse(
      `Its weights are held in ${model.weightsHeld}, and rates are measured in float32. Leave --weights out.`,
    );
  }
  const where = await model.device();
  const { parts } = where;
  // Rates are those of one device: where several hold the model, of the CPU, which is what they are held against.
  const device = parts ? 'cpu' : (sessions.places.devices[0] ?? 'cpu');
  const timed = parts && new TimedParts(sessions, parts);
  const opened = timed?.sessions ?? sessions;
  const run = {
    length: prompt,
    batch: 1,
    keepCache: true,
    further: tokens + warmTokens,
    logits: 'last',
    atOnce: true,
  } as const;
  if (chunkThatFits(model, run, memoryLimit) < prompt) {
    throw refuse(
      `A prompt of ${prompt} tokens does not fit the memory limit in one piece. Choose a shorter one with --prompt.`,
    );
  }
  const source = random(1);
  const ids = Array.from({ length: prompt }, () => source.whole(summary.vocabulary));
  const plain = { ids, chunk: prompt, logits: 'last', plain: true } as const;
  const [block] = spec.blocks;
  if (!block) throw refuse('It has no layers.');
  const { feedForward } = block;
  const { heads, headDim } = headsOf(block);
  const rates = new ServingRates(
    {
      hidden: spec.hiddenSize,
      inner: innerWidth(feedForward),
      weights: weightsOf(model),
      heads,
      headDim,
      prompt,
    },
    { device, threads: defaultThreads },
  );
  await runPrompt(spec, sessions, plain, { signal });
  const [prompts, steps]: [number[], number[]] = [[], []];
  const [promptParts, stepParts]: [(readonly number[])[], (readonly number[])[]] = [[], []];
  /** Of a run, in seconds, which are kept. */
  const timeOf = async (act: () => Promise<unknown>, all: number[], ofParts: (readonly number[])[]): Promise<void> => {
    const seconds = timed ? await timed.of(act) : [await secondsOf(act)];
    all.push(seconds.reduce((sum, each) => sum + each, 0));
    if (timed) ofParts.push(seconds);
  };
  for (let round = 0; round < rounds; round++) {
    await rates.round(signal);
    const began = performance.now();
    do await timeOf(() => runPrompt(spec, opened, plain, { signal }), prompts, promptParts);
    while (performance.now() - began < secondsOfPrompts * 1000);
    const sequence = await SequenceRun.start(spec, opened, { ids, chunk: prompt, stepsAtOnce: true }, { signal });
    try {
      for (let token = 0; token < tokens + warmTokens; token++) {
        signal.throwIfAborted();
        const [all, ofParts] = token < warmTokens ? [[], []] : [steps, stepParts];
        await timeOf(() => sequence.extend([ids[token % prompt] ?? 0]), all, ofParts);
      }
    } finally {
      sequence.dispose();
    }
  }
  const stepped = mayStep(spec, sessions, {}, prompt);
  return {
    prompt,
    tokens,
    prefill: { median: median(prompts), fastest: Math.min(...prompts), runs: prompts.length },
    decode: { median: median(steps), fastest: Math.min(...steps), runs: steps.length },
    ...(parts ? { parts: partTimes(parts, promptParts, stepParts), crossings: crossings(spec, parts, prompt) } : {}),
    device: { id: device, name: device === 'cpu' ? cpuName : where.name },
    rates: { ...rates.rates, calls: { prefill: callsOf(model, false), decode: callsOf(model, stepped) } },
  };
}

async function secondsOf(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await act();
  return (performance.now() - from) / 1000;
}

/** float32 numbers of the matrices of layers and head. */
const weightsOf = ({ tensors }: LoadedModel): number =>
  tensors.reduce(
    (sum, { shape }) => sum + (shape.length < 2 ? 0 : shape.reduce((product, axis) => product * axis, 1)),
    0,
  );

/** Graphs that a step calls and the operators in them, counted in the graphs themselves. */
function callsOf(
  { spec, weights }: LoadedModel,
  stepped: boolean,
): { readonly graphs: number; readonly nodes: number } {
  const pieces: readonly Piece[] = [
    { kind: 'embedding' },
    ...spec.blocks.map(({ index }): Piece =>
      stepped ? { kind: 'step', layer: index } : { kind: 'block', layer: index, instrumented: false },
    ),
    { kind: 'head' },
  ];
  const nodes = pieces.reduce(
    (sum, piece) => sum + (readGraph(pieceGraph(spec, {}, piece, weights).model).graph?.node.length ?? 0),
    0,
  );
  return { graphs: pieces.length, nodes };
}
