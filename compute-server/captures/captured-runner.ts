/**
 * Captured attention as a model that analyses run: whatever asks for the maps of the captured text gets them, and all else is refused in
 * a sentence, since there is no model to run.
 */
import type { HeadNumbers } from '../../diagnostics/model-runner/head-numbers';
import type { CancelSignal, ModelFacts, ModelRunner, Prompt } from '../../diagnostics/model-runner/model-runner';
import type {
  LayerResult,
  LayersRequest,
  LayerStep,
  RunRequest,
  RunResult,
} from '../../diagnostics/model-runner/run-request';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { Variant } from '../../models/instrument/changes/changes';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import type { Intervention } from '../../protocol/interventions/interventions';
import type { ModelSummary } from '../../protocol/schema/parts';
import { FailureError } from '../../protocol/wire/failures';
import type { Capture } from './read-capture';
import { numbersOfMaps, pictureOfMaps, topKeysOfMaps } from './map-numbers';

/** The kept tokens: ids as they were captured, else equal texts are the same token. */
function capturedText({ file, maps }: Capture): Pick<Prompt, 'ids' | 'tokens'> {
  const tokens = maps.rows.map((row) => file.tokens[row] ?? '');
  const places = new Map<string, number>();
  for (const token of tokens) if (!places.has(token)) places.set(token, places.size);
  const ids = maps.rows.map((row, at) => file.ids?.[row] ?? places.get(tokens[at] ?? '') ?? 0);
  return { tokens, ids };
}

export function capturedSummary(capture: Capture, { ids } = capturedText(capture)): ModelSummary {
  const { path, file, hash, maps, bytes } = capture;
  const heads = Math.max(...maps.layers.map((layer) => layer.heads));
  const captured = maps.layers.find((layer) => layer.heads > 0) ?? { kvHeads: heads, headDim: 0 };
  const { kvHeads, headDim } = captured;
  const missing = [...maps.layers.keys()].filter((layer) => maps.layers[layer]?.heads === 0);
  const masked = file.tokens.length - maps.rows.length;
  const notes = [
    ...(missing.length > 0 ? [`Not captured: layer ${missing.join(', ')}.`] : []),
    ...(masked > 0 ? [`${masked} masked ${masked === 1 ? 'token is' : 'tokens are'} left out.`] : []),
  ];
  return {
    folder: path,
    name: file.model,
    family: 'captured attention',
    hash,
    layers: maps.layers.length,
    ...{ heads, kvHeads, headDim },
    hiddenSize: maps.hiddenWidth ?? Math.max(1, heads * headDim),
    // As far as it is known.
    vocabulary: 1 + Math.max(...ids),
    contextLength: maps.rows.length,
    causal: file.causal,
    weightBytes: bytes,
    dtypes: [],
    windows: maps.layers.map(() => file.window ?? null),
    tokenizer: true,
    chatTemplate: false,
    captured: true,
    ...(notes.length > 0 ? { notes } : {}),
  };
}

export class CapturedRunner implements ModelRunner {
  readonly facts: ModelFacts;
  readonly readout = undefined;
  readonly joint = undefined;
  private readonly text: Pick<Prompt, 'ids' | 'tokens'>;

  constructor(
    private readonly capture: Capture,
    readonly signal: CancelSignal,
  ) {
    const { causal, window } = capture.file;
    this.text = capturedText(capture);
    this.facts = {
      summary: capturedSummary(capture, this.text),
      blocks: capture.maps.layers.map((layer) => ({ ...layer, causal, window })),
      hiddenSize: 0,
      predicts: false,
      specialIds: [],
      stopIds: [],
    };
  }

  seconds(): number {
    return performance.now() / 1000;
  }

  /** The captured text, whether it is given by its ids or not at all. */
  prompt(input: PromptInput | EncoderInput): Promise<Prompt> {
    const { ids, tokens } = this.text;
    const own =
      input.kind === 'ids'
        ? input.ids.join() === ids.join() && input.image === undefined
        : input.kind === 'text' && input.image === undefined && [tokens.join(''), ''].includes(input.text);
    if (!own) throw this.refused('other text is given', 'Leave the prompt out');
    return Promise.resolve({ ids, tokens, text: tokens.join('') });
  }

  pieces(ids: readonly number[]): readonly string[] {
    return ids.map((id) => this.text.tokens[this.text.ids.indexOf(id)] ?? '');
  }

  named(piece: string): number | undefined {
    return this.text.ids[this.text.tokens.indexOf(piece)];
  }

  decode(ids: readonly number[]): string {
    return this.pieces(ids).join('');
  }

  variant(interventions: readonly Intervention[], prompt: Sequence): ReturnType<ModelRunner['variant']> {
    if (interventions.length > 0) throw this.refused('interventions change a run', 'Leave them out');
    return Promise.resolve({ variant: [], groups: prompt.groups });
  }

