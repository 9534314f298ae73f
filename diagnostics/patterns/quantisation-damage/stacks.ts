/** The heads that are compared: those of the model's own attention, and for an encoder-decoder of its cross-attention and encoder. */
import type { Stack } from '../../../protocol/sections/section-base';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Attending } from '../../model-runner/weights';
import { headChanges, type HeadChanges, type TextPair, type TextRequest } from '../../shared/beside/head-changes';
import { filled } from '../../shared/beside/predictions';
import { headParts, layerErrors, noErrors, type LayerErrors } from '../../shared/beside/weights';
import { encoderInput, encoderOf } from '../../shared/effects/encoder';
import type { HeadDamage } from './result';

/** Heads of one kind in both models, layer by layer. */
export class StackRun {
  readonly errors: LayerErrors[] = [];
  readonly changes: HeadChanges[] = [];

  constructor(
    /** Absent: the model's own attention. */
    readonly stack: Stack | undefined,
    readonly own: ModelRunner,
    readonly exact: ModelRunner,
    readonly texts: readonly TextPair[],
    /** Heads by layer. */
    readonly counts: readonly number[],
  ) {}

  private get of(): Attending {
    return this.stack === 'cross' ? 'cross' : 'self';
  }

  /** Behind the name of a layer. */
  get place(): string {
    return { own: '', cross: ', cross-attention', encoder: ' of the encoder' }[this.stack ?? 'own'];
  }

  /** Steps of the model's own attention have no name of a stack. */
  key(words: string): string {
    return this.stack === undefined ? words : `${this.stack} ${words}`;
  }

  errorsOf(layer: number): Promise<LayerErrors> {
    return layerErrors(this.own, this.exact, layer, this.of);
  }

  changesOf(layer: number): Promise<HeadChanges> {
    return headChanges(this.own, this.exact, this.texts, layer, this.of);
  }

  result(): HeadDamage {
    const table = (give: (layer: number) => readonly number[] | undefined) =>
      this.counts.map((count, layer) => filled(give(layer), count));
    const heads = { ...noErrors };
    for (const name of [...headParts, 'weights', 'largest'] as const)
      heads[name] = table((layer) => this.errors[layer]?.heads[name]);
    return {
      ...heads,
      maps: table((layer) => this.changes[layer]?.maps),
      outputs: table((layer) => this.changes[layer]?.outputs),
    };
  }

  notes(): readonly string[] {
    const notes = this.errors.flatMap((errors) => errors.notes);
    return this.stack === 'encoder' ? notes.map((note) => `Encoder: ${note}`) : notes;
  }
}

/** The model's own attention first; for an encoder-decoder then its cross-attention and its encoder. */
export function stacksOf(
  model: ModelRunner,
  exact: ModelRunner,
  texts: readonly TextPair[],
): readonly [StackRun, ...StackRun[]] {
  const { blocks, sourceBlocks } = model.facts;
  const own = new StackRun(
    undefined,
    model,
    exact,
    texts,
    blocks.map(({ heads }) => heads),
  );
  if (!sourceBlocks) return [own];
  const inEncoder = ({ source }: TextRequest): TextRequest => {
    if (!source) throw new RangeError('the prompt has no source');
    return { ...encoderInput(source), variants: [source.variant ?? []] };
  };
  return [
    own,
    new StackRun(
      'cross',
      model,
      exact,
      texts,
      blocks.map(({ cross }) => cross?.heads ?? 0),
    ),
    new StackRun(
      'encoder',
      encoderOf(model),
      encoderOf(exact),
      texts.map((text) => ({ own: inEncoder(text.own), beside: inEncoder(text.beside) })),
      sourceBlocks.map(({ heads }) => heads),
    ),
  ];
}

/** The text with its source as each of the two models encodes it. */
export async function pairOf(model: ModelRunner, exact: ModelRunner, request: TextRequest): Promise<TextPair> {
  const { source } = request;
  if (!source) return { own: request, beside: request };
  const readBy = async (reader: ModelRunner): Promise<TextRequest> => {
    const [read = source] = await reader.encoded(source, [source.variant ?? []]);
    return { ...request, source: read };
  };
  return { own: await readBy(model), beside: await readBy(exact) };
}
