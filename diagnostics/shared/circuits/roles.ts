/**
 * What heads do on a task, by tests and not by name (the head classes of Wang et al. 2022, arXiv:2211.00593, section 3, and Merullo
 * et al. 2023, arXiv:2310.08744). All scores are means over prompts.
 *
 * - previous, duplicate, induction: attention to the token before, to earlier copies of the query's token, and to the tokens behind
 *   those (docs/heads-json.md).
 * - answers: attention from the last position to where a right or wrong answer stands in the prompt.
 * - direct: effect of the path from the head to the logits at the last position (paths.ts, effects.ts).
 * - inhibition: what movers behind the head attend to wrong answers more when its output at the last position is that on the
 *   counterpart; of heads that move nothing themselves.
 */
import { object, whole, figure, oneOf } from '../../../protocol/schema/fields';
import type { Output } from '../../../protocol/schema/check';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Pair } from '../effects/pairs';
import { Outputs } from '../effects/outputs';
import { replacing, withReplacements } from '../effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { effectOf, type PathMeasured } from './effects';
import { PathRuns, type PathSettings } from './paths';
import { mean } from '../../../kernels/tensors/vectors';

export const scoreNames = ['previous', 'duplicate', 'induction', 'answers', 'direct', 'inhibition'] as const;
export type RoleScores = Readonly<Record<(typeof scoreNames)[number], number>>;

const roles = [
  'mover',
  'negative mover',
  'inhibition',
  'duplicate token',
  'induction',
  'previous token',
  'other',
] as const;
type Role = (typeof roles)[number];

export const role = object({
  layer: whole,
  head: whole,
  previous: figure,
  duplicate: figure,
  induction: figure,
  answers: figure,
  direct: figure,
  inhibition: figure,
  role: oneOf(roles),
});
export type HeadRole = Output<typeof role>;

/** Attention from which a head has a role; effect on the logits and change of the movers' attention that are more than little. */
export const leastAttention = 0.3;
export const leastDirect = 0.02;
export const leastInhibition = 0.05;

function roleOf({ previous, duplicate, induction, answers, direct, inhibition }: RoleScores): Role {
  if (answers >= leastAttention && direct >= leastDirect) return 'mover';
  if (answers >= leastAttention && direct <= -leastDirect) return 'negative mover';
  if (inhibition >= leastInhibition) return 'inhibition';
  const most = Math.max(...[previous, duplicate, induction].filter((value) => !Number.isNaN(value)));
  if (!(most >= leastAttention)) return 'other';
  return most === duplicate ? 'duplicate token' : most === induction ? 'induction' : 'previous token';
}

export async function rolesOf(
  model: ModelRunner,
  pairs: readonly Pair[],
  heads: readonly HeadPlace[],
  settings: Omit<PathSettings, 'freezeMlps'>,
): Promise<readonly HeadRole[]> {
  const { variant } = settings;
  const found = heads.map(() => ({
    previous: [] as number[],
    duplicate: [] as number[],
    induction: [] as number[],
    answers: [] as number[],
  }));
  const paths: PathMeasured[] = [];
  for (const pair of pairs) {
    const { clean } = pair;
    const { layers } = await model.run({
      ...clean,
      variants: [variant],
      statistics: true,
      maps: heads,
      logits: 'none',
    });
    const { right, wrong } = answerPlaces(model, pair);
    heads.forEach(({ layer, head }, at) => {
      const { statistics, maps } = layers[layer] ?? {};
      const own = found[at];
      own?.previous.push(statistics?.previousToken[head] ?? Number.NaN);
      own?.duplicate.push(statistics?.duplicateToken[head] ?? Number.NaN);
      own?.induction.push(statistics?.induction[head] ?? Number.NaN);
      own?.answers.push(massOn(maps?.get(head), clean.ids.length, [...right, ...wrong]));
    });
    const runs = await PathRuns.of(model, pair, { ...settings, freezeMlps: false });
    const asked = { senders: heads, receivers: [{ input: 'logits' }] as const, positions: [clean.ids.length - 1] };
    paths.push({ ...runs.ends, patched: await runs.measured(asked) });
  }
  const some = heads.map((place, at) => {
    const known = found[at];
    const over = (values: readonly number[] = []): number => mean(values.filter((value) => !Number.isNaN(value)));
    return {
      layer: place.layer,
      head: place.head,
      previous: over(known?.previous),
      duplicate: over(known?.duplicate),
      induction: over(known?.induction),
      answers: over(known?.answers),
      direct: effectOf(paths, at).mean,
      inhibition: Number.NaN,
    };
  });
  const movers = some.filter((one) => ['mover', 'negative mover'].includes(roleOf(one)));
  const inhibitions = await inhibitionOf(model, pairs, some, movers, variant);
  return some.map((one, at) => {
    const scores = { ...one, inhibition: inhibitions[at] ?? Number.NaN };
    return { ...scores, role: roleOf(scores) };
  });
}

