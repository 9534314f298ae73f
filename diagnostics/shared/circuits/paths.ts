/**
 * Path patching (Wang et al. 2022, arXiv:2211.00593, section 3.1 and appendix B; Goldowsky-Dill et al. 2023, arXiv:2304.05969):
 * what a sender does to the metric through some receivers and nothing else. Positions p are those of sender and receivers alike.
 *
 * 1. The original prompt is run, and its counterpart; what every head and MLP puts out is kept.
 * 2. The original prompt is run with the sender at p as in the counterpart, and every other head at p held at its value in the
 *    original run. MLPs are computed anew, or held too. What the receivers get at p is kept.
 * 3. The original prompt is run with nothing held, and the receivers at p replaced by what was kept.
 *
 * Where the receiver is the logits, the second run ends in them, so that there is no third.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ReplacementChange } from '../../../models/instrument/changes/replacement';
import type { EffectMetric } from '../../../protocol/analysis/tasks';
import type { Pair } from '../effects/pairs';
import { changedFrom } from '../effects/patch';
import { tapOf } from '../../../models/instrument/changes/replacement';
import { Outputs, sizesOf } from '../effects/outputs';
import { partsOf, replacing, withReplacements, type Part } from '../effects/parts';
import { measured } from '../effects/subjects';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import type { KeptPrefix } from '../../model-runner/run-request';
import { withoutSpan, type Sequence } from '../../model-runner/sequence';
import { slotOf, type Receiver } from './receivers';

/** Why paths cannot be separated, in a sentence: something passes beside the heads of a layer. */
export function besideHeads(blocks: ModelFacts['blocks']): string | undefined {
  const layer = blocks.findIndex(({ heads, state }) => heads > 0 && state !== undefined);
  return layer < 0
    ? undefined
    : `layer ${layer} has a recurrence beside its attention, which cannot be held fixed while one path changes.`;
}

/** A head, an MLP, or the embeddings of the tokens. */
export type Sender = Part | 'embedding';

export interface PathSettings {
  readonly metric: EffectMetric;
  readonly variant: Variant;
  /** Hold MLPs too: a path is then one edge. */
  readonly freezeMlps: boolean;
}

export interface PathsAsked {
  readonly senders: readonly Sender[];
  readonly receivers: readonly Receiver[];
  /** p, rising. */
  readonly positions: readonly number[];
}

/** Senders run side by side. */
const together = 16;
/** Rows before p are kept from this many on: of fewer, another call costs more than it saves. */
const leastKept = 32;

type Inner = Exclude<Receiver, { readonly input: 'logits' }>;

/** Whether what the sender puts out enters the receiver without a head in between. */
export function reaches(sender: Sender, receiver: Receiver): boolean {
  if (sender === 'embedding' || receiver.input === 'logits') return true;
  // The MLP of a layer reads what its heads have written.
  if (receiver.input === 'mlp' && sender.head !== undefined) return sender.layer <= receiver.layer;
  return sender.layer < receiver.layer;
}

/** Before the first token that differs both runs are the same, where no row reads what is behind it. */
export function differingPositions(
  facts: ModelFacts,
  { clean, corrupted }: Pair,
  positions: readonly number[],
): readonly number[] {
  const first = changedFrom(facts, clean, corrupted);
  return positions.filter((position) => position >= first && position < clean.ids.length);
}

export class PathRuns {
  private readonly held: ReadonlyMap<
    number,
    { readonly heads: readonly ReplacementChange[]; readonly mlp: ReplacementChange }
  >;
  private readonly prefixes = new Map<number, Promise<KeptPrefix>>();

  private constructor(
    private readonly model: ModelRunner,
    private readonly pair: Pair,
    private readonly settings: PathSettings,
    private readonly counterpart: Outputs,
    original: Outputs,
    /** The metric on the original prompt, and on its counterpart. */
    readonly ends: { readonly original: number; readonly counterpart: number },
  ) {
    const rows = (part: Part) => replacing(part, { data: original.part(part), everywhere: false });
    this.held = new Map(
      model.facts.blocks.map(({ heads }, layer) => [
        layer,
        { heads: Array.from({ length: heads }, (_, head) => rows({ layer, head })), mlp: rows({ layer }) },
      ]),
    );
  }

