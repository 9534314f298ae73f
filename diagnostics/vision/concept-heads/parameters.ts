import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
export type ConceptParameters = {
  readonly pictures: string;
  readonly count: number;
  readonly texts: string;
  readonly layers: number;
  readonly span: number;
  readonly labels: string;
  readonly shown: string;
  readonly mapped: string;
};

export const conceptParameters: ParameterTable<ConceptParameters> = {
  pictures: {
    kind: 'folder',
    title: 'Pictures',
    description: 'Folder of PNG and JPEG files; the more they differ, the more heads can be told apart.',
    default: '',
  },
  count: field.integer('Most pictures', 'Drawn by the seed where the folder holds more.', {
    min: 1,
    max: 512,
    default: 64,
  }),
  texts: {
    kind: 'file',
    title: 'Texts',
    description:
      'Text file with one text a line, e.g. "a photo of a dog"; "#5 #9" stands for token ids. Empty: a list of colours, shapes, things, places, materials, counts and positions.',
    default: '',
  },
  layers: field.integer(
    'Layers described',
    'The last so many: earlier ones write little into the embedding directly (see the shares).',
    { min: 1, max: 1024, default: 4 },
  ),
  span: field.integer('Texts a head', 'That TextSpan takes for each head.', { min: 1, max: 60, default: 5 }),
  labels: {
    kind: 'file',
    title: 'Classes',
    description:
      'JSON file {"picture.png": "a photo of a dog", …}: pictures are then classified by these texts, with and without heads. Empty: no classification.',
    default: '',
  },
  shown: {
    kind: 'text',
    title: 'Picture on the map',
    description: 'Name of a picture of the folder. Empty: the first one.',
    default: '',
  },
  mapped: {
    kind: 'text',
    title: 'Texts on the map',
    description: 'Separated by semicolons. Empty: the three texts nearest to the picture.',
    default: '',
  },
};