/** NaN of movers, and of heads with no mover behind them. */
async function inhibitionOf(
  model: ModelRunner,
  pairs: readonly Pair[],
  heads: readonly HeadPlace[],
  movers: readonly HeadPlace[],
  variant: Variant,
): Promise<readonly number[]> {
  const behind = ({ layer }: HeadPlace): readonly HeadPlace[] => movers.filter((mover) => mover.layer > layer);
  const asked = heads.map((head) => (movers.includes(head) ? [] : behind(head)));
  const changes = heads.map((): number[] => []);
  if (asked.every(({ length }) => length === 0)) return heads.map(() => Number.NaN);
  for (const pair of pairs) {
    const { clean, corrupted } = pair;
    const last = clean.ids.length - 1;
    const { wrong } = answerPlaces(model, pair);
    const counterpart = await Outputs.of(model, corrupted, variant, ['head']);
    const massOf = async (own: Variant): Promise<ReadonlyMap<HeadPlace, number>> => {
      const { layers } = await model.run({ ...clean, variants: [own], maps: movers, logits: 'none' });
      return new Map(
        movers.map((mover) => [mover, massOn(layers[mover.layer]?.maps.get(mover.head), clean.ids.length, wrong)]),
      );
    };
    const plain = await massOf(variant);
    for (const [at, head] of heads.entries()) {
      const readers = asked[at] ?? [];
      if (readers.length === 0) continue;
      const sent = { ...replacing(head, { data: counterpart.part(head), everywhere: false }), positions: [last] };
      const changed = await massOf(withReplacements(variant, [sent]));
      changes[at]?.push(mean(readers.map((mover) => (changed.get(mover) ?? 0) - (plain.get(mover) ?? 0))));
    }
  }
  return changes.map(mean);
}

/** Mass of the last query on some keys. */
export function massOn(map: Float32Array | undefined, length: number, keys: readonly number[]): number {
  if (!map) throw new RangeError('the run gave no map');
  return keys.reduce((sum, key) => sum + (map[(length - 1) * length + key] ?? 0), 0);
}

/** Where right and wrong answers stand, in whatever case and with or without a space; the last position is left out. */
export function answerPlaces(
  model: Pick<ModelRunner, 'pieces'>,
  { clean, asked, right, tokens }: Pick<Pair, 'clean' | 'asked' | 'right' | 'tokens'>,
): { readonly right: readonly number[]; readonly wrong: readonly number[] } {
  const ids = asked[0]?.tokens ?? [];
  const plain = (text: string): string => text.trim().toLowerCase();
  const texts = model.pieces(ids).map(plain);
  const placesOf = (from: number, to: number): readonly number[] =>
    clean.ids.flatMap((id, position) => {
      if (position === clean.ids.length - 1) return [];
      const is =
        ids.slice(from, to).includes(id) ||
        texts.slice(from, to).some((text) => text !== '' && text === plain(tokens[position] ?? ''));
      return is ? [position] : [];
    });
  return { right: placesOf(0, right), wrong: placesOf(right, ids.length) };
}
