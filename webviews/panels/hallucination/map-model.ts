/** What is drawn over the picture: values of patches, their scale, sinks apart. Pure. */
import type { ImageSinks } from '../../../protocol/results/hallucination-schema';
import type { Patch } from './picture-layout';

export interface MapModel {
  readonly patches: readonly Patch[];
  /** By image token. */
  readonly values: Float32Array | undefined;
  readonly sinks: ReadonlySet<number>;
  /** The largest value of a patch that is no sink: a sink would leave the rest dark. */
  readonly high: number;
  /** Mass on all patches of the level, and the part of it on sinks. */
  readonly mass: number;
  readonly sinkMass: number;
}

export function mapModel(
  patches: readonly Patch[],
  values: Float32Array | undefined,
  sinks: ImageSinks | undefined,
): MapModel {
  const sinkTokens = new Set(sinks?.tokens.map(({ token }) => token) ?? []);
  let [high, mass, sinkMass] = [0, 0, 0];
  for (const { token } of patches) {
    const value = values?.[token] ?? 0;
    mass += value;
    if (sinkTokens.has(token)) sinkMass += value;
    else if (value > high) high = value;
  }
  return { patches, values, sinks: sinkTokens, high, mass, sinkMass };
}

/** Patches by what is read from them, the most first. */
export const topPatches = ({ patches, values }: MapModel, most: number): readonly Patch[] =>
  values === undefined
    ? []
    : patches.toSorted((a, b) => (values[b.token] ?? 0) - (values[a.token] ?? 0)).slice(0, most);
