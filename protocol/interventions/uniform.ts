import type { Output } from '../schema/check';
import { exactly, object } from '../schema/fields';
import { headField, layerField } from './fields';
import type { InterventionKind } from './kind';
import { headName, headPlace } from '../schema/written-form';

const uniformSchema = object({ kind: exactly('uniform'), layer: layerField, head: headField });
export type Uniform = Output<typeof uniformSchema>;

export const uniform: InterventionKind<Uniform> = {
  kind: 'uniform',
  name: 'uniform attention',
  meaning: 'Makes a head read every key that its query may read with the same probability.',
  form: 'uniform:L.H',
  example: 'uniform:2.5',
  parameters: [{ name: 'layer, head', takes: 'a layer and a query head, from 0', meaning: 'the head' }],
  schema: uniformSchema,
  parse(text) {
    const head = headPlace(text);
    return head && { kind: 'uniform', ...head };
  },
  print: ({ layer, head }) => `${layer}.${head}`,
  words: (value) => `${headName(value)} uniform`,
  sentence: (value) => `${headName(value)} reads all keys equally.`,
  neutral: () => false,
  anywhere: () => true,
};