  static async of(model: ModelRunner, pair: Pair, settings: PathSettings): Promise<PathRuns> {
    const { variant, metric } = settings;
    const of = (sequence: Sequence) => Outputs.of(model, sequence, variant, ['head', 'mlp']);
    const [original, counterpart] = [await of(pair.clean), await of(pair.corrupted)];
    const ends = {
      original: await only(measured(model, pair.clean, pair, metric, [variant])),
      counterpart: await only(measured(model, pair.corrupted, pair, metric, [variant])),
    };
    return new PathRuns(model, pair, settings, counterpart, original, ends);
  }

  /** The metric of the third run, one for each sender; that of the original prompt where a sender reaches no receiver. */
  async measured({ senders, receivers, positions }: PathsAsked): Promise<readonly number[]> {
    const p = this.differing(positions);
    const reaching = senders.filter((sender) => receivers.some((receiver) => reaches(sender, receiver)));
    const values = new Map<Sender, number>();
    if (p.length > 0 && reaching.length > 0) {
      const inner = receivers.filter((receiver): receiver is Inner => receiver.input !== 'logits');
      const found =
        inner.length < receivers.length ? await this.atLogits(reaching, p) : await this.through(reaching, inner, p);
      reaching.forEach((sender, at) => values.set(sender, found[at] ?? Number.NaN));
    }
    return senders.map((sender) => values.get(sender) ?? this.ends.original);
  }

  /**
   * The same for each receiver alone, [receivers][senders]; the second runs are shared. `only`: which edges are measured; NaN of
   * the others.
   */
  async edges(
    { senders, receivers, positions }: PathsAsked,
    only: (sender: Sender, receiver: Receiver) => boolean = () => true,
  ): Promise<readonly (readonly number[])[]> {
    const p = this.differing(positions);
    const inner = receivers.filter((receiver): receiver is Inner => receiver.input !== 'logits');
    const got = p.length > 0 ? await this.receivedBy(senders, inner, p) : [];
    const asked = inner.flatMap((receiver, to) =>
      senders.flatMap((sender, from) => (only(sender, receiver) ? (got[to]?.[from] ?? []) : [])),
    );
    const values = new Map<ReplacementChange, number>();
    (await this.third(asked.map((one) => [one]))).forEach((value, at) => {
      const one = asked[at];
      if (one) values.set(one, value);
    });
    const found: (readonly number[])[] = [];
    for (const receiver of receivers) {
      const some = senders.filter((sender) => only(sender, receiver));
      if (receiver.input === 'logits') {
        const measured = await this.measured({ senders: some, receivers: [receiver], positions });
        found.push(senders.map((sender) => measured[some.indexOf(sender)] ?? Number.NaN));
      } else {
        const own = got[inner.indexOf(receiver)] ?? [];
        found.push(
          senders.map((sender, at) =>
            some.includes(sender) ? (values.get(own[at] as ReplacementChange) ?? this.ends.original) : Number.NaN,
          ),
        );
      }
    }
    return found;
  }

  /**
   * Edges that end in a receiver other than the logits: what `read` makes of what stands at the receiver in the second run,
   * [receivers][senders]; 0 where a sender does not reach it. The third runs, most of what `edges` costs, are left out.
   */
  async received(
    { senders, receivers, positions }: PathsAsked,
    read: (receiver: Inner, rows: ReplacementChange) => number,
  ): Promise<readonly (readonly number[])[]> {
    const found = receivers.map(() => senders.map(() => 0));
    const p = this.differing(positions);
    const inner = receivers.filter((receiver): receiver is Inner => receiver.input !== 'logits');
    if (p.length === 0) return found;
    for await (const { sender, receiver, rows } of this.secondRuns(senders, inner, p)) {
      const own = found[receivers.indexOf(receiver)];
      if (own) own[senders.indexOf(sender)] = read(receiver, rows);
    }
    return found;
  }

