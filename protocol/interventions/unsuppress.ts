import type { Output } from '../schema/check';
import { exactly, numberFrom, object } from '../schema/fields';
import { layerField } from './fields';
import type { InterventionKind } from './kind';
import { decimal, halves } from '../schema/written-form';

/**
 * At every position: t the token with the largest logit when the language head reads the residual stream that enters the layer,
 * u the direction of that stream that raises the logit of t, of length 1 (final norm frozen), and m [w] the output of the MLP as
 * it is added to the stream. Then m becomes m - share * min(0, m · u) u.
 */
const unsuppressSchema = object({ kind: exactly('unsuppress'), layer: layerField, share: numberFrom(0, 1) });
export type Unsuppress = Output<typeof unsuppressSchema>;

export const unsuppress: InterventionKind<Unsuppress> = {
  kind: 'unsuppress',
  name: 'removed suppression',
  meaning:
    'Takes out of the MLP output of a layer what lowers the token that leads before the layer, at every position; share 1 takes out all of it, 0 changes nothing.',
  form: 'unsuppress:L=s',
  example: 'unsuppress:5=1',
  parameters: [
    { name: 'layer', takes: 'a layer, from 0', meaning: 'the layer, mostly the last' },
    { name: 'share', takes: 'a number from 0 to 1', meaning: 'the share that is taken out' },
  ],
  schema: unsuppressSchema,
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const layer = /^\s*L?(\d+)\s*$/i.exec(place ?? '');
    const share = decimal(number ?? '');
    return layer && share !== undefined ? { kind: 'unsuppress', layer: Number(layer[1]), share } : undefined;
  },
  print: ({ layer, share }) => `${layer}=${share}`,
  words: ({ layer, share }) => `MLP of layer ${layer} without ${share === 1 ? '' : `${share} of `}its suppression`,
  sentence: ({ layer, share }) =>
    `The MLP of layer ${layer} loses ${share === 1 ? 'all' : `${share}`} of what lowers the token that leads before the layer.`,
  neutral: ({ share }) => share === 0,
  anywhere: () => true,
};
