/** Interventions as a file: saved by the workbench, read by it and by `--do-file`. */
import type { Output, Schema } from '../schema/check';
import * as v from 'valibot';
import type { HeadGain, ModelSummary } from '../schema/parts';
import { choosing, exactly, list, numberFrom, object, optional, wholeFrom } from '../schema/fields';
import { largestBias, type KeyBias } from './bias';
import { headField, layerField } from './fields';
import { largestGain } from './gain';
import { fromBiases, fromGains } from './gains';
import { interventionsField, type Intervention } from './interventions';
import { printDo } from './do-form';
import { sharedHeads } from './moh';

const kind = exactly(
  'headscope-intervention',
  '"headscope-intervention", so this is not a saved intervention of Headscope',
);

const version = v.literal(2, ({ input }) =>
  typeof input === 'number' && input > 2
    ? `It was written in format ${input}, and this Headscope reads format 2: update Headscope.`
    : '2',
);

const current = object({ kind, version, interventions: interventionsField }, 'a JSON object');
/** What is written also names the model they were chosen for; they may be tried on another of the same size. */
export type InterventionFile = Output<typeof current> & {
  readonly model: Pick<ModelSummary, 'name' | 'hash' | 'layers' | 'heads'>;
};

const currentFile = v.pipe(
  current,
  v.transform(({ interventions }) => interventions),
);

const headGain: Schema<HeadGain> = object({
  layer: layerField,
  head: headField,
  gain: numberFrom(-largestGain, largestGain),
});
const keyBias: Schema<KeyBias> = object({
  layer: layerField,
  head: headField,
  start: wholeFrom(0, 1 << 24),
  end: wholeFrom(1, (1 << 24) + 1),
  bias: numberFrom(-largestBias, largestBias),
});
/** Files of version 1, and those written by hand without one. */
const earlierFile = v.pipe(
  object({
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
  // The sizes are those of the decoder; a run says what its encoder lacks.
  if (one.kind === 'encoder') return true;
  // Its file says where it acts, and a run whether that is there.
  if (one.kind === 'feature') return true;
  if (one.kind === 'freeze') {
    return [...one.parts, ...(one.except ?? [])].every((part) =>
      'mlp' in part ? fits(part.mlp, layers) : fits(part.layer, layers) && fits(part.head, heads),
    );
  }
  if (one.kind === 'longheads') return fits(one.layers === undefined ? 0 : one.layers.end - 1, layers);
  if (one.kind === 'plan') {
    // Rules of a plan name key/value heads, of which there are at most as many.
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