  private differing(positions: readonly number[]): readonly number[] {
    return differingPositions(this.model.facts, this.pair, positions);
  }

  private async atLogits(senders: readonly Sender[], p: readonly number[]): Promise<readonly number[]> {
    const { model, pair, settings } = this;
    const { variant, metric } = settings;
    const still = withReplacements(variant, this.heldAt(p, model.facts.blocks.length, true));
    const parts = senders.filter((sender): sender is Part => sender !== 'embedding');
    const [, ...found] = await measured(model, pair.clean, pair, metric, [
      still,
      ...parts.map((part) => withReplacements(still, [this.sent(part, p)])),
    ]);
    const embedding = senders.includes('embedding')
      ? await only(measured(model, this.withTokens(p), pair, metric, [still]))
      : Number.NaN;
    const values = new Map<Sender, number>(parts.map((part, at) => [part, found[at]?.[0] ?? Number.NaN]));
    return senders.map((sender) => values.get(sender) ?? embedding);
  }

  private async through(
    senders: readonly Sender[],
    receivers: readonly Inner[],
    p: readonly number[],
  ): Promise<readonly number[]> {
    const got = await this.receivedBy(senders, receivers, p);
    return this.third(senders.map((_, sender) => got.flatMap((bySender) => bySender[sender] ?? [])));
  }

  /** The third run, once for each list of replacements. */
  private async third(lists: readonly (readonly ReplacementChange[])[]): Promise<readonly number[]> {
    const { metric, variant } = this.settings;
    const [, ...found] = await measured(this.model, this.pair.clean, this.pair, metric, [
      variant,
      ...lists.map((own) => withReplacements(variant, own)),
    ]);
    return lists.map((_, at) => found[at]?.[0] ?? Number.NaN);
  }

  /** [receivers][senders]: what stands at the receiver in the second run; undefined where the sender does not reach it. */
  private async receivedBy(
    senders: readonly Sender[],
    receivers: readonly Inner[],
    p: readonly number[],
  ): Promise<readonly (readonly (ReplacementChange | undefined)[])[]> {
    const found = receivers.map(() => senders.map((): ReplacementChange | undefined => undefined));
    for await (const { sender, receiver, rows } of this.secondRuns(senders, receivers, p)) {
      const own = found[receivers.indexOf(receiver)];
      if (own) own[senders.indexOf(sender)] = rows;
    }
    return found;
  }

  /** The second runs, layer by layer of the receivers: what each sender that reaches one makes stand there. */
  private async *secondRuns(
    senders: readonly Sender[],
    receivers: readonly Inner[],
    p: readonly number[],
  ): AsyncGenerator<{ readonly sender: Sender; readonly receiver: Inner; readonly rows: ReplacementChange }> {
    for (const layer of new Set(receivers.map((receiver) => receiver.layer))) {
      // An MLP reads what the heads of its layer have written: they are held for it, and for queries, keys and values need not be.
      for (const behindHeads of [false, true]) {
        const here = receivers.filter((one) => one.layer === layer && (one.input === 'mlp') === behindHeads);
        const reaching = senders.filter((sender) => here.some((receiver) => reaches(sender, receiver)));
        if (reaching.length === 0) continue;
        yield* this.receivedIn(layer, reaching, here, p);
      }
    }
  }

