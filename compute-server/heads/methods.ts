/** The methods of the compute server that look at one head: the one that is on the screen. */
import { decidesOverRows } from '../../protocol/interventions/interventions';
import { isCapture } from '../../protocol/wire/capture-name';
import type { HeadMethods } from '../../protocol/compute/models';
import {
  type HeadRowRequest,
  headOutputsRequest,
  headRowRequest,
  headTileRequest,
} from '../../protocol/compute/model-requests';
import type { IdsRequest } from '../../protocol/compute/request-parts';
import { refusal } from '../../protocol/wire/failures';
import type { CaptureCalls } from '../captures/capture-calls';
import { capturedRow, capturedTile } from './captured-head';
import { countOf, requested } from '../dispatch/parse';
import type { Methods } from '../dispatch/dispatcher';
import type { ModelCalls } from '../model-calls/model-calls';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { stampOf } from '../model/checkpoint/model-files';
import { requireParity } from '../model/checkpoint/parity';
import { withChangedSource } from '../model/interventions/changed-source';
import { lower, sourceStamps } from '../model/interventions/lower';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import { promptOfIds, readerOf, sequenceOf } from '../model/prompt/prompt';
import { chunkThatFits } from '../model/run/stream/budget';
import type { Surroundings } from '../surroundings';
import { headsOf } from '../../models/architectures/block-heads';
import { CrossView } from './cross-view';
import { HeadView } from './head-view';

/** Queries and keys. */
function sizeOf({ ids, source = ids, stack }: IdsRequest): readonly [rows: number, columns: number] {
  const queries = stack === 'encoder' ? source : ids;
  return [queries.length, (stack === 'cross' ? source : queries).length];
}

export function headMethods(
  surroundings: Surroundings,
  { once }: Pick<ModelCalls, 'once'>,
  captures: CaptureCalls,
): Pick<Methods, keyof HeadMethods> {
  let view: { readonly model: LoadedModel; readonly key: string; readonly view: HeadView | CrossView } | undefined;
  const viewOf = async (
    opened: LoadedModel,
    request: Omit<HeadRowRequest, 'query'>,
    signal: AbortSignal,
  ): Promise<HeadView | CrossView> => {
    const prompt = promptOfIds(request);
    const { stack } = request;
    const model = (stack === 'encoder' ? opened.source : undefined) ?? readerOf(opened, prompt);
    const block = model.spec.blocks[request.layer];
    const heads = block && (stack === 'cross' ? block.cross?.attention.heads : headsOf(block).heads);
    if (heads === undefined || request.head >= heads) {
      throw refusal(`there is no layer ${request.layer} head ${request.head} in this model`);
    }
    const { interventions } = request;
    const sources = await sourceStamps(interventions);
    const key = JSON.stringify([
      request.layer,
      stack,
      interventions,
      sources,
      request.ids,
      prompt,
      await stampOf(request.image),
    ]);
    if (view?.model === model && view.key === key) return view.view;
    const { memoryLimit } = surroundings;
    const encoding = { memoryLimit, signal };
    const read = await withChangedSource(
      opened,
      await sequenceOf(opened, prompt, encoding, interventions),
      interventions,
      encoding,
    );
    const { source } = read;
    const sequence: Sequence =
      stack === 'encoder' ? { ids: source?.ids ?? [], groups: source?.variantGroups ?? [] } : read;
    const chunk = chunkThatFits(
      model,
      {
        length: sequence.ids.length,
        batch: 1,
        keepCache: false,
        logits: 'none',
        effective: block?.attention === undefined,
        prefix: sequence.prefix,
        source: sequence.source,
        atOnce: decidesOverRows(interventions),
      },
      memoryLimit,
    );
    await requireParity(model, sequence, { signal });
    view = undefined;
    if (stack === 'encoder') {
      const shown = await HeadView.open(model, sequence, source?.variant ?? [], request.layer, chunk, signal);
      view = { model, key, view: shown };
      return shown;
    }
    const {
      variants: [variant = []],
      groups,
    } = await lower({ opened, model, sequence, chunk, memoryLimit, signal }, [interventions]);
    const shown =
      stack === 'cross'
        ? new CrossView(model, { ...sequence, groups }, variant, request.layer, chunk, signal)
        : await HeadView.open(model, { ...sequence, groups }, variant, request.layer, chunk, signal);
    view = { model, key, view: shown };
    return shown;
  };

  return {
    headTile: {
      parse(args) {
        countOf(args, 1, 'headTile');
        return [requested(headTileRequest, args[0])];
      },
      run: ([request], signal) => {
        const { folder } = request;
        if (isCapture(folder))
          return captures.once(folder, signal, (capture) => capturedTile(capture, request, signal));
        return once(request, signal, async (model) => {
          const [rows, columns] = sizeOf(request);
          if (request.rowStart >= rows || request.columnStart >= columns) {
            throw refusal(`the rectangle starts after the end of the prompt of ${rows} tokens`);
          }
          return (await viewOf(model, request, signal)).tile(request, signal);
        });
      },
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
      run: ([request], signal) => {
        const { folder } = request;
        if (isCapture(folder)) return captures.once(folder, signal, (capture) => capturedRow(capture, request, signal));
        return once(request, signal, async (model) => {
          const [rows] = sizeOf(request);
          if (request.query >= rows) {
            throw refusal(`query ${request.query} is past the end of the prompt of ${rows} tokens`);
          }
          return (await viewOf(model, request, signal)).rows(request.head, request.query, 1);
        });
      },
    },
  };
}
