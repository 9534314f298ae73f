/** The workbench with an analysis whose parameter is regions, over a picture and over a text. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { Tokenised } from '../../../protocol/compute/models';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import type { ImageSpan } from '../../../protocol/schema/parts';
import { answering, model, openMessage, pair, plan } from './workbench-host';

export const regionInfo: AnalysisInfo = {
  ...pair,
  id: 'of-regions',
  title: 'Region attention',
  question: 'Which heads mix parts of a picture or a text?',
  group: 'interventions',
  inputs: ['prompt'],
  parameters: {
    regions: {
      kind: 'regions',
      title: 'Regions',
      description: 'Two or more parts A, B, C of the picture or the text. Empty: two halves.',
      least: 2,
      most: 8,
      default: '',
    },
    heads: { kind: 'heads', title: 'Heads', description: 'In which they are kept apart. Empty: all.', default: '' },
  },
};

const position = { kind: 'integer', description: 'A token.', min: 0, max: 9999, default: 0 } as const;

export const spanInfo: AnalysisInfo = {
  ...pair,
  id: 'of-a-span',
  title: 'Heads that read a part',
  group: 'patterns',
  inputs: ['prompt'],
  parameters: {
    removed: {
      kind: 'choice',
      title: 'Removed',
      description: 'What the second pass lacks.',
      options: ['image', 'span'],
      default: 'image',
      names: {
        image: { title: 'The picture', definition: 'All of its tokens.' },
        span: { title: 'A part of the text', definition: 'Tokens that are marked.' },
      },
    },
    start: { ...position, title: 'Span start', spanTo: 'end', onlyWith: { removed: ['span'] } },
    end: { ...position, title: 'Span end', onlyWith: { removed: ['span'] } },
  },
};

/** A text of so many words, one token each. */
export const onSpan = (words: number): ((message: FromWorkbench) => readonly ToWorkbench[]) => {
  const tokens = Array.from({ length: words }, (_, at) => ` w${at}`);
  const other = answering(
    openMessage({
      analyses: [spanInfo],
      plan: {
        ...plan,
        analysis: spanInfo.id,
        input: { kind: 'prompt', prompt: { kind: 'text', text: tokens.join('') } },
        parameters: {},
        interventions: [],
      },
    }),
  );
  return (message) =>
    message.kind === 'tokenise'
      ? [{ kind: 'tokenised', request: message.request, tokenised: { ids: tokens.map((_, at) => at), tokens } }]
      : other(message);
};

const path = '/pictures/dog.png';

/** 448 x 336 pixels as 12 x 16 patches behind one token of text. */
export const image: ImageSpan = {
  ...{ name: 'dog.png', path, sha256: 'ab', width: 448, height: 336, start: 1, end: 193, tokens: 192 },
  tiles: [{ x: 0, y: 0, width: 448, height: 336, rows: 12, columns: 16, first: 0, stride: 16 }],
};

const words = ['<s>', 'Anna', ' has', ' a', ' red', ' hat', '.', ' Ben', ' has', ' a', ' blue', ' coat', '.'];

const tokenised = (withPicture: boolean): Tokenised => {
  const [first = '', ...others] = words;
  const tokens = withPicture ? [first, ...Array<string>(192).fill('<image>'), ...others] : words;
  return { ids: tokens.map((_, at) => at), tokens, ...(withPicture ? { image } : {}) };
};

export const onRegions = (
  regions: string,
  withPicture: boolean,
  place: 'full' | 'side' = 'full',
  least = 2,
): ((message: FromWorkbench) => readonly ToWorkbench[]) => {
  const text = 'Anna has a red hat. Ben has a blue coat.';
  const other = answering(
    openMessage({
      place,
      analyses: [
        {
          ...regionInfo,
          parameters: { ...regionInfo.parameters, regions: { ...regionInfo.parameters['regions'], least } as never },
        },
      ],
      model: { ...model, ...(withPicture ? { vision: { imageToken: 9, imageSize: 336 } as never } : {}) },
      plan: {
        ...plan,
        analysis: regionInfo.id,
        input: { kind: 'prompt', prompt: { kind: 'text', text, ...(withPicture ? { image: path } : {}) } },
        parameters: { regions },
        interventions: [],
      },
    }),
  );
  return (message) =>
    message.kind === 'tokenise'
      ? [{ kind: 'tokenised', request: message.request, tokenised: tokenised(withPicture) }]
      : other(message);
};
