import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { mostDocuments } from '../../corpus';
import { probeFormats, type ProbeFormat } from './probe-set';
import * as field from '../../../kernels/parameters';

export type Parameters = {
  readonly heads: string;
  readonly share: number;
  readonly top: number;
  readonly control: number;
  readonly documents: number;
  readonly window: number;
  readonly probes: number;
  readonly probeLength: number;
  readonly probeFormat: string;
  readonly anywhere: boolean;
};

const automatic = 'auto';

export const formatOf = ({ probeFormat }: Pick<Parameters, 'probeFormat'>): ProbeFormat | 'auto' =>
  probeFormats.find((format) => format === probeFormat) ?? automatic;

export const parameters: ParameterTable<Parameters> = {
  heads: field.heads('Heads', 'Heads that are masked, e.g. 2.5,3.*; empty: those that copy most in the probes.'),
  share: field.number('Heads masked', 'Share of all heads that the probes choose: rounded, at least one head.', {
    min: 0.1,
    max: 100,
    default: 5,
    unit: '%',
  }),
  top: field.integer('Documents selected', 'Share of the documents of each source that is selected: rounded up.', {
    min: 1,
    max: 100,
    default: 20,
    unit: '%',
  }),
  control: field.integer(
    'Random controls',
    'Sets of as many other heads, drawn by the seed, that are masked for comparison.',
    { min: 0, max: 8, default: 4 },
  ),
  documents: field.integer('Documents at most', 'From a larger corpus, this many are drawn by the seed.', {
    min: 1,
    max: mostDocuments,
    default: mostDocuments,
  }),
  window: field.integer(
    'Window',
    'Longer documents are cut into windows of so many tokens, or of the context of the model where it is shorter.',
    { min: 16, max: 131_072, default: 4096, unit: 'tokens' },
  ),
  probes: field.integer('Probes', 'Prompts that show which heads copy.', { min: 1, max: 800, default: 64 }),
  probeLength: field.integer(
    'Length of a probe',
    'Tokens of a probe and its answer at most, or the context of the model where it is shorter.',
    { min: 32, max: 131_072, default: 512, unit: 'tokens' },
  ),
  probeFormat: field.choice(
    'Format of the probes',
    'JSON objects with sentences as values, a table of words, or random tokens; auto: the first that the model answers.',
    { options: [automatic, ...probeFormats], default: automatic },
  ),
  anywhere: field.flag(
    'Copies from anywhere',
    'A head copies where it reads the right token most, even outside the value that is asked for.',
    false,
  ),
};