  private async *receivedIn(
    layer: number,
    senders: readonly Sender[],
    receivers: readonly Inner[],
    p: readonly number[],
  ): ReturnType<PathRuns['secondRuns']> {
    const { model, settings } = this;
    const targets = [...new Set(receivers.map(({ input }) => input))];
    const still = withReplacements(
      settings.variant,
      this.heldAt(
        p,
        layer,
        receivers.some(({ input }) => input === 'mlp'),
      ),
    );
    for (let first = 0; first < senders.length; first += together) {
      const some = senders.slice(first, first + together);
      const run = await this.cut(p);
      const clean = run.ids;
      const { layers } = await model.run({
        ...run,
        variants: some.map((sender) =>
          sender === 'embedding' ? still : withReplacements(still, [this.sent(sender, p)]),
        ),
        ...(some.includes('embedding')
          ? {
              variantIds: some.map((sender) =>
                sender === 'embedding' ? this.withTokens(p).ids.slice(0, clean.length) : clean,
              ),
            }
          : {}),
        taps: targets.map((target) => ({ layer, tap: tapOf[target] })),
        tapRows: p,
        depth: layer + 1,
        logits: 'none',
      });
      const { taps = {} } = layers.find((one) => one.layer === layer) ?? {};
      for (const [variant, sender] of some.entries()) {
        for (const receiver of receivers) {
          const { input: target } = receiver;
          const tap = taps[tapOf[target]];
          if (!(tap?.data instanceof Float32Array)) throw new TypeError(`layer ${layer} gave no ${tapOf[target]}`);
          const values = tap.data;
          const { slots, width } = sizesOf(model.facts, target, layer);
          const slot = slotOf(receiver, model.facts.blocks);
          // Variants that agree so far are run as one.
          const batch = tap.shape[0] === 1 ? 0 : variant;
          const from = (batch * slots + slot) * p.length * width;
          const data = new Float32Array(((p.at(-1) ?? 0) + 1) * width);
          p.forEach((position, at) =>
            data.set(values.subarray(from + at * width, from + (at + 1) * width), position * width),
          );
          const rows = {
            kind: 'replacement' as const,
            layer,
            target,
            ...(target === 'mlp' ? {} : { head: slot }),
            positions: p,
            data,
          };
          yield { sender, receiver, rows };
        }
      }
    }
  }

  /** The outputs held at the positions in all layers below; with `withHeads` also those of the heads of the layer itself. */
  private heldAt(positions: readonly number[], layer: number, withHeads: boolean): readonly ReplacementChange[] {
    return [...this.held].flatMap(([at, { heads, mlp }]) => [
      ...(at < layer || (at === layer && withHeads) ? heads.map((one) => ({ ...one, positions })) : []),
      ...(at < layer && this.settings.freezeMlps ? [{ ...mlp, positions }] : []),
    ]);
  }

  private sent(sender: Part, positions: readonly number[]): ReplacementChange {
    return { ...replacing(sender, { data: this.counterpart.part(sender), everywhere: false }), positions };
  }

  /** The original prompt with the counterpart's tokens at p. */
  private withTokens(p: readonly number[]): Sequence {
    const { clean, corrupted } = this.pair;
    return { ...clean, ids: clean.ids.map((id, at) => (p.includes(at) ? (corrupted.ids[at] ?? id) : id)) };
  }

  /** Rows behind p are read by no row of it; those before it are the same for all senders. */
  private async cut(p: readonly number[]): Promise<Sequence & { readonly past?: KeptPrefix }> {
    const { model, pair, settings } = this;
    const { clean } = pair;
    const end = (p.at(-1) ?? 0) + 1;
    const first = p[0] ?? 0;
    const causal = model.facts.blocks.every((block) => block.causal) && clean.prefix === undefined;
    if (!causal) return clean;
    const rows = end < clean.ids.length ? withoutSpan(clean, { start: end, end: clean.ids.length }, 'original') : clean;
    if (first < leastKept || clean.embeddings) return rows;
    const known = this.prefixes.get(first) ?? model.prefix(clean, first, settings.variant);
    this.prefixes.set(first, known);
    return { ...rows, past: await known };
  }
}

/** All heads, layer by layer. */
export const headsOf = (blocks: ModelRunner['facts']['blocks']): readonly Required<Part>[] =>
  partsOf(blocks).filter((part): part is Required<Part> => part.head !== undefined);

async function only(values: Promise<readonly (readonly number[])[]>): Promise<number> {
  const [[value = Number.NaN] = []] = await values;
  return value;
}
