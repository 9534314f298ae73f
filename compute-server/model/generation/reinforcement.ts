/**
 * Vision-aware head reinforcement (arXiv 2412.13949): heads whose output depends on the span are chosen at the first step,
 * layer by layer upwards, and scaled from the prompt on. Never chosen again: keys and values of deeper layers would stem from
 * other gains.
 *
 * Executors. `in-graph`: each layer compares, chooses and scales in one pass. `progressive`: a run per reinforced layer with
 * the gains known so far, straight from the definition. `one-shot`: every layer chooses from the plain run, which is not the
 * same from the second reinforced layer on.
 *
 * The pass without the span is run first and unreinforced.
 */
import type { Variant } from '../../../models/instrument/changes/changes';
import { layerDivergence } from '../../../diagnostics/shared/divergence/divergence';
import { gainChanges, type HeadGain } from '../../../models/instrument/changes/gain';
import { random, seedFor } from '../../../kernels/tensors/random';
import { headsOf } from '../../../models/architectures/block-heads';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { gainsOfSelected } from '../run/changes/fed-changes';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import { runPrompt } from '../run/stream/model-run';
import type { ResidualStream, RunHooks } from '../run/stream/run-request';
import { sequencePart, type Sequence } from '../../../diagnostics/model-runner/sequence';
import type { ReinforcementSetup } from '../../../diagnostics/model-runner/reinforcement-setup';
import { SequenceRun } from './sequence-run';

export type { ReinforcementSetup } from '../../../diagnostics/model-runner/reinforcement-setup';

export interface ReinforcedRun {
  readonly run: SequenceRun;
  /** All layers; false where none is reinforced. */
  readonly selected: readonly (readonly boolean[])[];
  /** The gains of the reinforcement alone. */
  readonly gains: readonly HeadGain[];
}

export interface ReinforcementRequest {
  readonly pair: { readonly whole: Sequence; readonly without: Sequence };
  readonly setup: ReinforcementSetup;
  readonly chunk: number;
  /** The person's own changes, held in both passes: such as mean the same on any sequence. */
  readonly variant?: Variant;
}

export async function startReinforced(
  model: ModelSpec,
  sessions: LayerSessions,
  request: ReinforcementRequest,
  hooks: RunHooks = {},
): Promise<ReinforcedRun> {
  const { pair, setup, chunk } = request;
  const variant = request.variant ?? [];
  const text = await lastHeadOutputs(model, sessions, pair.without, { variant, chunk, layers: setup.layers }, hooks);
  if (setup.executor === 'in-graph' && setup.heads === 'selected' && !setup.normMatched) {
    const { alpha, distance, outliers } = setup;
    const run = await SequenceRun.start(
      model,
      sessions,
      { ...pair.whole, variant, chunk, reinforcement: { alpha, distance, rule: outliers, text } },
      hooks,
    );
    const selected = tableOf(model, new Map([...run.chosen].map(([layer, own]) => [layer, own.selected])));
    return { run, selected, gains: gainsOf(selected, alpha) };
  }
  const chosen = await choose(model, sessions, request, text, hooks);
  const selected = tableOf(model, setup.heads === 'random' ? drawnAtRandom(chosen, setup.seed) : chosen);
  const gains =
    setup.heads === 'all' || setup.normMatched
      ? await matchedGains(model, sessions, request, selected, hooks)
      : gainsOf(selected, setup.alpha);
  const held = withGains(variant, gains);
  const run = await SequenceRun.start(model, sessions, { ...pair.whole, variant: held, chunk }, hooks);
  const reinforced =
    setup.heads === 'all' ? selected.map((row, layer) => row.map(() => setup.layers.includes(layer))) : selected;
  return { run, selected: reinforced, gains };
}

type Chosen = ReadonlyMap<number, readonly boolean[]>;

/** Which heads of each layer, by the executor of the setup. */
async function choose(
  model: ModelSpec,
  sessions: LayerSessions,
  { pair, setup, chunk, variant }: ReinforcementRequest,
  text: ReadonlyMap<number, Float32Array>,
  hooks: RunHooks,
): Promise<Chosen> {
  const chosen = new Map<number, readonly boolean[]>();
  const own = variant ?? [];
  const select = (layer: number, outputs: Float32Array | undefined): void => {
    const without = text.get(layer);
    if (!outputs || !without) throw new RangeError(`layer ${layer} gave no head outputs`);
    const block = model.blocks[layer];
    const heads = block ? headsOf(block).heads : 1;
    chosen.set(layer, layerDivergence({ with: outputs, without, heads }, setup.distance, setup.outliers).selected);
  };
  if (setup.executor === 'one-shot') {
    const common = { chunk, layers: setup.layers, variant: own };
    const outputs = await lastHeadOutputs(model, sessions, pair.whole, common, hooks);
    for (const layer of setup.layers) select(layer, outputs.get(layer));
    return chosen;
  }
  for (const layer of setup.layers) {
    const gains = [...chosen].flatMap(([at, is]) => gainsOfSelected(at, is, setup.alpha));
    const common = { chunk, layers: [layer], variant: withGains(own, gains) };
    select(layer, (await lastHeadOutputs(model, sessions, pair.whole, common, hooks)).get(layer));
  }
  return chosen;
}

