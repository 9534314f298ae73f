/**
 * How far the instrumented run is from the plain graphs of the same weights: logits and the residual stream after each
 * layer. The two run side by side, a layer at a time, and are built to give the same bits (neutral inputs multiply by one, add
 * nothing, replace nothing); a difference says that an instrument changed the model, and then nothing of it is shown.
 *
 * On another device than the cpu the plain graphs run on the cpu, in float32: the figure then holds the error of the device
 * too, and may be as large as its arithmetic makes it.
 *
 * Where linear layers are not computed on exact weights the plain graphs have the exact ones, and the figure says what that
 * changes: it is shown with the share of positions at which both have the same most likely next token, and only a difference
 * that no rounding of weights makes is refused.
 */
import type { Parity } from '../../../protocol/schema/parts';
import { heldWords } from '../../../protocol/inputs/weights';
import { FailureError } from '../../../protocol/wire/failures';
import type { LoadedModel } from './loaded-model';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { layersOf } from '../run/stream/model-run';
import { hostStream } from '../run/graphs/run-stream';
import type { ResidualStream, RunHooks, RunResult } from '../run/stream/run-request';
import { withoutSpan, type Sequence } from '../../../diagnostics/model-runner/sequence';

/** Tokens of the prompt that are compared: enough for two chunks. */
const parityLength = 24;

/** Largest error that still counts as the same model, in units of the largest logit (of an encoder: number of its streams). */
export const parityTolerance = 1e-5;

/**
 * The same for a device that computes in float32, in an order of its own: each layer adds rounding of some 1e-6. Products
 * with shorter mantissas (TF32, which the CUDA provider uses by default) err a thousand times more.
 */
const deviceTolerance = { float32: 1e-4, reduced: 5e-2 } as const;

/**
 * The same for weights that are not exact. Rounding moves the logits of a trained model by 1 to 5 % (8 bits) and 10 to 30 % (4
 * bits) of the largest; a wrong product moves them by more than the whole.
 */
const weightTolerance = { float16: 5e-2, q8: 0.25, q4: 1, 'int8-activations': 0.25 } as const;

/** An error of the self-test's product of matrices (160 terms of size 1) above this is of shorter mantissas. */
const float32Error = 2e-4;

/** The parity of an opened model, and the tokens that it was measured on. */
const known = new WeakMap<LoadedModel, { readonly parity: Parity; readonly tokens: number }>();

/** Measured once per opened model, and again on a prompt with more tokens up to 24. */
export async function parityOf(model: LoadedModel, sequence: Sequence, hooks: RunHooks = {}): Promise<Parity> {
  const tokens = Math.min(sequence.ids.length, parityLength);
  const before = known.get(model);
  if (before && before.tokens >= tokens) return before.parity;
  const measured = async (): Promise<Parity> => {
    try {
      return await measureParity(model, sequence, hooks);
    } finally {
      await model.reference?.release();
    }
  };
  let parity = await measured();
  // Packed weights on the disk may be those of a program that packed them wrongly: their checksum says nothing of that.
  if (!parity.ok && (await model.packAgain?.()) === true) parity = await measured();
  if (parity.ok) known.set(model, { parity, tokens });
  return parity;
}

/** The same, rejecting where the instrumented run is another model than the plain one: nothing of it is then shown. */
export async function requireParity(model: LoadedModel, sequence: Sequence, hooks: RunHooks = {}): Promise<Parity> {
  const parity = await parityOf(model, sequence, hooks);
  if (parity.ok) return parity;
  const { maxLogitError, worstLayer, device, tolerance, weights } = parity;
  const where = worstLayer === undefined ? '' : ` (worst at layer ${worstLayer})`;
  if (weights !== undefined) {
    throw new FailureError({
      code: 'model-unusable',
      folder: model.folder,
      detail: `With ${heldWords[weights]} it differs from its exact weights by ${maxLogitError.toPrecision(3)} in the logits${where}, more than the ${tolerance?.toPrecision(2)} that rounding its weights could make, so nothing of that run is shown. Choose exact weights (headscope.compute.weights, --weights as-stored).`,
    });
  }
  if (device !== undefined) {
    throw new FailureError({
      code: 'device-unavailable',
      device: (await model.device()).id,
      detail: `On ${device} the model differs from its float32 run on the CPU by ${maxLogitError.toPrecision(3)} in the logits${where}, and ${tolerance?.toPrecision(2)} is allowed, so nothing of that run is shown. Update the driver, or run the model on the CPU.`,
    });
  }
  throw new FailureError({
    code: 'model-unusable',
    folder: model.folder,
    detail: `The instrumented run differs from the plain model by ${maxLogitError.toPrecision(3)} in the logits${where}, so its heads are not shown. Report it with the model's config.`,
  });
}

