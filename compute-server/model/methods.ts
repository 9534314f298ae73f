/** The methods of the compute server that run models: what each call checks and does. */
import type { HeadGain } from '../../protocol/results/heads';
import type {
  EncoderInput,
  GenerateRequest,
  HeadRowRequest,
  HeadsRequest,
  IdsRequest,
  ModelMethods,
  PromptInput,
} from '../../protocol/compute/models';
import { badRequest, countOf, fieldsOf, textOf, wholeOf, yesOrNo, type Fields } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import { alone, jobAlone, type Lane } from '../dispatch/lane';
import { FailureError } from '../../protocol/wire/failures';
import { ModelError } from '../../models/architectures/model-spec';
import type { Surroundings } from '../surroundings';
import { planChunk } from './budget';
import { generateJob, nextTokens } from './generate-job';
import { headsJob } from './heads-job';
import { HeadView } from './head-view';
import { variantProblem } from './interventions';
import { stampOf, type LoadedModel } from './loaded-model';
import { ModelStore } from './model-store';
import { readerOf, sequenceOf, tokenise } from './prompt';

/** Share of the memory limit that opened weights may take; the rest is for the run. */
const weightShare = 0.5;

export function modelMethods(surroundings: Surroundings, lane: Lane): Pick<Methods, keyof ModelMethods> {
  const store = new ModelStore({
    device: 'cpu',
    threads: surroundings.defaultThreads,
    limitBytes: surroundings.memoryLimit * weightShare,
  });
  let view: { readonly model: LoadedModel; readonly key: string; readonly view: HeadView } | undefined;
  const viewOf = async (
    opened: LoadedModel,
    request: Omit<HeadRowRequest, 'query'>,
    signal: AbortSignal,
  ): Promise<HeadView> => {
    const prompt = promptOfIds(request);
    const model = readerOf(opened, prompt);
    const block = model.spec.blocks[request.layer];
    if (!block || request.head >= block.attention.heads) {
      throw badRequest(`there is no layer ${request.layer} head ${request.head} in this model`);
    }
    const problem = variantProblem(model.spec, { gains: request.gains }, []);
    if (problem !== undefined) throw badRequest(problem);
    const key = JSON.stringify([request.layer, request.gains, request.ids, prompt, await stampOf(request.image)]);
    if (view?.model === model && view.key === key) return view.view;
    const { memoryLimit } = surroundings;
    const sequence = await sequenceOf(opened, prompt, { memoryLimit, signal });
    const chunk = planChunk(
      model.spec,
      { length: sequence.ids.length, batch: 1, keepCache: false, logits: 'none', prefix: sequence.prefix },
      memoryLimit,
    );
    view = undefined;
    const shown = await HeadView.open(model, sequence, { gains: request.gains }, request.layer, chunk, signal);
    view = { model, key, view: shown };
    return shown;
  };
  const once = <T>(folder: string, signal: AbortSignal, act: (model: LoadedModel) => Promise<T>): Promise<T> =>
    alone(lane, signal, async () => {
      try {
        const model = await store.open(folder);
        const result = await act(model);
        await model.requireUnchanged();
        return result;
      } catch (error) {
        throw told(error, folder, signal);
      }
    });
  const job = <P, R>(folder: string, signal: AbortSignal, start: (model: LoadedModel) => AsyncGenerator<P, R, void>) =>
    jobAlone(lane, signal, async function* () {
      try {
        const model = await store.open(folder);
        const result = yield* start(model);
        await model.requireUnchanged();
        return result;
      } catch (error) {
        throw told(error, folder, signal);
      }
    });

  return {
    openModel: {
      parse(args) {
        countOf(args, 1, 'openModel');
        return [textOf(args[0], 'folder')];
      },
      run: ([folder], signal) => once(folder, signal, (model) => Promise.resolve(model.summary)),
    },
    tokenise: {
      parse(args) {
        countOf(args, 2, 'tokenise');
        return [textOf(args[0], 'folder'), encoderInputOf(args[1]) ?? promptOf(args[1])];
      },
      run: ([folder, prompt], signal) => once(folder, signal, (model) => tokenise(model, prompt)),
    },
    heads: {
      parse(args) {
        countOf(args, 1, 'heads');
        return [headsRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        job(request.folder, signal, (model) => headsJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'layer'
          ? { lane: 'row', key: `layer ${progress.layer}`, final: true }
          : { lane: 'stage', key: 'stage', final: false },
    },
    headTile: {
      parse(args) {
        countOf(args, 1, 'headTile');
        const request = fieldsOf(args[0], 'the request');
        const whole = (name: string, min: number): number => wholeOf(request[name], name, min, 1 << 24);
        return [
          {
            ...oneHead(request),
            rowStart: whole('rowStart', 0),
            rowCount: whole('rowCount', 1),
            columnStart: whole('columnStart', 0),
            columnCount: whole('columnCount', 1),
            outRows: wholeOf(request['outRows'], 'outRows', 1, 2048),
            outColumns: wholeOf(request['outColumns'], 'outColumns', 1, 2048),
          },
        ];
      },
      run: ([request], signal) =>
        once(request.folder, signal, async (model) => {
          if (request.rowStart >= request.ids.length || request.columnStart >= request.ids.length) {
            throw badRequest(`the rectangle starts behind the prompt of ${request.ids.length} tokens`);
          }
          return (await viewOf(model, request, signal)).tile(request, signal);
        }),
    },
    headOutputs: {
      parse(args) {
        countOf(args, 1, 'headOutputs');
        return [oneHead(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        once(request.folder, signal, async (model) => (await viewOf(model, request, signal)).outputs(request.head)),
    },
    headRow: {
      parse(args) {
        countOf(args, 1, 'headRow');
        const request = fieldsOf(args[0], 'the request');
        return [{ ...oneHead(request), query: wholeOf(request['query'], 'query', 0, 1 << 24) }];
      },
      run: ([request], signal) =>
        once(request.folder, signal, async (model) => {
          if (request.query >= request.ids.length) {
            throw badRequest(`query ${request.query} lies behind the prompt of ${request.ids.length} tokens`);
          }
          return (await viewOf(model, request, signal)).rows(request.head, request.query, 1);
        }),
    },
    nextTokens: {
      parse(args) {
        countOf(args, 1, 'nextTokens');
        const request = fieldsOf(args[0], 'the request');
        const variants = request['variants'];
        if (!Array.isArray(variants) || variants.length > 64) throw badRequest('variants is a list of at most 64');
        return [
          {
            folder: textOf(request['folder'], 'folder'),
            ids: idList(request['ids'], 'ids'),
            ...imageOf(request),
            variants: variants.map((gains, at) => gainsOf(gains, `variants[${at}]`)),
            top: wholeOf(request['top'], 'top', 1, 1000),
          },
        ];
      },
      run: ([request], signal) =>
        once(request.folder, signal, async (model) => nextTokens(model, request, surroundings, signal)),
    },
    generate: {
      parse(args) {
        countOf(args, 1, 'generate');
        return [generateRequestOf(fieldsOf(args[0], 'the request'))];
      },
      run: ([request], signal) =>
        job(request.folder, signal, (model) => generateJob(model, request, surroundings, signal)),
      describe: (progress) => ({ lane: 'row', key: `token ${progress.index}`, final: true }),
    },
  };
}

/** What a run throws, as a failure that has words. */
function told(error: unknown, folder: string, signal: AbortSignal): unknown {
  if (signal.aborted && error instanceof Error && error.name === 'AbortError') {
    return new FailureError({ code: 'cancelled' });
  }
  if (error instanceof ModelError) return new FailureError({ code: 'model-unusable', folder, detail: error.message });
  return error;
}

function promptOf(value: unknown): PromptInput {
  const prompt = fieldsOf(value, 'the prompt');
  const image = imageOf(prompt);
  if (prompt['kind'] === 'ids') return { kind: 'ids', ids: idList(prompt['ids'], 'prompt.ids'), ...image };
  if (prompt['kind'] !== 'text') throw badRequest('prompt.kind is text or ids');
  // An empty text is refused where its tokens are counted.
  const text = prompt['text'] === '' ? '' : textOf(prompt['text'], 'prompt.text');
  return { kind: 'text', text, chat: prompt['chat'] === true, ...image };
}

const imageOf = (fields: Fields): { readonly image?: string } =>
  fields['image'] === undefined ? {} : { image: textOf(fields['image'], 'image') };

const largestTile = 1 << 16;

function encoderInputOf(value: unknown): EncoderInput | undefined {
  const prompt = fieldsOf(value, 'the prompt');
  if (prompt['kind'] !== 'image') return undefined;
  const { tile } = prompt;
  return {
    kind: 'image',
    image: textOf(prompt['image'], 'prompt.image'),
    ...(tile === undefined ? {} : { tile: wholeOf(tile, 'prompt.tile', 0, largestTile) }),
  };
}

/** What a request by ids reads: the text, or a tile of the picture through the encoder. */
function promptOfIds({ ids, image, encoderTile }: IdsRequest): PromptInput | EncoderInput {
  if (encoderTile === undefined) return { kind: 'ids', ids, ...(image === undefined ? {} : { image }) };
  if (image === undefined) throw badRequest('encoderTile names a tile of an image, and there is no image');
  return { kind: 'image', image, tile: encoderTile };
}

function idList(value: unknown, what: string): number[] {
  if (!Array.isArray(value)) throw badRequest(`${what} is a list of token ids`);
  return value.map((id, at) => wholeOf(id, `${what}[${at}]`, 0, 2 ** 31 - 1));
}

function numberOf(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw badRequest(`${what} is a number from ${min} to ${max}`);
  }
  return value;
}

function gainsOf(value: unknown, what: string): HeadGain[] {
  if (!Array.isArray(value)) throw badRequest(`${what} is a list of gains`);
  return value.map((each, at) => {
    const gain = fieldsOf(each, `${what}[${at}]`);
    return {
      layer: wholeOf(gain['layer'], `${what}[${at}].layer`, 0, 1 << 16),
      head: wholeOf(gain['head'], `${what}[${at}].head`, 0, 1 << 16),
      gain: numberOf(gain['gain'], `${what}[${at}].gain`, -1e6, 1e6),
    };
  });
}

const oneHead = (request: Fields) => ({
  folder: textOf(request['folder'], 'folder'),
  ids: idList(request['ids'], 'ids'),
  ...imageOf(request),
  ...(request['encoderTile'] === undefined
    ? {}
    : { encoderTile: wholeOf(request['encoderTile'], 'encoderTile', 0, largestTile) }),
  gains: gainsOf(request['gains'], 'gains'),
  layer: wholeOf(request['layer'], 'layer', 0, 1 << 16),
  head: wholeOf(request['head'], 'head', 0, 1 << 16),
});

function headsRequestOf(request: Fields): HeadsRequest {
  const groups = request['groups'];
  if (groups !== undefined && !Array.isArray(groups)) throw badRequest('groups is a list');
  return {
    folder: textOf(request['folder'], 'folder'),
    prompt: encoderInputOf(request['prompt']) ?? promptOf(request['prompt']),
    gains: gainsOf(request['gains'], 'gains'),
    ...(request['chunk'] === undefined ? {} : { chunk: wholeOf(request['chunk'], 'chunk', 1, 1 << 16) }),
    ...(groups === undefined
      ? {}
      : {
          groups: groups.map((each, at) => {
            const group = fieldsOf(each, `groups[${at}]`);
            return {
              name: textOf(group['name'], `groups[${at}].name`),
              positions: idList(group['positions'], `groups[${at}].positions`),
            };
          }),
        }),
    classify: yesOrNo(request['classify'], 'classify'),
    causal: yesOrNo(request['causal'], 'causal'),
    thumbnails: yesOrNo(request['thumbnails'], 'thumbnails'),
    seed: wholeOf(request['seed'], 'seed', 0, 2 ** 32 - 1),
  };
}

function generateRequestOf(request: Fields): GenerateRequest {
  return {
    folder: textOf(request['folder'], 'folder'),
    prompt: promptOf(request['prompt']),
    gains: gainsOf(request['gains'], 'gains'),
    maxNewTokens: wholeOf(request['maxNewTokens'], 'maxNewTokens', 0, 1 << 20),
    temperature: numberOf(request['temperature'], 'temperature', 0, 100),
    topP: numberOf(request['topP'], 'topP', Number.MIN_VALUE, 1),
    seed: wholeOf(request['seed'], 'seed', 0, 2 ** 32 - 1),
    statistics: yesOrNo(request['statistics'], 'statistics'),
  };
}