/** Head outputs [h, d] of the last row, of the layers asked for; layers above the last of them are not run. */
export async function lastHeadOutputs(
  model: ModelSpec,
  sessions: LayerSessions,
  sequence: Sequence,
  { variant, chunk, layers }: { readonly variant: Variant; readonly chunk: number; readonly layers: readonly number[] },
  hooks: RunHooks = {},
): Promise<Map<number, Float32Array>> {
  const run = await runPrompt(
    { ...model, blocks: model.blocks.slice(0, Math.max(...layers) + 1) },
    sessions,
    {
      ...sequencePart(sequence),
      variants: [variant],
      chunk,
      logits: 'none',
      taps: layers.map((layer) => ({ layer, tap: 'attention.head_output' as const })),
      tapRows: [sequence.ids.length - 1],
    },
    { signal: hooks.signal },
  );
  return new Map(
    run.layers.flatMap(({ layer, taps }) => {
      const data = taps['attention.head_output']?.data;
      return data instanceof Float32Array ? [[layer, data] as const] : [];
    }),
  );
}

const tableOf = (model: ModelSpec, chosen: Chosen): boolean[][] =>
  model.blocks.map((block) => [...(chosen.get(block.index) ?? Array<boolean>(headsOf(block).heads).fill(false))]);

const gainsOf = (selected: readonly (readonly boolean[])[], alpha: number): HeadGain[] =>
  selected.flatMap((row, layer) => gainsOfSelected(layer, row, alpha));

/** As many heads of each layer, drawn without repeats. */
function drawnAtRandom(chosen: Chosen, seed: number): Chosen {
  return new Map(
    [...chosen].map(([layer, selected]) => {
      const source = random(seedFor(seed, `layer ${layer}`));
      const left = selected.map((_, head) => head);
      const drawn = new Set<number>();
      for (let count = selected.filter(Boolean).length; count > 0; count--) {
        const [head] = left.splice(source.whole(left.length), 1);
        if (head !== undefined) drawn.add(head);
      }
      return [layer, selected.map((_, head) => drawn.has(head))];
    }),
  );
}

/**
 * Gains of the controls, layer by layer upwards with what was settled below. With o the attention output of the last row as
 * it is and o' with the selected heads times alpha: `all` gives every head |o'| / |o|; norm-matched reinforcement gives every
 * head |o| / |o'| on top of alpha. (What attention adds to the residual stream; a norm behind it, where one is, included.)
 */
async function matchedGains(
  model: ModelSpec,
  sessions: LayerSessions,
  { pair, setup, chunk, variant }: ReinforcementRequest,
  selected: readonly (readonly boolean[])[],
  hooks: RunHooks,
): Promise<HeadGain[]> {
  const gains: HeadGain[] = [];
  const own = variant ?? [];
  let stream: ResidualStream | undefined;
  for (const block of model.blocks) {
    const layer = block.index;
    const run = async (variants: readonly Variant[]) =>
      runPrompt(
        { ...model, blocks: model.blocks.slice(0, layer + 1) },
        sessions,
        {
          ...sequencePart(pair.whole),
          variants,
          chunk,
          logits: 'none',
          keepLast: true,
          taps: [{ layer, tap: 'attention.output' as const }],
          tapRows: [pair.whole.ids.length - 1],
          ...(stream ? { from: stream } : {}),
        },
        { signal: hooks.signal },
      );
    const chosen = selected[layer]?.some(Boolean) ?? false;
    if (setup.layers.includes(layer) && chosen) {
      const raised = gainsOfSelected(layer, selected[layer] ?? [], setup.alpha);
      const both = await run([own, withGains(own, raised)]);
      const outputs = both.layers.at(-1)?.taps['attention.output']?.data;
      if (!(outputs instanceof Float32Array)) throw new RangeError(`layer ${layer} gave no attention output`);
      const [plain, reinforced] = [
        norm(outputs.subarray(0, model.hiddenSize)),
        norm(outputs.subarray(model.hiddenSize)),
      ];
      const every = (gain: number): HeadGain[] =>
        Array.from({ length: headsOf(block).heads }, (_, head) => ({ layer, head, gain }));
      const ratio = setup.heads === 'all' ? reinforced / plain : plain / reinforced;
      const factor = Number.isFinite(ratio) ? ratio : 1;
      gains.push(...(setup.heads === 'all' ? every(factor) : combined(raised, every(factor))));
    }
    stream = (await run([withGains(own, gains)])).last;
  }
  return gains;
}

const withGains = (variant: Variant, gains: readonly HeadGain[]): Variant => [...variant, ...gainChanges(gains)];

const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

/** One gain a head: the product. */
const combined = (raised: readonly HeadGain[], every: readonly HeadGain[]): HeadGain[] =>
  every.map((each) => ({
    ...each,
    gain: each.gain * (raised.find(({ head }) => head === each.head)?.gain ?? 1),
  }));