/** Weights as opened up to which all layers are compared before the run. */
const comparedAtOnce = 256e6;

/** Layers of a larger model that are compared before the run, at the least one. */
const comparedFirst = 2;

/** A comparison that goes on after the run. */
export interface BegunParity {
  /** Layers whose plain form is still to be opened. */
  readonly layersLeft: number;
  /** Compares them; rejects as requireParity does. To be called when no other run uses the model. */
  finish(): Promise<Parity>;
  /** Ends a comparison that is not finished. */
  end(): Promise<void>;
}

/**
 * requireParity in two parts, as opening every layer of a large model in its plain form as well takes longer than the run: the first layers
 * are compared before it, the others after it.
 */
export async function beginParity(
  model: LoadedModel,
  sequence: Sequence,
  hooks: RunHooks = {},
  { atOnce = comparedAtOnce, first = comparedFirst } = {},
): Promise<BegunParity> {
  const { length } = model.spec.blocks;
  const tokens = Math.min(sequence.ids.length, parityLength);
  const before = known.get(model);
  const whole = (): Promise<Parity> => requireParity(model, sequence, hooks);
  if ((before && before.tokens >= tokens) || length <= first || model.sessions.sizes.weights() <= atOnce) {
    return finished(await whole());
  }
  const comparison = new Comparison(model, sequence, hooks);
  const end = async (): Promise<void> => {
    await comparison.end();
    await model.reference?.release();
  };
  try {
    for (let layer = 0; layer < first; layer++) await comparison.compare(layer);
  } catch (error) {
    await end();
    throw error;
  }
  if (!comparison.agrees) {
    await end();
    // The whole comparison says what is wrong.
    return finished(await whole());
  }
  const finish = async (): Promise<Parity> => {
    try {
      for (let layer = first; layer < length; layer++) await comparison.compare(layer);
      const parity = await comparison.parity();
      if (!parity.ok) {
        await whole();
        // Weights that were kept on the disk were wrong. They have been made again, but the run had the wrong ones.
        throw new FailureError({
          code: 'model-unusable',
          folder: model.folder,
          detail:
            'Weights of it that were kept on the disk were wrong, so nothing of this run is shown. They have been made again: run it once more.',
        });
      }
      known.set(model, { parity, tokens });
      return parity;
    } finally {
      await end();
    }
  };
  return { layersLeft: length - first, finish, end };
}

const finished = (parity: Parity): BegunParity => ({
  layersLeft: 0,
  finish: () => Promise.resolve(parity),
  end: () => Promise.resolve(),
});

async function measureParity(model: LoadedModel, sequence: Sequence, hooks: RunHooks): Promise<Parity> {
  const comparison = new Comparison(model, sequence, hooks);
  try {
    for (const { index } of model.spec.blocks) await comparison.compare(index);
    return await comparison.parity();
  } finally {
    await comparison.end();
  }
}

/** The two runs side by side. */
class Comparison {
  private readonly layerErrors: number[] = [];
  private readonly plainSessions: LayerSessions;
  private readonly plain: Layers;
  private readonly instrumented: Layers;
  private largestStream = 0;

  constructor(
    private readonly model: LoadedModel,
    sequence: Sequence,
    { signal }: RunHooks,
  ) {
    const { length } = sequence.ids;
    const short =
      length <= parityLength ? sequence : withoutSpan(sequence, { start: parityLength, end: length }, 'contiguous');
    const chunk = Math.max(1, Math.ceil(short.ids.length / 2));
    // An encoder has no language head; its residual streams are compared.
    const logits = model.spec.head.vocabulary ? 'all' : 'none';
    this.plainSessions = model.reference ?? model.sessions;
    this.plain = layersOf(model.spec, this.plainSessions, { ...short, chunk, logits, plain: true }, { signal });
    this.instrumented = layersOf(model.spec, model.sessions, { ...short, chunk, logits }, { signal });
  }

