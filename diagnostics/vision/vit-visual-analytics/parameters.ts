/** The parameters of the analysis `vit-visual-analytics`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { AnalysisJob } from '../../analysis';
import { distances } from './hops';
import { metrics } from './metrics';
import * as field from '../../../kernels/parameters';

const readers = ['auto', 'classifier', 'probe'] as const;
const probedRows = ['class', 'patches'] as const;

// A type and no interface: values are a record.
export type VitParameters = {
  readonly labels: string;
  readonly reader: string;
  readonly probed: string;
  readonly distance: string;
  readonly hops: number;
  readonly maps: number;
  readonly steps: number;
  readonly metric: string;
  readonly share: number;
  readonly picture: string;
  readonly query: string;
};

export type VitJob = AnalysisJob<VitParameters>;

export const vitParameters: ParameterTable<VitParameters> = {
  labels: field.file(
    'Labels',
    'JSON {"picture.png": "class", …} or lines "picture.png,class"; empty: the folder has a folder for each class.',
  ),
  reader: field.choice(
    'Classes by',
    'classifier: the layer of the checkpoint that names classes. probe: a linear layer trained on a third of the pictures. auto: the classifier where it knows all classes.',
    { options: readers, default: 'auto' },
  ),
  probed: field.choice(
    'Probe reads',
    'class: the class row, where there is one. patches: the mean of the patches, for encoders whose class row was not trained (that of a LLaVA).',
    { options: probedRows, default: 'class' },
  ),
  distance: field.choice('Distance', 'Between patches: chebyshev (squares about a patch) or manhattan (diamonds).', {
    options: distances,
    default: 'chebyshev',
  }),
  hops: field.integer('Near', 'For partial pruning: keys within this many steps of the query count as near.', {
    min: 0,
    max: 1024,
    default: 1,
  }),
  maps: field.integer('Pictures of patterns', 'Pictures whose attention maps are looked at, at most.', {
    min: 2,
    max: 1024,
    default: 12,
  }),
  steps: field.integer('Steps of the autoencoder', 'Training steps of 64 attention maps each. 0 leaves patterns out.', {
    min: 0,
    max: 100_000,
    default: 400,
  }),
  metric: field.choice('Prune by', 'The importance by which the heads that are offered to be pruned are chosen.', {
    options: metrics,
    default: 'divergence',
  }),
  share: field.number('Share to prune', 'Share of all heads, the least important first.', {
    min: 0,
    max: 1,
    default: 0.25,
  }),
  picture: field.text(
    'Picture looked at',
    'Name of the picture that is shown when you ask about a head; empty: the first of the ranking.',
  ),
  query: field.text('Query patch', 'Row and column from 0, e.g. 3,4; empty: the middle.'),
};
