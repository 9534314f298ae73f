/** The methods of the compute server about heads that read an image or another span: what each call checks and does. */
import { readFile } from 'node:fs/promises';
import type {
  DivergenceRequest,
  HallucinationMethods,
  HallucinationRequest,
  HallucinationSetRequest,
  ImageMapRequest,
  ImageWithTruth,
  Judging,
  Lexicon,
  OpenedImage,
  VisionPrompt,
} from '../../../protocol/compute/hallucination';
import type { PopeMethods, PopeRequest } from '../../../protocol/compute/pope';
import { InputError } from '../../../protocol/inputs/faults';
import { classesFrom } from '../../../protocol/inputs/lexicon';
import type { DatasetEntry } from '../../../protocol/results/hallucination';
import { popeReadings, popeSplits } from '../../../protocol/results/pope';
import { formatOf } from '../../images/header';
import { badRequest, countOf, fieldsOf, oneOf, textOf, wholeOf, yesOrNo, type Fields } from '../../dispatch/parse';
import type { Methods } from '../../dispatch/dispatcher';
import type { Surroundings } from '../../surroundings';
import { captionTime } from './caption-time';
import { divergenceAt, hallucinationJob, imageMap, reinforceJob } from './hallucination-job';
import { hallucinationSetJob } from './hallucination-set-job';
import type { LoadedModel } from '../checkpoint/loaded-model';
import type { ModelCalls } from '../calls/model-calls';
import { popeJob } from './pope-job';
import { piecesOf, tokenise } from '../prompt/prompt';
import { requireCaptions } from './span-request';
import { gainsOf, idList, promptOf, reinforcementOf, spanFields } from '../calls/request-fields';

const mostTokens = 1 << 16;

