/** The parameters of the analysis `head-index`. */
import * as field from '../../../kernels/parameters';
import type { ParameterTable } from '../../../protocol/analysis/parameters';

export const measures = ['weight', 'value'] as const;

// A type and no interface: values are a record.
export type HeadIndexParameters = {
  readonly measure: string;
  readonly documents: number;
  readonly tokens: number;
  readonly strongest: number;
  readonly perDocument: number;
  readonly random: number;
  readonly context: number;
};

export const headIndexParameters: ParameterTable<HeadIndexParameters> = {
  measure: field.choice(
    'Strength',
    'What makes an example strong: its attention weight, or the weight times the norm of the value that is read, relative to the largest in its document.',
    {
      options: measures,
      default: 'weight',
      names: {
        weight: { title: 'Attention weight', definition: 'p(i, j), between 0 and 1.' },
        value: { title: 'Weight times value', definition: 'p(i, j) |v_j| / max_r |v_r|, between 0 and 1.' },
      },
    },
  ),
  documents: field.integer('Documents', 'Documents of the corpus that are read, at most; drawn at random.', {
    min: 1,
    max: 1000,
    default: 64,
  }),
  tokens: field.integer('Tokens of a document', 'The most tokens of a document that are read.', {
    min: 8,
    max: 1024,
    default: 256,
  }),
  strongest: field.integer('Strongest', 'Strongest examples of each head that are kept.', {
    min: 1,
    max: 32,
    default: 8,
  }),
  perDocument: field.integer('Per document', 'The most of the strongest examples of a head from one document.', {
    min: 1,
    max: 32,
    default: 2,
  }),
  random: field.integer('Random', 'Random examples of each head that are kept.', { min: 0, max: 32, default: 8 }),
  context: field.integer('Context', 'Tokens shown on each side of the query and of the key.', {
    min: 0,
    max: 32,
    default: 6,
  }),
};