  async compare(layer: number): Promise<void> {
    const expected = await this.plainLayer(layer);
    const { chunks } = await nextLayer(this.instrumented);
    this.layerErrors.push(largestDifference(expected.chunks, chunks));
    this.largestStream = Math.max(this.largestStream, largestOf(expected.chunks));
  }

  /** Closed before the instrumented layer is opened: the weights of a layer are never held twice. */
  private async plainLayer(layer: number): Promise<ResidualStream> {
    try {
      return await nextLayer(this.plain);
    } finally {
      await this.plainSessions.close({ kind: 'block', layer, instrumented: false });
    }
  }

  /** Whether the layers compared so far are those of the same model. */
  get agrees(): boolean {
    return Math.max(0, ...this.layerErrors) <= Math.max(1, this.largestStream) * toleranceOf(this.model);
  }

  /** When all layers are compared. */
  async parity(): Promise<Parity> {
    const { model, layerErrors, largestStream } = this;
    const a = asFloats((await resultOf(this.plain)).logits?.data);
    const b = asFloats((await resultOf(this.instrumented)).logits?.data);
    const maxLogitError = a.length === 0 ? Math.max(...layerErrors) : largestDifference([a], [b]);
    const scale = Math.max(1, a.length === 0 ? largestStream : largestOf([a]));
    const worst = Math.max(...layerErrors);
    const tolerance = scale * toleranceOf(model);
    const { vocabulary } = model.spec.head;
    return {
      maxLogitError,
      layerErrors,
      ...(worst > 0 ? { worstLayer: layerErrors.indexOf(worst) } : {}),
      ok: maxLogitError <= tolerance,
      ...(model.reference ? { tolerance } : {}),
      ...(model.sessions.places.areOnCpu ? {} : { device: (await model.device()).name }),
      ...(model.weightsHeld === 'float32' ? {} : { weights: model.weightsHeld }),
      ...(model.weightsHeld === 'float32' || !vocabulary ? {} : { greedy: sameChoices(a, b, vocabulary.outputs) }),
    };
  }

  /** What the runs hold on a device is disposed of. */
  async end(): Promise<void> {
    for (const run of [this.plain, this.instrumented]) await run.return({ layers: [], residuals: [] });
  }
}

/** In units of the largest logit. */
function toleranceOf({ sessions: { places }, weightsHeld }: LoadedModel): number {
  if (weightsHeld !== 'float32') return weightTolerance[weightsHeld];
  if (places.areOnCpu) return parityTolerance;
  return deviceTolerance[places.productError > float32Error ? 'reduced' : 'float32'];
}

/** Positions of logits [positions, vocabulary] at which both have the same largest one. */
function sameChoices(a: Float32Array, b: Float32Array, vocabulary: number): { same: number; positions: number } {
  const positions = a.length / vocabulary;
  const largest = (logits: Float32Array, position: number): number => {
    const row = logits.subarray(position * vocabulary, (position + 1) * vocabulary);
    return row.reduce((best, value, id) => (value > row[best]! ? id : best), 0);
  };
  let same = 0;
  for (let position = 0; position < positions; position++) {
    if (largest(a, position) === largest(b, position)) same++;
  }
  return { same, positions };
}

type Layers = ReturnType<typeof layersOf>;

async function nextLayer(layers: Layers): Promise<ResidualStream> {
  const step = await layers.next();
  if (step.done) throw new RangeError('the run has fewer layers than the model');
  return hostStream(step.value.out);
}

async function resultOf(layers: Layers): Promise<RunResult> {
  const step = await layers.next();
  if (!step.done) throw new RangeError('the run has more layers than the model');
  return step.value;
}

const asFloats = (data: unknown): Float32Array => (data instanceof Float32Array ? data : new Float32Array(0));

function largestOf(chunks: readonly Float32Array[]): number {
  return chunks.reduce((most, values) => values.reduce((m, x) => Math.max(m, Math.abs(x)), most), 0);
}

function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let largest = 0;
  a.forEach((chunk, c) => {
    for (let i = 0; i < chunk.length; i++) {
      // A run with a number that is not finite has ended before (finite.ts).
      largest = Math.max(largest, Math.abs((chunk[i] ?? 0) - (b[c]?.[i] ?? Infinity)));
    }
  });
  return largest;
}
