/** The methods of the compute server that look at one head: the one that is on the screen. */
import { decidesOverRows } from '../../protocol/interventions/interventions';
import type { HeadMethods } from '../../protocol/compute/models';
import {
  type HeadRowRequest,
  headOutputsRequest,
  headRowRequest,
  headTileRequest,
} from '../../protocol/compute/model-requests';
import { refusal } from '../../protocol/wire/failures';
import { countOf, requested } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import type { ModelCalls } from '../model-calls/model-calls';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { stampOf } from '../model/checkpoint/model-files';
import { requireParity } from '../model/checkpoint/parity';
import { lower, sourceStamps } from '../model/interventions/lower';
import { promptOfIds, readerOf, sequenceOf } from '../model/prompt/prompt';
import { chunkThatFits } from '../model/run/stream/budget';
import type { Surroundings } from '../surroundings';
import { HeadView } from './head-view';

export function headMethods(
  surroundings: Surroundings,
  { once }: Pick<ModelCalls, 'once'>,
): Pick<Methods, keyof HeadMethods> {
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

  return {
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
  };
}
