/** The methods of the compute server that run models: what each call checks and does. */
import type { GenerateRequest, HeadRowRequest, HeadsRequest, ModelMethods } from '../../../protocol/compute/models';
import { badRequest, countOf, fieldsOf, textOf, wholeOf, yesOrNo, type Fields } from '../../dispatch/parse';
import type { Methods } from '../../dispatch/dispatcher';
import type { Surroundings } from '../../surroundings';
import { planChunk } from '../run/budget';
import { generateJob, nextTokens } from '../generation/generate-job';
import { headsJob } from '../heads/heads-job';
import { HeadView } from '../heads/head-view';
import { variantProblem } from '../run/interventions';
import type { LoadedModel } from '../checkpoint/loaded-model';
import type { ModelCalls } from './model-calls';
import { stampOf } from '../checkpoint/model-files';
import { requireParity } from '../run/parity';
import { readerOf, sequenceOf, tokenise } from '../prompt/prompt';
import {
  biasesOf,
  encoderInputOf,
  gainsOf,
  idList,
  imageOf,
  largestTile,
  numberOf,
  promptOf,
  promptOfIds,
  reinforcementOf,
  spanFields,
} from './request-fields';

export function modelMethods(surroundings: Surroundings, calls: ModelCalls): Pick<Methods, keyof ModelMethods> {
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
    await requireParity(model, sequence, { signal });
    view = undefined;
    const shown = await HeadView.open(model, sequence, { gains: request.gains }, request.layer, chunk, signal);
    view = { model, key, view: shown };
    return shown;
  };
  const { once, job } = calls;

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
    parity: {
      parse(args) {
        countOf(args, 2, 'parity');
        return [textOf(args[0], 'folder'), encoderInputOf(args[1]) ?? promptOf(args[1])];
      },
      run: ([folder, prompt], signal) =>
        once(folder, signal, async (model) => {
          const sequence = await sequenceOf(model, prompt, { memoryLimit: surroundings.memoryLimit, signal });
          return requireParity(readerOf(model, prompt), sequence, { signal });
        }),
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
    ...biasesOf(request),
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
    ...biasesOf(request),
    maxNewTokens: wholeOf(request['maxNewTokens'], 'maxNewTokens', 0, 1 << 20),
    temperature: numberOf(request['temperature'], 'temperature', 0, 100),
    topP: numberOf(request['topP'], 'topP', Number.MIN_VALUE, 1),
    seed: wholeOf(request['seed'], 'seed', 0, 2 ** 32 - 1),
    statistics: yesOrNo(request['statistics'], 'statistics'),
    ...(request['reinforcement'] === undefined
      ? {}
      : { reinforcement: heldReinforcementOf(fieldsOf(request['reinforcement'], 'reinforcement')) }),
  };
}

const heldReinforcementOf = (fields: Fields): NonNullable<GenerateRequest['reinforcement']> => ({
  ...reinforcementOf(fields, 'reinforcement'),
  ...spanFields(fields),
});
