/** Attention that is moved between keys, and keys that are emphasised: from the written form to rows of the sequence. */
import { firstTextRow } from '../../../diagnostics/shared/divergence/span-sinks';
import { sinkDimensions } from '../../../diagnostics/shared/divergence/sinks';
import type { EmphasisChange } from '../../../models/instrument/changes/emphasis';
import type { Redistribution } from '../../../models/instrument/changes/redistribution';
import { imageRows, regionRows, type Read } from '../../../diagnostics/model-runner/regions';
import type { ResidualStream } from '../../../diagnostics/model-runner/run-request';
import { stateOf } from '../../../diagnostics/model-runner/stream-state';
import { sequencePart, type Sequence } from '../../../diagnostics/model-runner/sequence';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { printDo } from '../../../protocol/interventions/do-form';
import type { Emphasis } from '../../../protocol/interventions/emphasis';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Redistribute } from '../../../protocol/interventions/redistribute';
import type { Region } from '../../../protocol/interventions/regions';
import { refusal } from '../../../protocol/wire/failures';
import { runPrompt } from '../run/stream/model-run';
import { headsNamed } from './heads-named';
import type { RunOf } from './resolve-rows';

const rowsIn = (sequence: Sequence, region: Region): Read<readonly number[]> => {
  const read = regionRows(sequence, [region]);
  return read.ok ? { ok: true, value: read.value[0] ?? [] } : read;
};

/** The rows that `rows`, `least` and `ratio` speak of; none where nothing speaks of them. */
function regionOf(sequence: Sequence, one: Redistribute): Read<readonly number[]> {
  if (one.region) return rowsIn(sequence, one.region);
  if (sequence.image) return { ok: true, value: imageRows(sequence) };
  const needed =
    one.rows ?? one.least ?? one.ratio ?? (one.to === 'text' || one.to === 'image+text' ? one.to : undefined);
  return needed === undefined
    ? { ok: true, value: [] }
    : {
        ok: false,
        why: `"${printDo(one)}" speaks of the image, and the prompt has none. Name a region, such as region=3-9.`,
      };
}

/** One sentence where the model or the prompt does not have what is named. */
export function redistributionProblem(model: ModelSpec, one: Redistribute, sequence: Sequence): string | undefined {
  const { from, to } = one;
  const width = model.hiddenSize;
  for (const region of [...(from.kind === 'positions' ? [from.region] : []), ...(typeof to === 'string' ? [] : [to])]) {
    const read = rowsIn(sequence, region);
    if (!read.ok) return read.why;
  }
  if (from.kind === 'states') {
    const last = Math.max(-1, ...(from.dimensions ?? []));
    if (last >= width) return `A hidden state has no dimension ${last}: it has ${width}, from 0.`;
    if (from.tau >= Math.sqrt(width))
      return `No value of a hidden state of ${width} numbers can be more than ${Math.sqrt(width).toFixed(1)} times its root mean square, so tau = ${from.tau} finds nothing. Give a smaller tau.`;
  }
  const region = regionOf(sequence, one);
  return region.ok ? undefined : region.why;
}

export function emphasisProblem(one: Emphasis, sequence: Sequence): string | undefined {
  const read = rowsIn(sequence, one.keys);
  return read.ok ? undefined : read.why;
}

const valueOf = <T>(read: Read<T>): T => {
  if (!read.ok) throw refusal(read.why);
  return read.value;
};

export function emphasesOf({ model, sequence }: RunOf, one: Emphasis): readonly EmphasisChange[] {
  if (one.factor === 0) return [];
  const keys = valueOf(rowsIn(sequence, one.keys));
  const first = one.rows === 'all' ? 0 : sequence.ids.length - 1;
  return headsNamed(model.spec, one.heads).map((place) => ({
    kind: 'emphasis',
    ...place,
    keys,
    factor: one.factor,
    first,
  }));
}

/** Dimensions in which the first token of the prompt is massive in the plain run, by threshold. */
export type MassiveDimensions = ReadonlyMap<number, readonly number[]>;

/** For the entries that name no dimensions: one plain run, which is not made where every one names them. */
export async function massiveDimensions(run: RunOf, list: readonly Intervention[]): Promise<MassiveDimensions> {
  const taus = list.flatMap((one) =>
    one.kind === 'redistribute' && one.share > 0 && one.from.kind === 'states' && !one.from.dimensions
      ? [one.from.tau]
      : [],
  );
  const found = new Map<number, readonly number[]>();
  if (taus.length === 0) return found;
  const { model, sequence, chunk, signal } = run;
  const { spec } = model;
  const row = firstTextRow(sequence, model.bosId);
  const states: Float32Array[] = [];
  const hooks = {
    signal,
    onLayer: (_: unknown, stream: ResidualStream) => {
      states[stream.layer] = stateOf(stream, row).slice();
    },
  };
  await runPrompt(spec, model.sessions, { ...sequencePart(sequence), chunk, logits: 'none' }, hooks);
  // What leaves layer l enters layer l + 1; of the input of the first two nothing is asked.
  states.length = spec.blocks.length;
  for (const tau of taus) {
    const dimensions = sinkDimensions(
      Array.from(states, (state) => state ?? new Float32Array(spec.hiddenSize)),
      tau,
    );
    if (dimensions.length === 0) {
      throw refusal(
        `The first token has no value above ${tau} times the root mean square of its hidden state in most layers, so the model shows no sinks by this rule. Give a smaller tau, or dimensions.`,
      );
    }
    found.set(tau, dimensions);
  }
  return found;
}

export function redistributionsOf(
  run: RunOf,
  one: Redistribute,
  massive: MassiveDimensions,
): readonly Redistribution[] {
  if (one.share === 0) return [];
  const { model, sequence } = run;
  const region = valueOf(regionOf(sequence, one));
  const behind = Math.max(-1, ...region) + 1;
  const { from, to, share, least, ratio } = one;
  const change = {
    from:
      from.kind === 'positions'
        ? ({ kind: 'rows', rows: valueOf(rowsIn(sequence, from.region)) } as const)
        : from.kind === 'states'
          ? ({ kind: 'states', tau: from.tau, dimensions: from.dimensions ?? massive.get(from.tau) ?? [] } as const)
          : from,
    to:
      to === 'rest'
        ? { rows: [], behind: 0 }
        : to === 'text'
          ? { rows: [], behind }
          : to === 'image+text'
            ? { rows: region, behind }
            : { rows: valueOf(rowsIn(sequence, to)) },
    share,
    first: one.rows === 'after' ? behind : 0,
    region,
    ...(least === undefined ? {} : { least }),
    ...(ratio === undefined ? {} : { ratio }),
  };
  return headsNamed(model.spec, one.heads).map((place) => ({ kind: 'redistribution', ...place, ...change }));
}
