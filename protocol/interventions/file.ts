/** Interventions as a file: saved by the Heads panel, read by it and by `--do-file`. */
import * as v from 'valibot';
import type { HeadGain } from '../schema/parts';
import type { Schema } from '../schema/check';
import { choosing, exactly, list, numberFrom, object, optional, wholeFrom } from '../schema/fields';
import { largestBias, type KeyBias } from './bias';
import { headField, layerField } from './fields';
import { largestGain } from './gain';
import { fromBiases, fromGains } from './gains';
import { interventionsField, type Intervention } from './interventions';
import { printDo } from './do-form';
import { sharedHeads } from './moh';

export interface InterventionFile {
  readonly kind: 'headscope-intervention';
  readonly version: 2;
  /** The model they were chosen for; they may be tried on another of the same size. */
  readonly model: { readonly name: string; readonly hash: string; readonly layers: number; readonly heads: number };
  readonly interventions: readonly Intervention[];
}

/** Files of version 1, and those written by hand without one. */
interface Earlier {
  readonly gains: readonly HeadGain[];
  readonly biases?: readonly KeyBias[];
}

const kind = exactly(
  'headscope-intervention',
  '"headscope-intervention", so this is not a saved intervention of Headscope',
);

const version = v.literal(2, ({ input }) =>
  typeof input === 'number' && input > 2
    ? `It was written in format ${input}, and this Headscope reads format 2: update Headscope.`
    : '2',
);

type Current = Pick<InterventionFile, 'kind' | 'version' | 'interventions'>;

const currentFile: Schema<readonly Intervention[]> = v.pipe(
  object<Current>({ kind, version, interventions: interventionsField }, 'a JSON object'),
  v.transform(({ interventions }) => interventions),
);

const headGain: Schema<HeadGain> = object<HeadGain>({
  layer: layerField,
  head: headField,
  gain: numberFrom(-largestGain, largestGain),
});
const keyBias: Schema<KeyBias> = object<KeyBias>({
  layer: layerField,
  head: headField,
  start: wholeFrom(0, 1 << 24),
  end: wholeFrom(1, (1 << 24) + 1),
  bias: numberFrom(-largestBias, largestBias),
});
const earlierFile: Schema<readonly Intervention[]> = v.pipe(
  object<Earlier & Pick<InterventionFile, 'kind'>>({
    kind,
    gains: list(headGain, 'a list of gains'),
    biases: optional(list(keyBias, 'a list of biases')),
  }),
  v.transform(({ gains, biases = [] }) => [...fromGains(gains), ...fromBiases(biases)]),
);

/** Layers and heads of a model. */
interface Size {
  readonly layers: number;
  readonly heads: number;
}

/** The interventions of a file of any version; with a size, of a model, all that they name lies in it. */
export const savedInterventions = (size?: Size): Schema<readonly Intervention[]> =>
  v.pipe(
    choosing(
      (value) => (isEarlier(value) ? earlierFile : currentFile),
      () => [currentFile, earlierFile],
    ),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed || size === undefined) return;
      const outside = dataset.value.find((one) => !isInside(one, size));
      if (!outside) return;
      const message = `"${printDo(outside)}" names a part that does not exist: the model has ${size.layers} layers of ${size.heads} heads, from 0.`;
      addIssue({ message });
    }),
  );

const isEarlier = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !('interventions' in value) && 'gains' in value;

function isInside(one: Intervention, { layers, heads }: Size): boolean {
  const fits = (index: number | 'all' | undefined, count: number): boolean =>
    index === undefined || index === 'all' || index < count;
  if (one.kind === 'freeze') {
    return [...one.parts, ...(one.except ?? [])].every((part) =>
      'mlp' in part ? fits(part.mlp, layers) : fits(part.layer, layers) && fits(part.head, heads),
    );
  }
  if (one.kind === 'longheads') return fits(one.layers === undefined ? 0 : one.layers.end - 1, layers);
  if (one.kind === 'plan') {
    // Of key/value heads, of which there are at most as many.
    return one.rules.every((rule) => rule.heads.every(({ layer, head }) => fits(layer, layers) && fits(head, heads)));
  }
  if (one.kind === 'moh') {
    return one.rules.every(
      (rule) => fits(rule.layer, layers) && fits(Math.max(-1, ...sharedHeads(rule)), heads) && rule.active <= heads,
    );
  }
  if (one.kind === 'reinforce') return (one.layers ?? []).every((layer) => fits(layer, layers));
  if ('heads' in one) return one.heads.every(({ layer, head }) => fits(layer, layers) && fits(head, heads));
  if ('layers' in one) return one.layers.every((layer) => fits(layer, layers));
  return fits(one.layer, layers) && fits('head' in one ? one.head : undefined, heads);
}
