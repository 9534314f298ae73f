/** From what was measured picture by picture to what the result says of heads, classes and patterns. */
import type { PerHead } from '../../../protocol/results/heads';
import type { Trainer, Parameters } from '../../model-runner/trainer';
import { spearman } from '../../shared/statistics/correlation';
import { wilson } from '../../shared/statistics/proportion';
import type { ModelFacts } from '../../model-runner/model-runner';
import { decodedPatterns, encoded, type Encoded } from './autoencoder';
import { byDistribution, kMeans, meanOf, nearestOf } from './clusters';
import { componentsOf, lostBy, placedOn } from '../../shared/statistics/principal-components';
import type { Grid, Hops } from './hops';
import { headsOf, perHead, type Importance } from './importance';
import { anchorsOn, attentionOf, cellsOf } from './patterns';
import type { Patterns, PlainScore, Strength } from './result';
import { joined, profileOf, uniformProfile, type Profile, type StrengthSums } from './strength';
import { mean } from '../../../kernels/tensors/vectors';

type Facts = Pick<ModelFacts, 'blocks'>;

export function plainScore(pictures: readonly { readonly right: boolean; readonly probability: number }[]): PlainScore {
  const accuracy = mean(pictures.map(({ right }) => (right ? 1 : 0)));
  return {
    pictures: pictures.length,
    accuracy,
    ...wilson(accuracy, pictures.length),
    probability: mean(pictures.map(({ probability }) => probability)),
  };
}

export const agreementOf = (importance: readonly Importance[]): readonly (readonly number[])[] =>
  importance.map((a) => importance.map((b) => spearman(a.values.flat(), b.values.flat()).r));

/** `sums`: [pictures][heads]. */
export function strengthOf(
  facts: Facts,
  sums: readonly (readonly StrengthSums[])[],
  { grid, hops, leading }: { readonly grid: Grid; readonly hops: Hops; readonly leading: number },
): Strength {
  const profiles = headsOf(facts).map((_, at) =>
    profileOf(
      joined(
        sums.flatMap((picture) => picture[at] ?? []),
        hops,
        leading,
      ),
    ),
  );
  const table = (of: (profile: Profile) => number): PerHead => perHead(facts, profiles.map(of));
  const rows = (of: (profile: Profile) => readonly number[]): readonly (readonly (readonly number[])[])[] => {
    let from = 0;
    return facts.blocks.map(({ heads }) => profiles.slice(from, (from += heads)).map(of));
  };
  const mass = rows((profile) => profile.mass);
  const {
    mass: evenMass,
    perPatch: evenPerPatch,
    lead,
    distance,
    local,
    entropy,
  } = uniformProfile(grid, hops, leading);
  const spread = mass.map((heads) =>
    Array.from({ length: hops.rings }, (_, k) => {
      const values = heads.map((profile) => profile[k] ?? 0);
      const centre = mean(values);
      return { centre, deviation: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))) };
    }),
  );
  return {
    pictures: sums.length,
    mass,
    perPatch: rows((profile) => profile.perPatch),
    lead: table((profile) => profile.lead),
    distance: table((profile) => profile.distance),
    local: table((profile) => profile.local),
    entropy: table((profile) => profile.entropy),
    across: table((profile) => profile.across),
    down: table((profile) => profile.down),
    uniform: { mass: evenMass, perPatch: evenPerPatch, lead, distance, local, entropy },
    trend: {
      mean: spread.map((layer) => layer.map(({ centre }) => centre)),
      low: spread.map((layer) => layer.map(({ centre, deviation }) => centre - deviation)),
      high: spread.map((layer) => layer.map(({ centre, deviation }) => centre + deviation)),
    },
  };
}

/** Numbers of groups that are tried. */
const groupsOfMaps = { least: 4, most: 12 } as const;
const groupsOfHeads = { least: 2, most: 8 } as const;

/** Attention maps of pictures: [pictures][heads], each a pattern. */
export type PictureMaps = readonly (readonly Float32Array[])[];