  async *layers(request: LayersRequest): AsyncGenerator<LayerStep, RunResult> {
    this.requireCaptured(request);
    const end = Math.min(request.depth ?? Infinity, this.facts.blocks.length);
    const results: LayerResult[] = [];
    for (let layer = request.from?.layer ?? 0; layer < end; layer++) {
      this.signal.throwIfAborted();
      const result = this.layer(layer, request);
      results[layer] = result;
      yield await Promise.resolve({
        ...result,
        chunk: request.ids.length,
        stream: () => this.never('the residual stream'),
      });
    }
    return { layers: results };
  }

  async run(request: RunRequest): Promise<RunResult> {
    const run = this.layers(request);
    for (;;) {
      const step = await run.next();
      if (step.done) return step.value;
    }
  }

  private layer(layer: number, { ids, groups, maps = [], statistics, thumbnails, topKeys }: RunRequest): LayerResult {
    const all = this.capture.maps.maps[layer] ?? [];
    const n = ids.length;
    const whole = this.text.ids.length;
    const own = n === whole ? all : all.map((map) => corner(map, whole, n));
    const asked = maps.filter((place) => place.layer === layer);
    const numbers = (): HeadNumbers => numbersOfMaps(own, { ids, groups: groups ?? [] }, this.capture.file);
    return {
      layer,
      taps: {},
      maps: new Map(asked.map(({ head }) => [head, own[head] ?? new Float32Array(0)])),
      ...(statistics ? { statistics: numbers() } : {}),
      ...(thumbnails ? { thumbnail: pictureOfMaps(own, n) } : {}),
      ...(topKeys ? { top: topKeysOfMaps(own, n, topKeys) } : {}),
    };
  }

  /** The beginning of a causal text is read alike without its end. */
  private requireCaptured(request: RunRequest): void {
    const { ids, variants = [], taps = [], logits, past, lossAt, answersAt, earlier, source, embeddings } = request;
    const { file } = this.capture;
    const begins = ids.every((id, at) => id === this.text.ids[at]);
    const whole = ids.length === this.text.ids.length;
    if (!begins || !(whole || (file.causal && ids.length > 0)) || past || source || embeddings || earlier) {
      throw this.refused('other tokens than those captured would have to be run');
    }
    if (variants.some((variant: Variant) => variant.length > 0) || variants.length > 1) {
      throw this.refused('interventions change a run', 'Leave them out');
    }
    if (logits !== 'none' || lossAt || answersAt) throw this.refused('predictions are asked for');
    if (taps.length > 0) throw this.refused(`${taps[0]?.tap ?? 'a tap'} is asked for`);
  }

  private refused(why: string, next?: string): FailureError {
    const { model } = this.capture.file;
    const detail = `${model} is captured attention, which no model runs, and ${why}. ${next === undefined ? '' : `${next}, or o`}${next === undefined ? 'O' : ''}pen the model itself.`;
    return new FailureError({ code: 'unsupported', detail });
  }

  private never(what: string): never {
    throw this.refused(`${what} would have to be computed`);
  }

  encode(): never {
    return this.never('the tokens of a text');
  }
  withPixels(): never {
    return this.never('a picture');
  }
  parity(): never {
    return this.never('a plain run');
  }
  losses(): never {
    return this.never('losses');
  }
  answers(): never {
    return this.never('predictions');
  }
  nextTokens(): never {
    return this.never('predictions');
  }
  gradients(): never {
    return this.never('gradients');
  }
  prefix(): never {
    return this.never('keys and values');
  }
  continuation(): never {
    return this.never('further tokens');
  }
  reinforced(): never {
    return this.never('further tokens');
  }
  pictures(): never {
    return this.never('what pictures give');
  }
  dictionary(): never {
    return this.never('what a model computes where a dictionary reads');
  }
  textFile(): never {
    return this.never('the tokens of a text');
  }
  encoder(): undefined {
    return undefined;
  }
  source(): undefined {
    return undefined;
  }
  beside(): never {
    return this.never('another form of the model');
  }
  encoded(): never {
    return this.never('a source');
  }
  get direct(): never {
    return this.never('paths to the logits');
  }
  get weights(): never {
    return this.never('what follows from weights');
  }
  get trainer(): never {
    return this.never('training');
  }
  get checkpoint(): never {
    return this.never('a checkpoint');
  }
}

/** The first rows and columns. */
function corner(map: Float32Array, whole: number, n: number): Float32Array {
  const part = new Float32Array(n * n);
  for (let row = 0; row < n; row++) part.set(map.subarray(row * whole, row * whole + n), row * n);
  return part;
}
