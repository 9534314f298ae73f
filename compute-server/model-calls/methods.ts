/** The methods of the compute server that run models: what each call checks and does. */
import { decidesOverRows } from '../../protocol/interventions/interventions';
import type { HeadRowRequest, ModelMethods } from '../../protocol/compute/models';
import { countOf, deviceIn, requested, textOf } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import type { Surroundings } from '../surroundings';
import { chunkThatFits } from '../model/run/stream/budget';
import { generateJob, nextTokens } from './generate-job';
import { headsJob } from '../heads/heads-job';
import { HeadView } from '../heads/head-view';
import { lower, sourceStamps } from '../model/interventions/lower';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import type { ModelCalls } from './model-calls';
import { stampOf } from '../model/checkpoint/model-files';
import { requireParity } from '../model/checkpoint/parity';
import { readerOf, sequenceOf, tokenise, promptOfIds } from '../model/prompt/prompt';
import {
  generateRequest,
  headOutputsRequest,
  headRowRequest,
  headsRequest,
  headTileRequest,
  nextTokensRequest,
  servingMeasureRequest,
  steeringRequest,
} from '../../protocol/compute/model-requests';
import { measureServing } from './measure-serving';
import { steeringJob } from './steering-job';
import { promptOrImage } from '../../protocol/inputs/prompt';
import { refusal } from '../../protocol/wire/failures';

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
      throw refusal(`there is no layer ${request.layer} head ${request.head} in this model`);
    }
    const { interventions } = request;
    const sources = await sourceStamps(interventions);
    const key = JSON.stringify([
      request.layer,
      interventions,
      sources,
      request.ids,
      prompt,
      await stampOf(request.image),
    ]);
    if (view?.model === model && view.key === key) return view.view;
    const { memoryLimit } = surroundings;
    const sequence = await sequenceOf(opened, prompt, { memoryLimit, signal }, interventions);
    const chunk = chunkThatFits(
      model,
      {
        length: sequence.ids.length,
        batch: 1,
        keepCache: false,
        logits: 'none',
        prefix: sequence.prefix,
        atOnce: decidesOverRows(interventions),
      },
      memoryLimit,
    );
    await requireParity(model, sequence, { signal });
    view = undefined;
    const {
      variants: [variant = []],
      groups,
    } = await lower({ opened, model, sequence, chunk, memoryLimit, signal }, [interventions]);
    const shown = await HeadView.open(model, { ...sequence, groups }, variant, request.layer, chunk, signal);
    view = { model, key, view: shown };
    return shown;
  };
  const { once, job, reading } = calls;

  return {
    openModel: {
      parse(args) {
        countOf(args, 1, 'openModel', 1);
        return [textOf(args[0], 'folder'), ...deviceIn(args[1])];
      },
      run: ([folder, device], signal) => once({ folder, device }, signal, (model) => Promise.resolve(model.summary)),
    },
    tokenise: {
      parse(args) {
        countOf(args, 2, 'tokenise');
        return [textOf(args[0], 'folder'), requested(promptOrImage, args[1], 'prompt')];
      },
      run: ([folder, prompt], signal) => reading(folder, signal, (model) => tokenise(model, prompt)),
    },
    parity: {
      parse(args) {
        countOf(args, 2, 'parity', 1);
        return [textOf(args[0], 'folder'), requested(promptOrImage, args[1], 'prompt'), ...deviceIn(args[2])];
      },
      run: ([folder, prompt, device], signal) =>
        once({ folder, device }, signal, async (model) => {
          const sequence = await sequenceOf(model, prompt, { memoryLimit: surroundings.memoryLimit, signal });
          return requireParity(readerOf(model, prompt), sequence, { signal });
        }),
    },
    heads: {
      parse(args) {
        countOf(args, 1, 'heads');
        return [requested(headsRequest, args[0])];
      },
      run: ([request], signal) => job(request, signal, (model) => headsJob(model, request, surroundings, signal)),
      describe: (progress) =>
        progress.kind === 'layer'
          ? { lane: 'row', key: `layer ${progress.layer}`, final: true }
          : { lane: 'stage', key: 'stage', final: false },
    },
    headTile: {
      parse(args) {
        countOf(args, 1, 'headTile');
        return [requested(headTileRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, async (model) => {
          if (request.rowStart >= request.ids.length || request.columnStart >= request.ids.length) {
            throw refusal(`the rectangle starts after the end of the prompt of ${request.ids.length} tokens`);
          }
          return (await viewOf(model, request, signal)).tile(request, signal);
        }),
    },
    headOutputs: {
      parse(args) {
        countOf(args, 1, 'headOutputs');
        return [requested(headOutputsRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, async (model) => (await viewOf(model, request, signal)).outputs(request.head)),
    },
    headRow: {
      parse(args) {
        countOf(args, 1, 'headRow');
        return [requested(headRowRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, async (model) => {
          if (request.query >= request.ids.length) {
            throw refusal(`query ${request.query} is past the end of the prompt of ${request.ids.length} tokens`);
          }
          return (await viewOf(model, request, signal)).rows(request.head, request.query, 1);
        }),
    },
    nextTokens: {
      parse(args) {
        countOf(args, 1, 'nextTokens');
        return [requested(nextTokensRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, async (model) => nextTokens(model, request, surroundings, signal)),
    },
    measureServing: {
      parse(args) {
        countOf(args, 1, 'measureServing');
        return [requested(servingMeasureRequest, args[0])];
      },
      run: ([request], signal) =>
        once(request, signal, (model) => measureServing(model, request, surroundings, signal)),
    },
    steeringVector: {
      parse(args) {
        countOf(args, 1, 'steeringVector');
        return [requested(steeringRequest, args[0])];
      },
      run: ([request], signal) => job(request, signal, (model) => steeringJob(model, request, surroundings, signal)),
      describe: () => ({ lane: 'stage', key: 'stage', final: false }),
    },
    generate: {
      parse(args) {
        countOf(args, 1, 'generate');
        return [requested(generateRequest, args[0])];
      },
      run: ([request], signal) => job(request, signal, (model) => generateJob(model, request, surroundings, signal)),
      describe: (progress) => ({ lane: 'row', key: `token ${progress.index}`, final: true }),
    },
  };
}
