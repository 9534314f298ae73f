/** Parameters of analyses that judge captions of a folder of pictures. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
export const truthParameters: ParameterTable<{ readonly truth: string; readonly lexicon: string }> = {
  truth: {
    ...field.file(
      'Truth',
      'JSON file of what the pictures hold: {"image.png": ["object", …]}; only pictures it names are run.',
    ),
    beside: 'truth',
  },
  lexicon: {
    ...field.file(
      'Lexicon',
      'Classes and synonyms by which the words of a caption are judged; empty: the 80 classes of COCO.',
    ),
    beside: 'lexicon',
    whenEmpty: 'COCO, 80 classes',
  },
};

export const captionTokens: ParameterTable<{ readonly tokens: number }>['tokens'] = field.integer(
  'Most tokens',
  'A caption is cut after so many tokens; a word takes one or more.',
  { min: 1, max: 2 ** 16, default: 64 },
);