/** The last quarter of the pictures is not trained on: at least one. */
export const trainedPictures = (pictures: number): number => pictures - Math.max(1, Math.floor(pictures / 4));

export interface EncodedMaps {
  readonly maps: Encoded;
  readonly anchors: Encoded;
}

export async function encodedMaps(
  trainer: Trainer,
  parameters: Parameters,
  maps: PictureMaps,
  grid: Grid,
): Promise<EncodedMaps> {
  return {
    maps: await encoded(trainer, parameters, maps.flat()),
    anchors: await encoded(
      trainer,
      parameters,
      anchorsOn(cellsOf(grid)).map(({ pattern }) => pattern),
    ),
  };
}

/** What the same number of principal components loses on the pictures that were not trained on. */
export function componentError(maps: PictureMaps, count: number): number {
  const trained = trainedPictures(maps.length);
  const components = componentsOf(maps.slice(0, trained).flat(), count);
  return mean(
    maps
      .slice(trained)
      .flat()
      .map((pattern) => lostBy(components, pattern)),
  );
}

export interface Grouped extends Omit<Patterns, 'groups' | 'componentError' | 'steps' | 'error'> {
  readonly centres: readonly (readonly number[])[];
  readonly sharesOfGroups: readonly number[];
  readonly anchorOf: readonly string[];
}

export function groupedMaps(
  facts: Facts,
  pictures: number,
  { maps, anchors }: EncodedMaps,
  grid: Grid,
  seed: number,
): Grouped {
  const heads = headsOf(facts).length;
  const cells = cellsOf(grid);
  const { latents } = maps;
  const { of, centres, silhouette } = kMeans(latents, groupsOfMaps.least, groupsOfMaps.most, seed);
  const ofHead = <T>(values: readonly T[], head: number): readonly T[] => values.filter((_, at) => at % heads === head);
  const signatures = Array.from({ length: heads }, (_, head) => {
    const own = ofHead(of, head);
    return centres.map((__, group) => own.filter((one) => one === group).length / own.length);
  });
  const byHead = byDistribution(signatures, groupsOfHeads.least, Math.min(groupsOfHeads.most, heads - 1));
  const plane = componentsOf(latents, 2);
  const means = Array.from({ length: heads }, (_, head) => placedOn(plane, meanOf(ofHead(latents, head)) ?? []));
  const names = anchorsOn(cells).map(({ name }) => name);
  const nearest = nearestOf(centres, anchors.latents);
  let from = 0;
  return {
    pictures,
    maps: latents.length,
    cells: { rows: cells.rows, columns: cells.columns },
    silhouette,
    signatures: facts.blocks.map((block) => signatures.slice(from, (from += block.heads))),
    headGroup: perHead(facts, byHead.of),
    headSilhouette: byHead.silhouette,
    x: perHead(
      facts,
      means.map(([x = 0]) => x),
    ),
    y: perHead(
      facts,
      means.map(([, y = 0]) => y),
    ),
    shares: [plane.shares[0] ?? 0, plane.shares[1] ?? 0],
    anchors: names.map((name, at) => {
      const [x = 0, y = 0] = placedOn(plane, anchors.latents[at] ?? []);
      return { name, x, y };
    }),
    centres,
    sharesOfGroups: centres.map((_, group) => of.filter((one) => one === group).length / of.length),
    anchorOf: nearest.map((at) => names[at] ?? ''),
  };
}

export async function patternsOf(
  trainer: Trainer,
  parameters: Parameters,
  { centres, sharesOfGroups, anchorOf, ...grouped }: Grouped,
  measured: Pick<Patterns, 'steps' | 'error' | 'componentError'>,
): Promise<Patterns> {
  const count = grouped.cells.rows * grouped.cells.columns;
  const decoded = await decodedPatterns(trainer, parameters, centres);
  return {
    ...grouped,
    ...measured,
    groups: decoded.map((pattern, group) => ({
      share: sharesOfGroups[group] ?? 0,
      anchor: anchorOf[group] ?? '',
      centre: attentionOf(pattern, count),
    })),
  };
}