export function hallucinationMethods(
  surroundings: Surroundings,
  { once, job }: ModelCalls,
): Pick<Methods, keyof HallucinationMethods | keyof PopeMethods> {
  return {
    openImage: {
      parse(args) {
        countOf(args, 1, 'openImage');
        return [visionPromptOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) => once(request.folder, signal, (model) => openedImage(model, request)),
    },
    promptForPictures: {
      parse(args) {
        countOf(args, 2, 'promptForPictures');
        return [textOf(args[0], 'folder'), promptOf(args[1])];
      },
      run: ([folder, prompt], signal) =>
        once(folder, signal, (model) => {
          const { ids, chatPrompt } = requireCaptions(model, { prompt });
          return Promise.resolve({ ids, tokens: piecesOf(model, ids), ...(chatPrompt ? { chatPrompt } : {}) });
        }),
    },
    hallucination: {
      parse(args) {
        countOf(args, 1, 'hallucination');
        return [hallucinationRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        job(request.folder, signal, (model) => hallucinationJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'token'
          ? { lane: 'row', key: `token ${progress.index}`, final: true }
          : { lane: 'stage', key: progress.kind, final: progress.kind === 'firstStep' },
    },
    reinforce: {
      parse(args) {
        countOf(args, 2, 'reinforce');
        return [
          hallucinationRequestOf(fieldsOf(args[0], 'the request')),
          reinforcementOf(fieldsOf(args[1], 'the reinforcement'), 'reinforcement'),
        ];
      },
      run: ([request, reinforcement], signal) =>
        job(request.folder, signal, (model) => reinforceJob(model, request, reinforcement, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'token'
          ? { lane: 'row', key: `token ${progress.index}`, final: true }
          : { lane: 'stage', key: 'stage', final: false },
    },
    divergenceAt: {
      parse(args) {
        countOf(args, 1, 'divergenceAt');
        const request = fieldsOf(args[0], 'the request');
        return [{ ...divergenceRequestOf(request), generated: idList(request['generated'], 'generated') }];
      },
      run: ([request], signal) =>
        once(request.folder, signal, (model) => divergenceAt(model, request, surroundings, signal)),
    },
    imageMap: {
      parse(args) {
        countOf(args, 1, 'imageMap');
        return [imageMapRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        once(request.folder, signal, (model) => imageMap(model, request, surroundings, signal)),
    },
    captionTime: {
      parse(args) {
        countOf(args, 1, 'captionTime');
        const request = fieldsOf(args[0], 'the request');
        return [
          {
            folder: textOf(request['folder'], 'folder'),
            prompt: promptOf(request['prompt']),
            image: textOf(request['image'], 'image'),
            maxNewTokens: tokensOf(request),
            reinforced: wholeOf(request['reinforced'], 'reinforced', 0, 1 << 16),
            measured: yesOrNo(request['measured'], 'measured'),
          },
        ];
      },
      run: ([request], signal) =>
        once(request.folder, signal, (model) => captionTime(model, request, surroundings, signal)),
    },
    pope: {
      parse(args) {
        countOf(args, 1, 'pope');
        return [popeRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) => job(request.folder, signal, (model) => popeJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'failure'
          ? { lane: 'row', key: `failure ${progress.name}`, final: true }
          : { lane: 'stage', key: 'stage', final: false },
    },
    hallucinationSet: {
      parse(args) {
        countOf(args, 1, 'hallucinationSet');
        return [setRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        job(request.folder, signal, (model) => hallucinationSetJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'entry'
          ? { lane: 'row', key: `entry ${progress.entry.name}`, final: true }
          : progress.kind === 'failure'
            ? { lane: 'row', key: `failure ${progress.name}`, final: true }
            : { lane: 'stage', key: 'stage', final: false },
    },
  };
}

/** The file as it is, and where its tokens stand. */
async function openedImage(model: LoadedModel, { prompt }: VisionPrompt): Promise<OpenedImage> {
  const { image: path } = prompt;
  if (path === undefined) throw badRequest('the prompt names no image');
  const { image, chatPrompt } = await tokenise(model, prompt);
  if (!image) throw badRequest('the prompt has no image');
  const bytes = await readFile(path);
  const mime = formatOf(bytes) === 'JPEG' ? 'image/jpeg' : 'image/png';
  return { image, bytes, mime, ...(chatPrompt ? { chatPrompt } : {}) };
}

const visionPromptOf = (request: Fields): VisionPrompt => ({
  folder: textOf(request['folder'], 'folder'),
  prompt: promptOf(request['prompt']),
});

const divergenceRequestOf = (request: Fields): DivergenceRequest => ({
  ...visionPromptOf(request),
  ...spanFields(request),
  ...(request['k'] === undefined ? {} : { k: wholeOf(request['k'], 'k', 1, 1 << 16) }),
});

function judgingOf(request: Fields): Judging {
  const { truth, references, lexicon } = request;
  return {
    ...(truth === undefined ? {} : { truth: texts(truth, 'truth') }),
    ...(references === undefined ? {} : { references: texts(references, 'references') }),
    ...(lexicon === undefined ? {} : { lexicon: lexiconOf(fieldsOf(lexicon, 'lexicon')) }),
  };
}

function lexiconOf({ classes, publishedNames }: Fields): Lexicon {
  try {
    return { classes: classesFrom(classes), publishedNames: publishedNames === true };
  } catch (error) {
    if (error instanceof InputError)
      throw badRequest(`The lexicon cannot be used: ${error.message}. Choose another one`);
    throw error;
  }
}

function texts(value: unknown, what: string): string[] {
  if (!Array.isArray(value) || value.some((each) => typeof each !== 'string')) {
    throw badRequest(`${what} is a list of texts`);
  }
  return value as string[];
}

const tokensOf = (request: Fields): number => wholeOf(request['maxNewTokens'], 'maxNewTokens', 1, mostTokens);

const hallucinationRequestOf = (request: Fields): HallucinationRequest => ({
  ...divergenceRequestOf(request),
  ...judgingOf(request),
  maxNewTokens: tokensOf(request),
  ...(request['keepSteps'] === undefined ? {} : { keepSteps: request['keepSteps'] === true }),
});

function imageMapRequestOf(request: Fields): ImageMapRequest {
  const { heads, gains, span } = request;
  if (!Array.isArray(heads)) throw badRequest('heads is a list of layers and heads');
  const place = (fields: Fields, name: string, what: string): number =>
    wholeOf(fields[name], `${what}.${name}`, 0, 1 << 24);
  return {
    ...visionPromptOf(request),
    generated: idList(request['generated'], 'generated'),
    heads: heads.map((each, at) => {
      const head = fieldsOf(each, `heads[${at}]`);
      return { layer: place(head, 'layer', `heads[${at}]`), head: place(head, 'head', `heads[${at}]`) };
    }),
    ...(gains === undefined ? {} : { gains: gainsOf(gains, 'gains') }),
    ...(span === undefined
      ? {}
      : {
          span: {
            start: place(fieldsOf(span, 'span'), 'start', 'span'),
            end: place(fieldsOf(span, 'span'), 'end', 'span'),
          },
        }),
  };
}

function imageWithTruth(value: unknown, what: string): ImageWithTruth {
  const { path, truth, references } = fieldsOf(value, what);
  return {
    path: textOf(path, `${what}.path`),
    truth: texts(truth, `${what}.truth`),
    ...(references === undefined ? {} : { references: texts(references, `${what}.references`) }),
  };
}

const sampleOf = ({ count, seed }: Fields): { readonly count: number; readonly seed: number } => ({
  count: wholeOf(count, 'sample.count', 1, 1 << 24),
  seed: wholeOf(seed, 'sample.seed', 0, 2 ** 32 - 1),
});

function popeRequestOf(request: Fields): PopeRequest {
  const { images, sample, splits, reinforcement } = request;
  if (!Array.isArray(images)) throw badRequest('images is a list of paths with their truth');
  if (!Array.isArray(splits) || splits.length === 0) throw badRequest(`splits is a list of ${popeSplits.join(', ')}`);
  const { removed: _, ...measure } = spanFields({ ...request, removed: { kind: 'image' } });
  return {
    ...measure,
    folder: textOf(request['folder'], 'folder'),
    prompt: textOf(request['prompt'], 'prompt'),
    chat: yesOrNo(request['chat'], 'chat'),
    images: images.map((each, at) => imageWithTruth(each, `images[${at}]`)),
    ...(sample === undefined ? {} : { sample: sampleOf(fieldsOf(sample, 'sample')) }),
    seed: wholeOf(request['seed'], 'seed', 0, 2 ** 32 - 1),
    splits: splits.map((each, at) => oneOf(each, `splits[${at}]`, popeSplits)),
    readBy: oneOf(request['readBy'], 'readBy', popeReadings),
    maxNewTokens: tokensOf(request),
    ...(reinforcement === undefined
      ? {}
      : { reinforcement: reinforcementOf(fieldsOf(reinforcement, 'reinforcement'), 'reinforcement') }),
  };
}

function setRequestOf(request: Fields): HallucinationSetRequest {
  const { images, reinforcements, done, sample } = request;
  if (!Array.isArray(images)) throw badRequest('images is a list of paths with their truth');
  if (!Array.isArray(reinforcements)) throw badRequest('reinforcements is a list');
  if (!Array.isArray(done)) throw badRequest('done is a list of entries');
  const { removed: _, ...settings } = divergenceRequestOf({ ...request, removed: { kind: 'image' } });
  const { lexicon } = judgingOf({ lexicon: request['lexicon'] });
  return {
    ...settings,
    ...(lexicon ? { lexicon } : {}),
    maxNewTokens: tokensOf(request),
    images: images.map((each, at) => imageWithTruth(each, `images[${at}]`)),
    ...(sample === undefined ? {} : { sample: sampleOf(fieldsOf(sample, 'sample')) }),
    reinforcements: reinforcements.map((each, at) =>
      reinforcementOf(fieldsOf(each, `reinforcements[${at}]`), `reinforcements[${at}]`),
    ),
    // Entries go back as they came: only what finds them is checked.
    done: done.map((each, at) => {
      textOf(fieldsOf(each, `done[${at}]`)['name'], `done[${at}].name`);
      return each as DatasetEntry;
    }),
  };
}
