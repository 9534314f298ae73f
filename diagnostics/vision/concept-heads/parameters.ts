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
  pictures: field.folder(
    'Pictures',
    'Folder of PNG and JPEG files; the more they differ, the more heads can be told apart.',
  ),
  count: field.integer('Most pictures', 'Drawn by the seed where the folder holds more.', {
    min: 1,
    max: 512,
    default: 64,
  }),
  texts: field.file(
    'Texts',
    'Text file with one text a line, e.g. "a photo of a dog"; "#5 #9" stands for token ids. Empty: a list of colours, shapes, things, places, materials, counts and positions.',
  ),
  layers: field.integer(
    'Layers described',
    'The last so many: earlier ones write little into the embedding directly (see the shares).',
    { min: 1, max: 1024, default: 4 },
  ),
  span: field.integer('Texts a head', 'That TextSpan takes for each head.', { min: 1, max: 60, default: 5 }),
  labels: field.file(
    'Classes',
    'JSON file {"picture.png": "a photo of a dog", …}: pictures are then classified by these texts, with and without heads. Empty: no classification.',
  ),
  shown: field.text('Picture on the map', 'Name of a picture of the folder. Empty: the first one.'),
  mapped: field.text('Texts on the map', 'Separated by semicolons. Empty: the three texts nearest to the picture.'),
};
